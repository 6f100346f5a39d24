//! Kill switches and their history.

use domain::control::{Mode, Scope};
use domain::ids::ColoId;
use domain::time::Timestamp;

use super::case::{Bench, Outcome, cases, holds, same};
use crate::control::{Controls, Throw};

cases! {
    a_thrown_switch_stands_with_who_and_why
    the_last_throw_of_a_scope_is_the_one_that_stands
    a_switch_that_was_taken_back_stands_no_more_and_is_remembered
    the_history_comes_newest_first_and_page_by_page
    a_switch_survives_a_crash
}

fn throw(scope: Scope, mode: Option<Mode>, at: u64) -> Throw {
    Throw {
        scope,
        mode,
        who: "ann".to_owned(),
        why: "the cloud \"melts\"\n\u{1f525}".to_owned(),
        at: Timestamp::from_unix_ms(at),
        until: mode.map(|_| Timestamp::from_unix_ms(at + 60_000)),
    }
}

/// What stands at a scope. A shared store may hold other cases' switches.
async fn at(controls: &dyn Controls, scope: &Scope) -> Result<Option<Throw>, crate::Error> {
    let standing = controls.standing().await?;
    let own = standing.into_iter().find(|switch| switch.scope == *scope);
    Ok(own.map(Throw::from))
}

async fn a_thrown_switch_stands_with_who_and_why(s: &Bench) -> Outcome {
    let controls = &*s.stores().controls;
    let group = Scope::Group(s.key().id);
    for scope in [
        Scope::Tenant(s.tenant()),
        group,
        Scope::Colo(ColoId(40_000)),
        Scope::Global,
    ] {
        let thrown = throw(scope.clone(), Some(Mode::Slow), 5);
        controls.throw(&thrown).await?;
        same("switch", &at(controls, &scope).await?, &Some(thrown))?;
        controls.throw(&throw(scope, None, 6)).await?;
    }
    Ok(())
}

async fn the_last_throw_of_a_scope_is_the_one_that_stands(s: &Bench) -> Outcome {
    let controls = &*s.stores().controls;
    let scope = Scope::Tenant(s.tenant());
    // By order of arrival, whatever the clocks say.
    for (mode, when) in [(Mode::Freeze, 9_000), (Mode::NoCreate, 8_000)] {
        controls
            .throw(&throw(scope.clone(), Some(mode), when))
            .await?;
    }
    let standing = at(controls, &scope).await?.and_then(|t| t.mode);
    same("mode", &standing, &Some(Mode::NoCreate))
}

async fn a_switch_that_was_taken_back_stands_no_more_and_is_remembered(s: &Bench) -> Outcome {
    let controls = &*s.stores().controls;
    let scope = Scope::Tenant(s.tenant());
    controls
        .throw(&throw(scope.clone(), Some(Mode::Freeze), 1))
        .await?;
    let back = throw(scope.clone(), None, 2);
    controls.throw(&back).await?;
    same("switch", &at(controls, &scope).await?, &None)?;
    let history = controls.history(None, 1_000).await?;
    let own: Vec<Throw> = history
        .into_iter()
        .map(|(_, throw)| throw)
        .filter(|throw| throw.scope == scope)
        .collect();
    same("throws", &own.len(), &2)?;
    same("newest", &own[0], &back)
}

async fn the_history_comes_newest_first_and_page_by_page(s: &Bench) -> Outcome {
    let controls = &*s.stores().controls;
    let scope = Scope::Tenant(s.tenant());
    for n in 0..5 {
        controls
            .throw(&throw(scope.clone(), Some(Mode::Run), n))
            .await?;
    }
    let mut seen: Vec<u64> = Vec::new();
    let mut before = None;
    loop {
        let page = controls.history(before, 2).await?;
        holds("a page keeps its limit", page.len() <= 2)?;
        let Some((last, _)) = page.last() else { break };
        before = Some(*last);
        let own = page.iter().filter(|(_, throw)| throw.scope == scope);
        seen.extend(own.map(|(_, throw)| throw.at.unix_ms()));
    }
    same("times", &seen, &vec![4, 3, 2, 1, 0])
}

async fn a_switch_survives_a_crash(s: &Bench) -> Outcome {
    let scope = Scope::Tenant(s.tenant());
    let thrown = throw(scope.clone(), Some(Mode::Freeze), 1);
    s.stores().controls.throw(&thrown).await?;
    let after = s.after_crash().await?;
    same(
        "switch",
        &at(&*after.controls, &scope).await?,
        &Some(thrown),
    )
}
