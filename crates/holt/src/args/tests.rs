use clap::CommandFactory as _;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    let server = ["--url", "http://x", "--token", "t", "--tenant", "acme"];
    Cli::try_parse_from(line.split_whitespace().chain(server))
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn an_event_asks_for_exactly_one_thing() {
    assert!(parse("holt event send g --change -2").is_ok());
    assert!(parse("holt event send g --percent -12.5").is_ok());
    assert!(parse("holt event send g").is_err());
    assert!(parse("holt event send g --desired 3 --policy up").is_err());
}

#[test]
fn a_grant_needs_force_a_size_and_a_time() {
    let all = "holt event send g --desired 20 --force --override-size 20 --override-until 2026-11-21T14:00:00Z";
    assert!(parse(all).is_ok());
    assert!(parse(&all.replace("--force", "")).is_err());
    assert!(parse(&all.replace("--override-size 20", "")).is_err());
}

#[test]
fn a_token_needs_a_tenant_and_rights_and_a_new_key_neither() {
    assert!(Cli::try_parse_from(["holt", "token", "--new-key", "keys"]).is_ok());
    assert!(Cli::try_parse_from(["holt", "token", "--tenant", "acme"]).is_err());
    let all = ["holt", "token", "--tenant", "acme", "--rights", "read,crud"];
    assert!(Cli::try_parse_from(all).is_ok());
}

#[test]
fn history_is_asked_of_a_group_or_over_all_of_them() {
    assert!(parse("holt history g --limit 3").is_ok());
    assert!(parse("holt history").is_err());
    assert!(parse("holt history search --actor ann --of-server 6f1b7c1e --limit 3").is_ok());
    assert!(parse("holt history export --from 2026-11-01T00:00:00Z --after x").is_ok());
    assert!(parse("holt history export g").is_err());
    assert!(Cli::try_parse_from(["holt", "history", "rebuild"]).is_ok());
}
