//! Whose messages wait for whose.

use super::*;

/// How many messages about one server are due at once to two hooks of this format and address.
fn at_once(format: Format, url: &str) -> usize {
    let one = || Hook {
        format,
        url: url.into(),
        ..hook(&[Point::Active], None)
    };
    let mut group = with_hooks(&[("a", one()), ("b", one())]);
    boot(&mut group, 10);
    due(&group, wall(10)).due.len()
}

#[test]
fn an_address_hears_of_a_server_in_order_and_a_service_with_a_key_for_each_hook_is_no_such_address()
{
    let url = "https://receiver.example/hook";
    assert_eq!(at_once(Format::Webhook, url), 1);
    assert_eq!(at_once(Format::Probe, url), 1);
    assert_eq!(at_once(Format::Slack, "https://hooks.slack.com/..."), 2);
    assert_eq!(at_once(Format::PagerDuty, ""), 2);
}
