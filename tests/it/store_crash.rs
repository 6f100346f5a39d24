//! Kill -9 and a full disk: what was acknowledged is compared with what is found, and the acknowledgements are kept outside.
//!
//! The test starts itself again as a child ([`child_that_writes`]), which writes to a store and reports each acknowledgement through
//! a pipe as soon as it has it. The parent kills it at a random moment, opens the files and compares.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use chassis::{Entropy, Process};
use domain::group::Group;
use domain::ids::{EventId, Fence, GroupId, GroupKey, HomeEpoch, Rev};
use domain::slot::State;
use store::apply::{self, Refused, View};
use store::conformance::sample::{self, NOON};
use store::embedded::{self, OpenError, Settings};
use store::group::{Before, Groups, Level};
use store::{Stores, record};

/// Writers in the child, each with a group of its own.
const WRITERS: u128 = 16;

fn key(writer: u128) -> GroupKey {
    GroupKey {
        tenant: sample::text("tenant"),
        id: GroupId::from_u128(writer),
        epoch: HomeEpoch(1),
    }
}

fn event(writer: u128, rev: Rev) -> EventId {
    sample::text(&format!("event-{writer}-{rev}"))
}

/// The child: writes to the store in the directory that it is told on its standard input, until it is killed or the store fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests of this file start it"]
async fn child_that_writes() {
    let mut directory = String::new();
    std::io::stdin().read_line(&mut directory).expect("a line");
    if directory.is_empty() {
        return;
    }
    let process = Process::system();
    let path = Path::new(directory.trim()).join("holt.db");
    let store = embedded::open(&path, &process, Settings::default()).expect("a store");
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let (stores, writer) = (store.stores(), process.clone());
        let body = async move {
            let why = write(&writer, &stores, number).await;
            say(&format!("end {number} {why}"));
        };
        writers.push(process.tasks.spawn("writer", body));
    }
    for writer in writers {
        writer.join().await.expect("a writer");
    }
    say("idle");
    process.clock.sleep(Duration::from_secs(600)).await;
}

/// One line to the parent, in one write.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nholt {line}")
        .and_then(|()| out.flush())
        .expect("the parent listens");
}

/// Commits one event after the other to one group, and reports what is acknowledged; gives why it stopped.
async fn write(process: &Process, stores: &Stores, number: u128) -> String {
    let groups: &dyn Groups = &*stores.groups;
    let mut group = match ensure(process, groups, number).await {
        Ok(group) => group,
        Err(why) => return why,
    };
    let key = group.key.clone();
    loop {
        let done = apply::apply(process, groups, &key, Fence(1), Some(group), |view| {
            Ok::<_, Refused<()>>(Some(step(number, &view)))
        });
        match done.await {
            Ok(after) => group = after,
            Err(refused) => return format!("{refused:?}"),
        }
        say(&format!("ack {number} {}", group.rev));
    }
}

async fn ensure(process: &Process, groups: &dyn Groups, number: u128) -> Result<Group, String> {
    let found = groups.read(&key(number), Level::Serial).await;
    if let Some(group) = found.map_err(|e| e.to_string())? {
        return Ok(group);
    }
    let fresh = Group::new(key(number), sample::config());
    let first = sample::first(&fresh);
    let made = apply::create(process, groups, fresh, first).await;
    made.map_err(|e| e.to_string())
}

/// Everything in this change follows from the revision, so that a torn commit shows.
fn step(number: u128, view: &View<'_>) -> domain::group::Change {
    let next = view.group.rev.next();
    let size = u32::try_from(next.0).expect("a short test");
    let mut change = sample::desired(view.group, size);
    change.verdicts = vec![sample::verdict(&event(number, next), view.group.rev, NOON)];
    let place = State::Active(sample::server(u128::from(next.0)));
    change.slots = vec![sample::slot(u128::from(next.0), place)];
    change
}

struct Writing {
    child: Child,
    lines: Receiver<String>,
}

fn start(directory: &Path) -> Writing {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("store_crash::child_that_writes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut input = child.stdin.take().expect("a pipe");
    writeln!(input, "{}", directory.display()).expect("a child that listens");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let (send, lines) = channel();
    let reader = move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(said) = line.strip_prefix("holt ")
                && send.send(said.to_owned()).is_err()
            {
                return;
            }
        }
    };
    drop(
        Process::system()
            .tasks
            .thread("child's output", reader)
            .expect("a thread"),
    );
    Writing { child, lines }
}

/// Highest acknowledged revision of each writer.
type Acknowledged = BTreeMap<u128, u64>;

fn note(acknowledged: &mut Acknowledged, line: &str) -> u64 {
    let mut words = line.split(' ');
    if words.next() != Some("ack") {
        return 0;
    }
    let mut number = || {
        words
            .next()
            .and_then(|w| w.parse::<u64>().ok())
            .expect("a number")
    };
    let (writer, rev) = (number(), number());
    let highest = acknowledged.entry(u128::from(writer)).or_default();
    *highest = rev.max(*highest);
    1
}

/// Everything acknowledged is found, and everything found is whole.
async fn compare(stores: &Stores, acknowledged: &Acknowledged) -> u64 {
    let mut unacknowledged = 0;
    for (writer, rev) in acknowledged {
        let (key, groups) = (key(*writer), &stores.groups);
        let group = groups.read(&key, Level::Serial).await.expect("a read");
        let group = group.expect("an acknowledged group");
        assert!(
            group.rev.0 >= *rev,
            "writer {writer}: revision {rev} was acknowledged, {} is found",
            group.rev
        );
        unacknowledged += group.rev.0 - rev;
        let (last, made) = (u128::from(group.rev.0), group.rev.0 - 1);
        assert!(group.rev == Rev(1) || u64::from(group.state.desired.0) == group.rev.0);
        let slots: Vec<u128> = group.slots.open().map(|s| s.id.as_u128()).collect();
        assert_eq!(slots, (2..=last).collect::<Vec<_>>());
        let verdicts = groups
            .verdicts(&key, Before::default(), u32::MAX)
            .await
            .expect("a read");
        assert_eq!(u64::try_from(verdicts.len()), Ok(made));
        for rev in 2..=group.rev.0 {
            let event = event(*writer, Rev(rev));
            assert!(
                verdicts
                    .iter()
                    .any(|v| v.event == event && v.rev == Rev(rev))
            );
        }
        let records = groups.records(&key, None, u32::MAX, Level::Serial).await;
        let mut records = records.expect("a read");
        records.reverse();
        assert_eq!(u64::try_from(records.len()), Ok(group.rev.0));
        assert!(record::verify(&records, Rev(1), record::GENESIS).is_ok());
    }
    unacknowledged
}

/// Opens what the child left, compares, and closes.
async fn judge(directory: &Path, acknowledged: &Acknowledged) -> u64 {
    let process = Process::system();
    let path = directory.join("holt.db");
    let store = embedded::open(&path, &process, Settings::default()).expect("a store");
    let unacknowledged = compare(&store.stores(), acknowledged).await;
    store.close().await;
    unacknowledged
}

#[tokio::test]
async fn a_second_process_is_refused_while_the_first_lives() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("holt.db");
    let mut writing = start(directory.path());
    let first = writing.lines.recv_timeout(Duration::from_secs(60));
    first.expect("an acknowledgement");
    let try_it = || embedded::open(&path, &Process::system(), Settings::default());
    let refused = try_it().expect_err("the child has it");
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    writing.child.kill().expect("a living child");
    writing.child.wait().expect("a dead child");
    assert!(try_it().is_ok(), "the lock died with its process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_nine_at_random_moments() {
    let directory = tempfile::tempdir().expect("a directory");
    let entropy = Entropy::system();
    let mut acknowledged = Acknowledged::new();
    let (mut acks, mut open) = (0, 0);
    for _ in 0..10 {
        let mut writing = start(directory.path());
        let first = writing.lines.recv_timeout(Duration::from_secs(60));
        acks += note(&mut acknowledged, &first.expect("an acknowledgement"));
        let clock = Process::system().clock;
        clock.sleep(entropy.up_to(Duration::from_millis(300))).await;
        writing.child.kill().expect("a living child");
        writing.child.wait().expect("a dead child");
        // What the dead child had said is still in the pipe.
        for line in &writing.lines {
            acks += note(&mut acknowledged, &line);
        }
        open += judge(directory.path(), &acknowledged).await;
    }
    println!("10 kills, {acks} acknowledged commits, {open} more were found");
    assert!(acks > 100, "too few to say anything: {acks}");
}

/// A file system of 4 MiB that goes away with the value.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(at)
            .stderr(Stdio::null())
            .status();
        done.is_ok_and(|status| status.success())
            .then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let done = Command::new("umount").arg("-l").arg(self.0).status();
        assert!(done.is_ok(), "{} stays mounted", self.0.display());
    }
}

/// Runs the test below where whoever runs it may mount, if the kernel has such namespaces for them. Whether it could; the test must pass there.
fn once_more_as_root_of_a_namespace() -> bool {
    let inside = |program: &std::ffi::OsStr, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]);
        command.arg(program).args(arguments).status()
    };
    if !inside("true".as_ref(), &[]).is_ok_and(|status| status.success()) {
        return false;
    }
    let this = std::env::current_exe().expect("the path of this test");
    let name = "store_crash::a_full_disk_loses_nothing_acknowledged";
    let passed = inside(this.as_os_str(), &[name, "--exact", "--nocapture"]);
    assert!(passed.expect("it runs").success(), "see above");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(disk) = SmallDisk::mount(directory.path()) else {
        if rustix::process::getuid().is_root() || !once_more_as_root_of_a_namespace() {
            println!(
                "skipped: this user may not mount a small disk (a limit in pages is tested in crates/store)"
            );
        }
        return;
    };
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![0; 1_000_000]).expect("room for ballast");
    let mut writing = start(disk.0);
    let mut acknowledged = Acknowledged::new();
    let (mut acks, mut ends) = (0, Vec::new());
    loop {
        match writing.lines.recv_timeout(Duration::from_secs(60)) {
            Ok(line) if line == "idle" => break,
            Ok(line) if line.starts_with("end") => ends.push(line),
            Ok(line) => acks += note(&mut acknowledged, &line),
            Err(e @ (RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) => {
                panic!("the child neither wrote nor stopped: {e}")
            }
        }
    }
    writing.child.kill().expect("a living child");
    writing.child.wait().expect("a dead child");
    // Somebody makes room, and starts it again.
    std::fs::remove_file(&ballast).expect("ballast");
    let open = judge(disk.0, &acknowledged).await;
    let full = ends.iter().filter(|e| e.contains("Full")).count();
    println!(
        "{acks} acknowledged commits, {open} more were found, {full} of {} writers were told that it is full",
        ends.len()
    );
    assert!(acks > 100, "too few to say anything: {acks}");
    assert!(full > 0, "{ends:?}");
}
