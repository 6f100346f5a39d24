use std::sync::atomic::{AtomicU64, AtomicUsize};

use tokio::sync::mpsc;

use super::*;
use crate::{Entropy, Process, SimulatedProcess};

/// Dies at the n-th poll of the process; freezes while told to.
#[derive(Debug, Default)]
struct Script {
    polls: AtomicU64,
    die_at: u64,
    frozen: AtomicBool,
}

impl Probe for Script {
    fn before_poll(&self, _task: &'static str) -> Verdict {
        let poll = self.polls.fetch_add(1, Ordering::SeqCst) + 1;
        if poll == self.die_at {
            Verdict::Die
        } else if self.frozen.load(Ordering::SeqCst) {
            Verdict::Freeze
        } else {
            Verdict::Run
        }
    }
}

fn process(probe: Arc<dyn Probe>) -> Process {
    Process::simulated(SimulatedProcess {
        probe,
        ..SimulatedProcess::default()
    })
}

/// Says when the future that holds it has been dropped.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn steps(process: Process, done: Arc<AtomicU64>, held: Held) {
    for _ in 0..5 {
        process.clock.sleep(Duration::from_secs(1)).await;
        done.fetch_add(1, Ordering::SeqCst);
    }
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_process_can_be_crashed_at_each_of_its_awaits() {
    for die_at in 1..=6 {
        let probe = Arc::new(Script {
            die_at,
            ..Script::default()
        });
        let process = process(probe.clone());
        let (done, dropped) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
        let task = steps(
            process.clone(),
            Arc::clone(&done),
            Held(Arc::clone(&dropped)),
        );
        let task = process.tasks.spawn("steps", task);
        assert_eq!(task.join().await, Err(Ended::Aborted));
        // The first poll only starts the first sleep, so the n-th poll is the one before the (n-1)-th step is done.
        assert_eq!(done.load(Ordering::SeqCst), die_at.saturating_sub(2).min(5));
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        assert!(process.tasks.is_dead());
        assert_eq!(
            probe.polls.load(Ordering::SeqCst),
            die_at,
            "nothing asks after the crash"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_dying_task_takes_the_whole_process_and_no_other_process() {
    let crashing = process(Arc::new(Script {
        die_at: 4,
        ..Script::default()
    }));
    let healthy = process(Arc::new(Always));
    let (done, dropped) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
    for process in [&crashing, &crashing, &healthy] {
        let held = Held(Arc::clone(&dropped));
        drop(
            process
                .tasks
                .spawn("steps", steps(process.clone(), Arc::clone(&done), held)),
        );
    }
    healthy.clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
    // Polls 1 and 2 start both crashing tasks, poll 3 does one step, poll 4 dies; the healthy one does five.
    assert_eq!(done.load(Ordering::SeqCst), 6);
    assert_eq!((crashing.tasks.running(), healthy.tasks.running()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dead_process_starts_nothing() {
    let process = process(Arc::new(Always));
    process.tasks.abort_all();
    let (done, dropped) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
    let held = Held(Arc::clone(&dropped));
    let task = process
        .tasks
        .spawn("late", steps(process.clone(), Arc::clone(&done), held));
    assert_eq!(task.join().await, Err(Ended::Aborted));
    assert_eq!(
        (done.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst)),
        (0, 1)
    );
    assert_eq!(process.tasks.blocking(|| 1).await, Err(Ended::Aborted));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_process_goes_on_where_it_stood() {
    let probe = Arc::new(Script::default());
    let process = process(probe.clone());
    let (done, dropped) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
    let task = steps(
        process.clone(),
        Arc::clone(&done),
        Held(Arc::clone(&dropped)),
    );
    let task = process.tasks.spawn("steps", task);
    process.clock.sleep(Duration::from_millis(2_500)).await;
    probe.frozen.store(true, Ordering::SeqCst);
    process.clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(done.load(Ordering::SeqCst), 2);
    probe.frozen.store(false, Ordering::SeqCst);
    process.tasks.thaw();
    assert_eq!(task.join().await, Ok(()));
    assert_eq!(done.load(Ordering::SeqCst), 5);
    assert_eq!(
        process.clock.mono().as_millis(),
        64_500,
        "the third step was overdue"
    );
}

#[tokio::test(start_paused = true)]
async fn a_frozen_process_can_be_crashed() {
    let process = process(Arc::new(Script {
        frozen: AtomicBool::new(true),
        ..Script::default()
    }));
    let (done, dropped) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
    let held = Held(Arc::clone(&dropped));
    let task = process
        .tasks
        .spawn("steps", steps(process.clone(), done, held));
    process.clock.sleep(Duration::from_secs(1)).await;
    process.tasks.abort_all();
    assert_eq!(task.join().await, Err(Ended::Aborted));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_tasks_and_aborts_those_that_stay() {
    let process = process(Arc::new(Always));
    for seconds in [1, 2, 600] {
        let clock = process.clock.clone();
        let sleep = async move { clock.sleep(Duration::from_secs(seconds)).await };
        drop(process.tasks.spawn("sleep", sleep));
    }
    assert_eq!(process.tasks.running(), 3);
    assert_eq!(
        process
            .tasks
            .drain(&process.clock, Duration::from_secs(10))
            .await,
        1
    );
    process.clock.sleep(Duration::from_millis(1)).await;
    assert_eq!(process.tasks.running(), 0);
    assert_eq!(
        process
            .tasks
            .drain(&process.clock, Duration::from_secs(10))
            .await,
        0
    );
}

#[tokio::test]
async fn blocking_work_leaves_the_async_thread_only_in_a_real_process() {
    let here = thread::current().id();
    let system = Tasks::system().blocking(|| thread::current().id()).await;
    let simulated = Tasks::with_probe(Arc::new(Always));
    assert_ne!(system, Ok(here));
    assert_eq!(
        simulated.blocking(|| thread::current().id()).await,
        Ok(here)
    );
}

#[tokio::test]
async fn a_panic_is_an_answer_and_not_a_crash() {
    let tasks = Tasks::system();
    let task = tasks.spawn("panic", async { panic!("expected in this test") });
    let ended: Result<(), Ended> = task.join().await;
    assert_eq!(ended, Err(Ended::Panicked));
    assert_eq!(tasks.spawn("fine", async { 7 }).join().await, Ok(7));
    assert_eq!(tasks.running(), 0);
}

#[test]
fn threads_carry_their_name_and_result() {
    let name = || thread::current().name().map(str::to_owned);
    let thread = Tasks::system().thread("writer", name).expect("a thread");
    assert_eq!(thread.join().expect("no panic").as_deref(), Some("writer"));
}

#[test]
fn the_production_runtime_runs_a_main_to_its_end() {
    let answer = run(async {
        Process::system()
            .tasks
            .spawn("one", async { 1 })
            .join()
            .await
    });
    assert_eq!(answer.expect("a runtime"), Ok(1));
}

/// Three processes that sleep, draw and talk; the trace is every message with the time at which it came.
fn trace(seed: u64) -> Vec<(u64, u64, u64)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async move {
        let (sender, mut receiver) = mpsc::channel(4);
        let crash = Entropy::stream(seed, "crash").below(200);
        for actor in 0..3_u64 {
            let probe: Arc<dyn Probe> = match actor {
                0 => Arc::new(Script {
                    die_at: crash,
                    ..Script::default()
                }),
                _ => Arc::new(Always),
            };
            let process = Process::simulated(SimulatedProcess {
                seed: seed + actor,
                probe,
                ..SimulatedProcess::default()
            });
            let sender = sender.clone();
            let talk = {
                let process = process.clone();
                async move {
                    for _ in 0..100 {
                        let pause = process.entropy.up_to(Duration::from_millis(20));
                        process.clock.sleep(pause).await;
                        let message = (actor, process.entropy.u64(), process.clock.unix_ms());
                        if sender.send(message).await.is_err() {
                            return;
                        }
                    }
                }
            };
            drop(process.tasks.spawn("talk", talk));
        }
        drop(sender);
        let mut trace = Vec::new();
        while let Some(message) = receiver.recv().await {
            trace.push(message);
        }
        trace
    })
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    for seed in [1, 77, 4_096] {
        assert_eq!(trace(seed), trace(seed));
        assert_ne!(trace(seed), trace(seed + 1));
        assert!(trace(seed).len() >= 200, "two of three always finish");
    }
}

#[test]
fn connections_that_are_served_here_end_with_their_listener() {
    use std::io::{Read as _, Write as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default());
    runtime.unwrap().block_on(async {
        let process = Process::system();
        let echo = async |mut stream: TcpStream| {
            while let Ok(byte) = stream.read_u8().await {
                stream.write_u8(byte).await.unwrap();
            }
        };
        let serving = serve_here(&process.clock, listener, 10, echo).unwrap();
        let client = process.tasks.blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let mut byte = [7];
            stream.write_all(&byte).unwrap();
            stream.read_exact(&mut byte).unwrap();
            (stream, byte)
        });
        let (mut stream, byte) = client.await.unwrap();
        assert_eq!(byte, [7]);
        serving.abort();
        let ended = process.tasks.blocking(move || stream.read(&mut [0]));
        assert!(matches!(ended.await.unwrap(), Ok(0) | Err(_)));
    });
}
