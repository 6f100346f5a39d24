//! Searches: what is found is what walking the groups finds.

use domain::event::{Actor, ActorKind};
use domain::group::{Cause, Group};
use domain::ids::ServerId;
use domain::slot::State;
use domain::time::Timestamp;

use super::case::{Bench, Failure, Outcome, cases, holds, same};
use super::sample;
use crate::search::{Found, Wanted, walk};

cases! {
    a_search_finds_every_change_of_the_tenant_newest_first
    a_search_goes_on_where_the_page_before_ended
    each_filter_leaves_out_what_does_not_fit
    changes_are_found_by_their_servers_and_verdicts
    no_text_finds_what_it_is_not_in
    a_foreign_tenant_finds_nothing
    a_search_sees_what_was_committed_before_it
}

/// Three groups of one tenant with changes at mixed times, and one of another.
async fn some(s: &Bench) -> Result<Vec<Group>, Failure> {
    let tenant = s.tenant();
    let mut groups = Vec::new();
    for _ in 0..3 {
        let mut key = s.key();
        key.tenant = tenant.clone();
        groups.push(s.group_at(key).await?);
    }
    let who = ["ann", "bob", "x' OR 1=1 --"];
    for n in 0..9_u64 {
        let at = usize::try_from(n % 3).unwrap_or_default();
        let group = &mut groups[at];
        let mut change = sample::desired(group, u32::try_from(n).unwrap_or_default() + 3);
        change.at = Timestamp::from_unix_ms(sample::NOON.unix_ms() + 1_000 * (n / 2));
        change.cause = if n % 2 == 0 {
            Cause::Configure
        } else {
            Cause::Pause
        };
        change.actor = Actor {
            kind: ActorKind::Caller,
            name: who[at].to_owned(),
            request_id: format!("request-{n}"),
            from: None,
        };
        s.applied(group, change).await?;
    }
    s.group().await?;
    Ok(groups)
}

async fn all(s: &Bench, wanted: &Wanted, limit: u32) -> Result<Vec<Found>, Failure> {
    s.indexed().await?;
    let mut found = Vec::new();
    let mut wanted = wanted.clone();
    for _ in 0..100 {
        let page = s.stores().search.find(&wanted, limit).await?;
        holds(
            "a page is no longer than asked",
            page.items.len() <= usize::try_from(limit).unwrap_or(0),
        )?;
        found.extend(page.items);
        wanted.after = page.next;
        if wanted.after.is_none() {
            return Ok(found);
        }
    }
    Err(Failure("the pages do not end".to_owned()))
}

fn of(groups: &[Group]) -> Wanted {
    Wanted {
        tenant: groups.first().map(|group| group.key.tenant.clone()),
        ..Wanted::default()
    }
}

async fn a_search_finds_every_change_of_the_tenant_newest_first(s: &Bench) -> Outcome {
    let groups = some(s).await?;
    let found = all(s, &of(&groups), 100).await?;
    same("changes", &found.len(), &12)?;
    let places: Vec<_> = found.iter().map(Found::place).collect();
    let mut sorted = places.clone();
    sorted.sort_by(|a, b| b.cmp(a));
    same("order", &places, &sorted)?;
    let walked = walk(s.groups(), &of(&groups), 100).await?;
    same("what a walk finds", &found, &walked.items)
}

async fn a_search_goes_on_where_the_page_before_ended(s: &Bench) -> Outcome {
    let groups = some(s).await?;
    let whole = all(s, &of(&groups), 100).await?;
    for limit in [1, 5, 12] {
        same("pages", &all(s, &of(&groups), limit).await?, &whole)?;
    }
    Ok(())
}

async fn each_filter_leaves_out_what_does_not_fit(s: &Bench) -> Outcome {
    let groups = some(s).await?;
    let noon = sample::NOON.unix_ms();
    let filters = [
        Wanted {
            group: groups.get(1).map(|group| group.key.id),
            ..of(&groups)
        },
        Wanted {
            cause: Some(Cause::Pause),
            ..of(&groups)
        },
        Wanted {
            actor: Some("x' OR 1=1 --".to_owned()),
            ..of(&groups)
        },
        Wanted {
            request: Some("request-4".to_owned()),
            ..of(&groups)
        },
        Wanted {
            text: Some("[7,10]".to_owned()),
            ..of(&groups)
        },
        Wanted {
            text: Some("\"desired\":[".to_owned()),
            ..of(&groups)
        },
        Wanted {
            text: Some("7".to_owned()),
            ..of(&groups)
        },
        Wanted {
            from: Some(Timestamp::from_unix_ms(noon + 3_000)),
            ..of(&groups)
        },
        Wanted {
            to: Some(Timestamp::from_unix_ms(noon + 1_000)),
            ..of(&groups)
        },
    ];
    let whole = all(s, &of(&groups), 100).await?;
    for wanted in filters {
        let fits = |found: &&Found| wanted.fits(&found.key, &found.record);
        let expected: Vec<Found> = whole.iter().filter(fits).cloned().collect();
        holds(
            "a filter that fits something and not all",
            !expected.is_empty() && expected.len() <= whole.len(),
        )?;
        same(
            &format!("{wanted:?}"),
            &all(s, &wanted, 2).await?,
            &expected,
        )?;
    }
    let nobody = Wanted {
        actor: Some("nobody".to_owned()),
        ..of(&groups)
    };
    same("nobody", &all(s, &nobody, 5).await?, &Vec::new())
}

async fn changes_are_found_by_their_servers_and_verdicts(s: &Bench) -> Outcome {
    let mut groups = some(s).await?;
    let server = ServerId::from_u128(s.process.entropy.u128());
    let group = &mut groups[0];
    let slot = sample::slot(s.process.entropy.u128(), State::Active(server));
    let mut change = sample::desired(group, 4);
    change.slots = vec![slot];
    s.applied(group, change).await?;
    let event = s.event();
    let mut change = sample::desired(group, 5);
    change.verdicts = vec![sample::verdict(&event, group.rev, sample::NOON)];
    let outcome = change.verdicts[0].outcome;
    s.applied(group, change).await?;
    let moved = Wanted {
        server: Some(server),
        ..of(&groups)
    };
    let decided = Wanted {
        outcome: Some(outcome),
        ..of(&groups)
    };
    let rev = groups[0].rev.0;
    for (wanted, rev) in [(&moved, rev - 1), (&decided, rev)] {
        let found = all(s, wanted, 5).await?;
        let revs: Vec<u64> = found.iter().map(|found| found.record.rev.0).collect();
        same(&format!("{wanted:?}"), &revs, &vec![rev])?;
    }
    let elsewhere = Wanted {
        tenant: Some(s.tenant()),
        ..moved
    };
    same("another tenant", &all(s, &elsewhere, 5).await?, &Vec::new())
}

/// What could mean something to a parser of queries.
pub const HOSTILE: &[&str] = &[
    "x' OR 1=1 --",
    "\" OR \"\"=\"",
    "\") OR 1=1 --",
    "tenant:other",
    "tenant:* OR *",
    "*",
    "***",
    "?",
    "des?red",
    "/.*/",
    "desired~2",
    "+desired -nothing",
    "desired | nothing",
    "desired AND NOT nothing",
    "_exists_:tenant",
    "[* TO *]",
    "{\"match_all\":{}}",
    "\"}}],\"should\":[{\"match_all\":{}}]",
    "{\"script\":{\"source\":\"true\"}}",
    "\\",
    "\\\"",
    "\u{0}",
    "\u{202e}desired",
    "d\u{0301}esired",
    "\u{ff0a}",
    "\u{1f9a6}\u{1f9a6}\u{1f9a6}",
    "desired NEAR phase",
    "detail : desired",
    "%",
    "_",
    "'; DROP TABLE history; --",
];

async fn no_text_finds_what_it_is_not_in(s: &Bench) -> Outcome {
    let groups = some(s).await?;
    let whole = all(s, &of(&groups), 100).await?;
    for text in HOSTILE {
        let (free, actor, request) = (Some((*text).to_owned()), text, text);
        let by_text = Wanted {
            text: free,
            ..of(&groups)
        };
        let by_actor = Wanted {
            actor: Some((*actor).to_owned()),
            ..of(&groups)
        };
        let by_request = Wanted {
            request: Some((*request).to_owned()),
            ..of(&groups)
        };
        for wanted in [by_text, by_actor, by_request] {
            let fits = |found: &&Found| wanted.fits(&found.key, &found.record);
            let expected: Vec<Found> = whole.iter().filter(fits).cloned().collect();
            same(
                &format!("{wanted:?}"),
                &all(s, &wanted, 4).await?,
                &expected,
            )?;
        }
    }
    Ok(())
}

async fn a_foreign_tenant_finds_nothing(s: &Bench) -> Outcome {
    let groups = some(s).await?;
    let foreign = Wanted {
        tenant: Some(s.tenant()),
        group: groups.first().map(|group| group.key.id),
        ..Wanted::default()
    };
    same("changes", &all(s, &foreign, 10).await?, &Vec::new())
}

async fn a_search_sees_what_was_committed_before_it(s: &Bench) -> Outcome {
    let mut groups = some(s).await?;
    let before = all(s, &of(&groups), 100).await?.len();
    let wanted = of(&groups);
    if let Some(group) = groups.first_mut() {
        let change = sample::desired(group, 9);
        s.applied(group, change).await?;
    }
    same(
        "one more",
        &all(s, &wanted, 100).await?.len(),
        &(before + 1),
    )
}
