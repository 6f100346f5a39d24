//! An account that is in another project or region than it was: its evidence counts for nothing, until somebody says that it has moved.

use super::*;

const REFUSED: Duration = Duration::from_secs(600);

/// A life of the worker in which the account of `a` is in that project and region: what a list and a sign-in come to, and how many tokens it offered.
async fn life(
    machine: &Machine,
    (project, region): (&str, &str),
    moved_from: Option<&str>,
) -> (Vec<Done>, usize) {
    let process = process(1);
    let clock = process.clock.clone();
    let (nova, desk) = (Nova::new(clock.clone()), Desk::new(clock));
    let mut accounts = nova::settings_in(project);
    region.clone_into(&mut accounts.region);
    let moved = moved_from.map(|last| (tenant("a"), last.to_owned()));
    accounts.moved_from.extend(moved);
    run_with(&process, settings(machine), accounts, &nova, &[&desk]).unwrap();
    let mut results = Vec::new();
    for call in [Call::List, Call::SignIn] {
        desk.put(vec![for_tenant("a", call)]);
        let reports = desk.reports(results.len() + 1).await;
        results = reports.into_iter().map(|report| report.result).collect();
    }
    let offered = desk.state().offers.iter().map(|o| o.tokens.len()).max();
    process.tasks.abort_all();
    machine.killed(&"w".parse().unwrap());
    (results, offered.unwrap_or_default())
}

async fn goes_on(machine: &Machine, project: &str, moved_from: Option<&str>) -> bool {
    goes_on_in(machine, (project, "ORD"), moved_from).await
}

async fn goes_on_in(machine: &Machine, here: (&str, &str), moved_from: Option<&str>) -> bool {
    let (results, _) = life(machine, here, moved_from).await;
    matches!(results[..], [Done::Listed { .. }, Done::SignedIn(Ok(()))])
}

/// Such a life in which the account is refused; why.
async fn refused(machine: &Machine, here: (&str, &str), moved_from: Option<&str>) -> String {
    let (results, offered) = life(machine, here, moved_from).await;
    let [Done::Nothing(list), Done::SignedIn(Err(token))] = &results[..] else {
        panic!("{results:?}");
    };
    assert_eq!((list.after, token.after), (REFUSED, REFUSED));
    assert_eq!(offered, 0, "tokens");
    token.why.clone()
}

#[tokio::test(start_paused = true)]
async fn an_account_that_points_to_another_project_is_refused_until_it_points_back() {
    let machine = Machine::new();
    assert!(goes_on(&machine, "a", None).await, "what is seen first");
    assert!(goes_on(&machine, "a", None).await);
    let why = refused(&machine, ("typo", "ORD"), None).await;
    assert!(why.contains("another project"), "{why}");
    assert!(!why.contains("typo"), "another customer's: {why}");
    assert!(goes_on(&machine, "a", None).await, "mended");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_told_another_region_is_refused_until_it_is_told_the_last_one() {
    let machine = Machine::new();
    assert!(goes_on(&machine, "a", None).await);
    // The project by itself, as it may stand there since another move, does not say that a region is meant.
    for moved_from in [None, Some("a"), Some("a@LON"), Some("another@ORD")] {
        let why = refused(&machine, ("a", "DFW"), moved_from).await;
        assert!(why.contains("another region"), "{why}");
    }
    assert!(goes_on(&machine, "a", None).await, "mended");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_moved_to_another_region_goes_on_once_project_and_region_are_named() {
    let machine = Machine::new();
    assert!(goes_on(&machine, "a", None).await);
    let from = Some("a@ORD");
    assert!(goes_on_in(&machine, ("a", "DFW"), from).await, "confirmed");
    assert!(
        goes_on_in(&machine, ("a", "DFW"), from).await,
        "and left as it is"
    );
    assert!(
        !goes_on(&machine, "a", from).await,
        "the way back is a move of its own"
    );
    assert!(
        !goes_on(&machine, "new", Some("a")).await,
        "not to another project of another region"
    );
    assert!(
        goes_on(&machine, "new", Some("a@DFW")).await,
        "both at once"
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_moved_goes_on_once_its_last_project_is_named() {
    let machine = Machine::new();
    assert!(goes_on(&machine, "a", None).await);
    assert!(!goes_on(&machine, "new", Some("another")).await);
    assert!(goes_on(&machine, "new", Some("a")).await, "confirmed");
    assert!(
        goes_on(&machine, "new", Some("a")).await,
        "and left as it is"
    );
    assert!(goes_on(&machine, "new", None).await);
    assert!(!goes_on(&machine, "a", Some("a")).await);
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_project_cannot_be_noted_is_not_used() {
    let machine = Machine::new();
    assert!(goes_on(&machine, "a", None).await);
    let bench = Bench::start_on(&machine);
    machine.fill(true);
    bench.sign_in("a").await; // Nothing is to be noted.
    assert!(!signs_in(&bench, "b").await);
}

/// A try of the tenant to sign in, and whether it came to a token.
async fn signs_in(bench: &Bench, name: &str) -> bool {
    let done = bench.done(vec![for_tenant(name, Call::SignIn)], 1).await;
    matches!(done[..], [Done::SignedIn(Ok(()))])
}

#[tokio::test(start_paused = true)]
async fn while_a_project_cannot_be_noted_keystone_is_asked_once_a_minute() {
    let machine = Machine::new();
    let bench = Bench::start_on(&machine);
    machine.fill(true);
    for _ in 0..10 {
        assert!(!signs_in(&bench, "b").await);
        bench.pause(5).await;
    }
    let list = bench.done(vec![for_tenant("b", Call::List)], 1).await;
    assert!(matches!(list[..], [Done::Nothing(_)]), "{list:?}");
    assert_eq!(bench.nova.state().sign_ins, 1);
    machine.fill(false);
    bench.pause(15).await;
    assert!(signs_in(&bench, "b").await, "there is room again");
    assert_eq!(bench.nova.state().sign_ins, 2);
}

/// A worker with its state in a real folder, and where the note of tenant b is.
fn in_a_folder() -> (Bench, tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(|settings| {
        settings.place = Place::Folder(folder.path().to_owned());
        settings.polls = 1;
    });
    let notes = folder.path().join("w.projects");
    std::fs::create_dir(&notes).unwrap();
    let note = notes.join("b.project");
    (bench, folder, note)
}

#[tokio::test(start_paused = true)]
async fn while_a_note_cannot_be_read_keystone_is_not_asked() {
    let (bench, _folder, note) = in_a_folder();
    std::fs::write(&note, b"\xff\xfe").unwrap();
    for _ in 0..12 {
        assert!(!signs_in(&bench, "b").await);
        bench.pause(5).await;
    }
    assert_eq!(bench.nova.state().sign_ins, 0);
    std::fs::write(&note, "b\n").unwrap();
    assert!(signs_in(&bench, "b").await, "mended by hand");
}

#[tokio::test(start_paused = true)]
async fn a_note_without_a_region_is_completed_where_its_project_is_the_same() {
    for (text, now) in [("b", "b\nregion ORD\n"), ("other", "other")] {
        let (bench, _folder, note) = in_a_folder();
        std::fs::write(&note, text).unwrap();
        assert_eq!(signs_in(&bench, "b").await, text == "b", "{text}");
        assert_eq!(std::fs::read_to_string(&note).unwrap(), now);
    }
}
