//! Hooks and their messages.
use wire::v2::delivery::{Delivery, Waited};
use wire::v2::hook::{Hook, HookMade};

use super::{table, word};

/// Hooks of a group.
pub(crate) fn hooks(hooks: &[Hook]) -> String {
    let head = ["hook", "called at", "form", "address", "waits", "keys"];
    let row = |h: &Hook| {
        let points: Vec<_> = h.points.iter().map(word).collect();
        let keys: Vec<_> = h.keys.iter().map(|key| word(&key.kind)).collect();
        let waits = h.wait.as_ref().map_or_else(String::new, |wait| {
            format!("{} s, then {}", wait.deadline_s, word(&wait.default))
        });
        let off = if h.enabled { "" } else { " (off)" };
        [
            format!("{}{off}", h.hook),
            points.join("\n"),
            word(&h.format),
            h.url.clone(),
            waits,
            keys.join(", "),
        ]
    };
    table(head, hooks.iter().map(row))
}

/// A hook that was made or given a new key.
pub(crate) fn hook_made(made: &HookMade) -> String {
    let table = hooks(std::slice::from_ref(&made.hook));
    match &made.secret {
        Some(secret) => {
            format!("{table}\nreceivers verify with this, which is not shown again: {secret}")
        }
        None => table,
    }
}

/// Messages of hooks, newest first.
pub(crate) fn deliveries(deliveries: &[Delivery]) -> String {
    let head = [
        "number", "made", "hook", "what", "server", "state", "tries", "trouble", "waits",
    ];
    let row = |d: &Delivery| {
        [
            d.delivery.to_string(),
            d.made.to_string(),
            d.hook.clone(),
            word(&d.point),
            d.server.clone().unwrap_or_default(),
            word(&d.state),
            d.attempts.to_string(),
            d.trouble.clone().unwrap_or_default(),
            d.wait.as_ref().map(waits).unwrap_or_default(),
        ]
    };
    table(head, deliveries.iter().map(row))
}

fn waits(wait: &Waited) -> String {
    match (&wait.outcome, &wait.answer) {
        (None, _) => format!("until {}, then {}", wait.deadline, word(&wait.default)),
        (Some(outcome), Some(answer)) => format!("{}: {}", word(outcome), word(answer)),
        (Some(outcome), None) => word(outcome),
    }
}
