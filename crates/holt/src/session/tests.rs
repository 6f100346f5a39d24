use clap::Parser as _;

use super::*;
use crate::args::{Cli, Command, Event};

fn parsed(line: &str) -> anyhow::Result<EventRequest> {
    let server = ["--url", "http://x", "--token", "t", "--tenant", "acme"];
    let cli = Cli::try_parse_from(line.split_whitespace().chain(server)).unwrap();
    let Command::Event(Event::Send(send)) = cli.command else {
        panic!("{line}")
    };
    request(&send)
}

#[test]
fn the_command_line_says_what_the_api_is_asked() {
    let ask = |line| serde_json::to_value(parsed(line).unwrap()).unwrap();
    assert_eq!(
        ask("holt event send g --change -2"),
        serde_json::json!({ "change": -2 })
    );
    assert_eq!(
        ask("holt event send g --percent 12.5"),
        serde_json::json!({ "change_percent": 12.5 })
    );
    let forced = "holt event send g --desired 20 --force --override-size 20 --override-until 2026-11-21T14:00:00Z";
    let expected = serde_json::json!({
        "desired": 20, "force": true, "override": { "size": 20, "until": "2026-11-21T14:00:00.000Z" },
    });
    assert_eq!(ask(forced), expected);
}

#[test]
fn a_percentage_that_is_no_number_is_named() {
    let error = parsed("holt event send g --percent many").unwrap_err();
    assert!(error.to_string().contains("`many`"), "{error}");
}
