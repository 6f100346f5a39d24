use cloud::openstack::Noted;
use domain::ids::TenantId;

use super::*;

fn name(text: &str) -> WorkerName {
    text.parse().unwrap()
}

fn life(bits: u128) -> Incarnation {
    Incarnation::from_u128(bits)
}

#[test]
fn a_second_process_of_the_same_name_is_refused_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let places = [
        Place::Folder(folder.path().join("new/folder")),
        Place::Machine(Machine::new()),
    ];
    for place in places {
        let first = place.take(&name("w")).unwrap();
        let error = place.take(&name("w")).unwrap_err();
        assert!(matches!(error, Error::Taken { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("another process is worker \"w\""),
            "{error}"
        );
        drop(place.take(&name("other")).unwrap());
        drop(first);
        drop(place.take(&name("w")).unwrap());
    }
}

#[test]
fn a_killed_process_of_a_simulated_machine_lets_its_successor_in() {
    let machine = Machine::new();
    let place = Place::Machine(machine.clone());
    let _dead = place.take(&name("w")).unwrap();
    machine.killed(&name("w"));
    drop(place.take(&name("w")).unwrap());
}

#[test]
fn logs_are_read_by_incarnation_and_name_only() {
    let folder = tempfile::tempdir().unwrap();
    for place in [
        Place::Folder(folder.path().to_owned()),
        Place::Machine(Machine::new()),
    ] {
        let (host, other) = (
            place.take(&name("a")).unwrap(),
            place.take(&name("a.b")).unwrap(),
        );
        let mut log = host.create(life(1)).unwrap();
        log.append(b"one\n").unwrap();
        log.append(b"two\n").unwrap();
        assert_eq!(
            host.read(life(1)).unwrap().as_deref(),
            Some(&b"one\ntwo\n"[..])
        );
        assert_eq!(host.read(life(2)).unwrap(), None);
        assert_eq!(other.read(life(1)).unwrap(), None);
    }
}

#[test]
fn only_old_logs_of_the_own_name_are_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Folder(folder.path().to_owned());
    let (host, other) = (
        place.take(&name("a")).unwrap(),
        place.take(&name("a.b")).unwrap(),
    );
    drop((
        host.create(life(1)).unwrap(),
        other.create(life(2)).unwrap(),
    ));
    let day = 24 * 3_600_000;
    let modified = std::fs::metadata(folder.path().join(format!("a.{}.begun", life(1)))).unwrap();
    let since = modified
        .modified()
        .unwrap()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let written = u64::try_from(since.as_millis()).unwrap();
    for (now, is_there) in [
        (0, true),
        (written + 29 * day, true),
        (written + 31 * day, false),
    ] {
        host.prune(now);
        assert_eq!(host.read(life(1)).unwrap().is_some(), is_there, "at {now}");
    }
    assert!(other.read(life(2)).unwrap().is_some());
    assert!(folder.path().join("a.lock").exists());
}

fn noted(project: &str, region: &str) -> Noted {
    Noted {
        project: project.to_owned(),
        region: Some(region.to_owned()),
    }
}

/// What a worker finds in a note with that text.
fn found(text: &[u8]) -> io::Result<Option<Noted>> {
    let folder = tempfile::tempdir().unwrap();
    let a: TenantId = "a".parse().unwrap();
    let notes = Place::Folder(folder.path().to_owned()).projects(&name("w"));
    notes.note(&a, &noted("p1", "ORD")).unwrap();
    std::fs::write(folder.path().join("w.projects/a.project"), text).unwrap();
    notes.last(&a)
}

#[test]
fn the_last_place_of_an_account_is_known_to_its_name_until_another_one_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let tenant = |text: &str| text.parse::<TenantId>().unwrap();
    for place in [
        Place::Folder(folder.path().join("new/folder")),
        Place::Machine(Machine::new()),
    ] {
        // Names and tenants may contain dots, and be nothing else.
        let names = [("a", "b.c"), ("a.b", "c"), ("a", ".."), ("..", "a")];
        for (by, of) in names {
            let notes = place.projects(&name(by));
            assert_eq!(notes.last(&tenant(of)).unwrap(), None, "{by} {of}");
            notes.note(&tenant(of), &noted("p0", "ORD")).unwrap();
            let here = noted(&format!("p of {of}"), "region of us");
            notes.note(&tenant(of), &here).unwrap();
        }
        for (by, of) in names {
            let last = place.projects(&name(by)).last(&tenant(of)).unwrap();
            let here = noted(&format!("p of {of}"), "region of us");
            assert_eq!(last, Some(here), "{by} {of}");
        }
    }
}

#[test]
fn a_project_that_cannot_be_noted_leaves_the_last_one_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let a: TenantId = "a".parse().unwrap();
    for place in [
        Place::Folder(folder.path().to_owned()),
        Place::Machine(machine.clone()),
    ] {
        machine.fill(false);
        let notes = place.projects(&name("w"));
        notes.note(&a, &noted("p1", "ORD")).unwrap();
        machine.fill(true);
        // A folder stands where the new note would be written.
        let in_the_way = folder.path().join("w.projects/a.new");
        std::fs::create_dir_all(&in_the_way).unwrap();
        notes.note(&a, &noted("p2", "ORD")).unwrap_err();
        assert_eq!(notes.last(&a).unwrap(), Some(noted("p1", "ORD")));
    }
}

#[test]
fn a_note_that_was_written_by_hand_counts_whatever_its_line_breaks_are() {
    let without = Noted {
        region: None,
        ..noted("p2", "")
    };
    for text in ["p2", "p2\n", " p2 \r\n\n"] {
        let last = found(text.as_bytes()).unwrap();
        assert_eq!(last.as_ref(), Some(&without), "{text:?}");
    }
    for text in ["p2\nregion DFW", "p2\r\nregion  DFW \r\n\r\n"] {
        let last = found(text.as_bytes()).unwrap();
        assert_eq!(last, Some(noted("p2", "DFW")), "{text:?}");
    }
}

#[test]
fn a_damaged_note_is_an_error_and_no_other_project() {
    let mistyped = [
        "",
        "\n",
        "p2\nregon DFW\n",
        "p2\nregion\n",
        "p2\nregion DFW\nregion ORD\n",
    ];
    for text in mistyped
        .map(str::as_bytes)
        .into_iter()
        .chain([&b"\xff\n"[..]])
    {
        let error = found(text).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text:?}");
    }
}
