use wire::v2::verdict::{Gate, Outcome};

use super::*;

fn verdict() -> Verdict {
    serde_json::from_value(serde_json::json!({
        "event": "alert-1", "outcome": "cooldown", "asked": { "policy": "busy" }, "force": "no", "before": 2, "after": 2,
        "gates": [{ "gate": "pause", "word": "pass" }, { "gate": "policy-cooldown", "word": "wait", "wait_ms": 12_340 }],
        "actor": { "kind": "caller", "name": "monitoring", "request_id": "" }, "at": "2026-11-21T14:05:00.000Z", "rev": 7,
    }))
    .unwrap()
}

#[test]
fn a_verdict_says_which_gate_stopped_it_and_for_how_long() {
    let stopped = verdict();
    assert_eq!(why(&stopped), "policy cooldown: 12.3 s left");
    let shown = verdicts(&[stopped]);
    assert!(
        shown.contains("policy busy") && shown.contains("cooldown") && shown.contains("monitoring"),
        "{shown}"
    );
}

#[test]
fn a_capped_verdict_says_what_was_asked() {
    let capped = Verdict {
        outcome: Outcome::Clamped,
        gates: vec![GateWord {
            gate: Gate::Clamp,
            word: Word::Capped,
            wait_ms: None,
            asked: Some(14),
            to: Some(12),
        }],
        before: 2,
        after: 12,
        ..verdict()
    };
    assert_eq!(why(&capped), "clamp: 14 asked, 12 let through");
    assert!(verdicts(&[capped]).contains("2 to 12"));
}
