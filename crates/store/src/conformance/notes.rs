//! Notes: each written once under its condition, and the newest first.

use domain::time::Timestamp;

use super::case::{Bench, Outcome, cases, holds, same};
use crate::note::{Note, Shelf};

cases! {
    a_note_is_written_once_under_its_id
    a_note_gives_way_only_to_who_knows_what_it_says
    a_note_that_was_taken_away_can_be_written_again
    shelves_do_not_see_each_other
    notes_in_order_come_newest_first_and_page_by_page
    a_note_survives_a_crash
}

fn note(s: &Bench, at: u64, body: &str) -> Note {
    // In order of time, and no other case's.
    let random = s.process.entropy.u128().to_be_bytes();
    Note {
        id: at.to_be_bytes().into_iter().chain(random).collect(),
        at: Timestamp::from_unix_ms(at),
        body: body.to_owned(),
    }
}

fn saying(note: &Note, body: &str) -> Note {
    Note {
        body: body.to_owned(),
        ..note.clone()
    }
}

async fn a_note_is_written_once_under_its_id(s: &Bench) -> Outcome {
    let notes = &*s.stores().notes;
    let first = note(s, 1_000, "{\"a\":\"\u{1f525}\"}");
    same(
        "before",
        &notes.find(Shelf::Answers, &first.id).await?,
        &None,
    )?;
    holds(
        "the first is kept",
        notes.keep(Shelf::Answers, &first, None).await?,
    )?;
    let second = saying(&first, "b");
    holds(
        "the second is not",
        !notes.keep(Shelf::Answers, &second, None).await?,
    )?;
    let found = notes.find(Shelf::Answers, &first.id).await?;
    same("after", &found, &Some(first))
}

async fn a_note_gives_way_only_to_who_knows_what_it_says(s: &Bench) -> Outcome {
    let notes = &*s.stores().notes;
    let first = note(s, 1_000, "one");
    let second = saying(&first, "two");
    holds(
        "nothing to replace",
        !notes.keep(Shelf::Answers, &second, Some("one")).await?,
    )?;
    notes.keep(Shelf::Answers, &first, None).await?;
    holds(
        "it says something else",
        !notes.keep(Shelf::Answers, &second, Some("three")).await?,
    )?;
    holds(
        "it is replaced",
        notes.keep(Shelf::Answers, &second, Some("one")).await?,
    )?;
    holds(
        "only once",
        !notes.keep(Shelf::Answers, &second, Some("one")).await?,
    )?;
    same(
        "after",
        &notes.find(Shelf::Answers, &first.id).await?,
        &Some(second),
    )
}

async fn a_note_that_was_taken_away_can_be_written_again(s: &Bench) -> Outcome {
    let notes = &*s.stores().notes;
    let first = note(s, 1_000, "one");
    notes.keep(Shelf::Answers, &first, None).await?;
    notes.forget(Shelf::Answers, &first.id, "another").await?;
    holds(
        "another one's is left",
        notes.find(Shelf::Answers, &first.id).await?.is_some(),
    )?;
    notes.forget(Shelf::Answers, &first.id, "one").await?;
    same(
        "it is gone",
        &notes.find(Shelf::Answers, &first.id).await?,
        &None,
    )?;
    holds("and free", notes.keep(Shelf::Answers, &first, None).await?)
}

async fn shelves_do_not_see_each_other(s: &Bench) -> Outcome {
    let notes = &*s.stores().notes;
    let first = note(s, 1_000, "one");
    notes.keep(Shelf::Answers, &first, None).await?;
    same(
        "the other shelf",
        &notes.find(Shelf::Staff, &first.id).await?,
        &None,
    )?;
    holds("has room", notes.keep(Shelf::Staff, &first, None).await?)
}

async fn notes_in_order_come_newest_first_and_page_by_page(s: &Bench) -> Outcome {
    let notes = &*s.stores().notes;
    for shelf in [Shelf::Staff, Shelf::Revocations, Shelf::Homes] {
        // Later than those of all other cases.
        let mut written: Vec<Note> = (0..5).map(|n| note(s, u64::MAX / 4 + n, "x")).collect();
        for note in &written {
            notes.keep(shelf, note, None).await?;
        }
        written.reverse();
        let first = notes.newest(shelf, None, 2).await?;
        same("the first page", &first, &written[..2].to_vec())?;
        let second = notes.newest(shelf, Some(&written[1].id), 3).await?;
        same("the second page", &second, &written[2..].to_vec())?;
    }
    Ok(())
}

async fn a_note_survives_a_crash(s: &Bench) -> Outcome {
    let first = note(s, 1_000, "one");
    s.stores().notes.keep(Shelf::Answers, &first, None).await?;
    let after = s.after_crash().await?;
    let found = after.notes.find(Shelf::Answers, &first.id).await?;
    same("after the crash", &found, &Some(first))
}
