//! Inputs and their notes.

use std::time::Duration;

use domain::ids::{ColoId, InputId};
use domain::time::Timestamp;

use super::case::{Bench, Outcome, cases, same};
use super::sample::NOON;
use crate::input::{Input, Note, Part};

cases! {
    an_input_is_read_as_it_was_put
    inputs_of_a_tenant_come_page_by_page_and_no_others
    an_input_that_is_removed_is_gone_with_its_notes
    nobody_removes_the_input_of_somebody_else
    a_note_replaces_the_one_in_its_place
    notes_of_one_kind_are_not_those_of_another
    an_input_survives_a_crash
}

const KEEP: Duration = Duration::from_secs(3_600);

fn input(s: &Bench) -> Input {
    Input {
        tenant: s.tenant(),
        id: InputId::new(ColoId(1), s.process.entropy.u128()),
        created: NOON,
        body: "{\"name\":\"w\u{e9}b \\\"x\\\"\"}".to_owned(),
    }
}

fn note(place: &str, body: &str, at: Timestamp) -> Note {
    Note {
        place: place.to_owned(),
        at,
        body: body.to_owned(),
    }
}

/// Notes expire by the store's own clock in some stores: they are written as of now.
fn now(s: &Bench) -> Timestamp {
    Timestamp::from_unix_ms(s.process.clock.unix_ms())
}

async fn an_input_is_read_as_it_was_put(s: &Bench) -> Outcome {
    let inputs = &*s.stores().inputs;
    let mut one = input(s);
    same("before", &inputs.get(one.id).await?, &None)?;
    inputs.put(&one).await?;
    same("input", &inputs.get(one.id).await?, &Some(one.clone()))?;
    "{}".clone_into(&mut one.body);
    inputs.put(&one).await?;
    same("replaced", &inputs.get(one.id).await?, &Some(one))
}

async fn inputs_of_a_tenant_come_page_by_page_and_no_others(s: &Bench) -> Outcome {
    let inputs = &*s.stores().inputs;
    let (mut own, other) = (Vec::new(), input(s));
    let tenant = s.tenant();
    inputs.put(&other).await?;
    for _ in 0..5 {
        let one = Input {
            tenant: tenant.clone(),
            ..input(s)
        };
        inputs.put(&one).await?;
        own.push(one);
    }
    own.sort_by_key(|input| input.id);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = inputs.of_tenant(&tenant, after, 2).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page);
    }
    same("inputs", &seen, &own)
}

async fn an_input_that_is_removed_is_gone_with_its_notes(s: &Bench) -> Outcome {
    let inputs = &*s.stores().inputs;
    let one = input(s);
    inputs.put(&one).await?;
    inputs
        .note(one.id, Part::Voter, &note("web-1", "{}", now(s)), KEEP)
        .await?;
    inputs.remove(&one.tenant, one.id).await?;
    inputs.remove(&one.tenant, one.id).await?;
    same("input", &inputs.get(one.id).await?, &None)?;
    same(
        "listed",
        &inputs.of_tenant(&one.tenant, None, 9).await?,
        &Vec::new(),
    )?;
    same(
        "notes",
        &inputs.notes(one.id, Part::Voter, now(s)).await?,
        &Vec::new(),
    )
}

async fn nobody_removes_the_input_of_somebody_else(s: &Bench) -> Outcome {
    let inputs = &*s.stores().inputs;
    let one = input(s);
    inputs.put(&one).await?;
    inputs.remove(&s.tenant(), one.id).await?;
    same("input", &inputs.get(one.id).await?, &Some(one))
}

async fn a_note_replaces_the_one_in_its_place(s: &Bench) -> Outcome {
    let inputs = &*s.stores().inputs;
    let one = input(s);
    inputs.put(&one).await?;
    let at = now(s);
    for (place, body) in [("b", "1"), ("a", "2"), ("b", "3")] {
        inputs
            .note(one.id, Part::Rejected, &note(place, body, at), KEEP)
            .await?;
    }
    let expected = vec![note("a", "2", at), note("b", "3", at)];
    same(
        "notes",
        &inputs.notes(one.id, Part::Rejected, at).await?,
        &expected,
    )
}

async fn notes_of_one_kind_are_not_those_of_another(s: &Bench) -> Outcome {
    let inputs = &*s.stores().inputs;
    let (one, other) = (input(s), input(s));
    let at = now(s);
    inputs
        .note(one.id, Part::Rejected, &note("x", "1", at), KEEP)
        .await?;
    inputs
        .note(other.id, Part::Voter, &note("x", "2", at), KEEP)
        .await?;
    same(
        "voters",
        &inputs.notes(one.id, Part::Voter, at).await?,
        &Vec::new(),
    )?;
    let expected = vec![note("x", "2", at)];
    same(
        "others",
        &inputs.notes(other.id, Part::Voter, at).await?,
        &expected,
    )
}

async fn an_input_survives_a_crash(s: &Bench) -> Outcome {
    let one = input(s);
    s.stores().inputs.put(&one).await?;
    let after = s.after_crash().await?;
    same("input", &after.inputs.get(one.id).await?, &Some(one))
}
