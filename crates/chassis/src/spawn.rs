//! Tasks: every piece of concurrency of a process is started here, so that all of it can be stopped, crashed or frozen at once.
//!
//! ```text
//! spawn --> Run --poll--> Run ... --> finished
//!            |  Freeze: stays as it is until Tasks::thaw
//!            +  Die: the future is dropped at the await it stood at, and so is every other task of the process
//! ```
use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt, io,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    runtime::LocalOptions,
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use crate::time::Clock;

/// What a simulator wants to happen to a task instead of its next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Run,
    /// Do not poll until [`Tasks::thaw`]: a stopped (SIGSTOP) or very slow process.
    Freeze,
    /// Crash the whole process here.
    Die,
}

/// The simulator's hook: asked before each poll of each task, so that an await is a possible crash point.
pub trait Probe: Send + Sync + fmt::Debug {
    /// Decides about the coming poll. Must be quick, and deterministic if the run is to be.
    fn before_poll(&self, task: &'static str) -> Verdict;
}

/// The probe that never interferes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Always;

impl Probe for Always {
    fn before_poll(&self, _task: &'static str) -> Verdict {
        Verdict::Run
    }
}

/// Why a task gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It, or its whole process, was aborted.
    #[error("the task was aborted")]
    Aborted,
    /// It panicked; the message has gone to the panic hook.
    #[error("the task panicked")]
    Panicked,
}

/// All tasks of one process; cheap to clone.
#[derive(Clone)]
pub struct Tasks {
    shared: Arc<Shared>,
}

struct Shared {
    flavour: Flavour,
    dead: AtomicBool,
    book: Mutex<Book>,
    running: watch::Sender<usize>,
}

enum Flavour {
    System,
    Simulated(Arc<dyn Probe>),
}

#[derive(Default)]
struct Book {
    next: u64,
    // A BTreeMap, so that a crash aborts in the same order every time.
    tasks: BTreeMap<u64, AbortHandle>,
    frozen: BTreeMap<u64, Waker>,
}

impl Tasks {
    /// Tasks of a real process.
    pub fn system() -> Self {
        Self::new(Flavour::System)
    }

    /// Tasks of a simulated process: `probe` is asked before each poll, and [`Tasks::blocking`] runs inline.
    pub fn with_probe(probe: Arc<dyn Probe>) -> Self {
        Self::new(Flavour::Simulated(probe))
    }

    fn new(flavour: Flavour) -> Self {
        let (running, _) = watch::channel(0);
        Self {
            shared: Arc::new(Shared {
                flavour,
                dead: AtomicBool::new(false),
                book: Mutex::default(),
                running,
            }),
        }
    }

    /// Starts `future` as a task. In a process that is already dead it is dropped unpolled.
    ///
    /// Dropping the handle lets the task run on. `name` is what a [`Probe`] and the logs see.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that spawns"
    )]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        // The book stays locked over the spawn, so that a task on another thread cannot end before it is written down.
        let mut book = self.shared.book();
        let id = book.next;
        book.next += 1;
        self.shared.count(|count| *count += 1);
        let probed = Probed {
            name,
            id,
            shared: Arc::clone(&self.shared),
            future: Some(Box::pin(future)),
        };
        let join = tokio::spawn(probed);
        book.tasks.insert(id, join.abort_handle());
        TaskHandle { join }
    }

    /// Runs a closure that blocks (disk, long arithmetic) off the async threads; inline in a simulated process.
    ///
    /// # Errors
    /// [`Ended`] if the closure panicked, or if the process is dead. A started closure cannot be aborted.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that spawns"
    )]
    pub async fn blocking<T, F>(&self, closure: F) -> Result<T, Ended>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.is_dead() {
            return Err(Ended::Aborted);
        }
        match &self.shared.flavour {
            Flavour::System => tokio::task::spawn_blocking(closure).await.map_err(ended),
            Flavour::Simulated(_) => Ok(closure()),
        }
    }

    /// Starts a named operating system thread, for a loop that owns something blocking (a store's single writer).
    ///
    /// No probe reaches it and it cannot be aborted: it must end when its channel closes. Not for simulated processes.
    ///
    /// # Errors
    /// When the operating system refuses another thread: stop the start.
    pub fn thread<T, F>(&self, name: &str, body: F) -> io::Result<thread::JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        thread::Builder::new().name(name.to_owned()).spawn(body)
    }

    /// Kills every task: none is polled again, and none can be started. This is the simulator's crash, and the end of `drain`.
    pub fn abort_all(&self) {
        self.shared.abort_all();
    }

    /// Wakes the tasks that a probe has frozen; the probe is then asked again.
    pub fn thaw(&self) {
        let frozen = std::mem::take(&mut self.shared.book().frozen);
        for waker in frozen.into_values() {
            waker.wake();
        }
    }

    /// Waits until every task has ended, for at most `within`, then aborts the rest. Returns how many had to be aborted.
    ///
    /// Call it from outside the process's own tasks, after [`crate::Stop::request`].
    pub async fn drain(&self, clock: &Clock, within: Duration) -> usize {
        let mut running = self.shared.running.subscribe();
        let idle = running.wait_for(|count| *count == 0);
        if clock.timeout(within, idle).await.is_ok() {
            return 0;
        }
        let left = self.running();
        self.abort_all();
        left
    }

    /// How many tasks have been started and have not ended.
    pub fn running(&self) -> usize {
        *self.shared.running.borrow()
    }

    /// True after [`Tasks::abort_all`] or a probe's [`Verdict::Die`].
    pub fn is_dead(&self) -> bool {
        self.shared.is_dead()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("running", &self.running())
            .field("dead", &self.is_dead())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Whoever waits does so for none to be left: nobody is woken for less.
    fn count(&self, change: impl FnOnce(&mut usize)) {
        self.running.send_if_modified(|count| {
            change(count);
            *count == 0
        });
    }

    fn abort_all(&self) {
        self.dead.store(true, Ordering::SeqCst);
        let (tasks, frozen) = {
            let mut book = self.book();
            (
                std::mem::take(&mut book.tasks),
                std::mem::take(&mut book.frozen),
            )
        };
        for task in tasks.into_values() {
            task.abort();
        }
        drop(frozen);
    }

    fn verdict(&self, name: &'static str) -> Verdict {
        if self.is_dead() {
            return Verdict::Die;
        }
        match &self.flavour {
            Flavour::System => Verdict::Run,
            Flavour::Simulated(probe) => probe.before_poll(name),
        }
    }
}

/// One started task.
#[derive(Debug)]
pub struct TaskHandle<T> {
    join: tokio::task::JoinHandle<Result<T, Ended>>,
}

impl<T> TaskHandle<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// [`Ended`] says why there is none.
    pub async fn join(self) -> Result<T, Ended> {
        self.join.await.map_err(ended)?
    }

    /// Drops the task at its current await; it may have been done already.
    pub fn abort(&self) {
        self.join.abort();
    }

    /// True once the task has ended in any way.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }
}

fn ended(error: tokio::task::JoinError) -> Ended {
    if error.is_panic() {
        Ended::Panicked
    } else {
        Ended::Aborted
    }
}

/// A task's future with the probe before it.
struct Probed<F> {
    name: &'static str,
    id: u64,
    shared: Arc<Shared>,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Probed<F> {
    type Output = Result<F::Output, Ended>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.shared.verdict(self.name) {
            Verdict::Run => {}
            Verdict::Freeze => {
                let mut book = self.shared.book();
                book.frozen.insert(self.id, context.waker().clone());
                return Poll::Pending;
            }
            Verdict::Die => {
                self.shared.abort_all();
                self.future = None;
            }
        }
        match &mut self.future {
            Some(future) => future.as_mut().poll(context).map(Ok),
            None => Poll::Ready(Err(Ended::Aborted)),
        }
    }
}

impl<F> Drop for Probed<F> {
    fn drop(&mut self) {
        // What the task held goes first, so that whoever waits for `running` to fall sees it gone.
        self.future = None;
        {
            let mut book = self.shared.book();
            book.tasks.remove(&self.id);
            book.frozen.remove(&self.id);
        }
        self.shared.count(|count| *count -= 1);
    }
}

/// With so many cores or fewer, one thread runs all tasks: a task that wakes another then costs neither a system call nor a switch of
/// threads, and the other core is left to what blocks (the store's writer) and to the machine (docs/performance.md).
const CORES_OF_ONE_THREAD: usize = 2;

thread_local! {
    /// Whether this is the one thread of a process that has no other for its tasks.
    static ONLY: Cell<bool> = const { Cell::new(false) };
}

/// Whether [`run`] runs every task of the process on this very thread. Then [`serve_here`] may be used.
pub fn is_one_thread() -> bool {
    ONLY.get()
}

/// Builds the production runtime (one thread on one or two cores, else a thread for each) and runs `main` on it to the end.
///
/// # Errors
/// When the operating system refuses the threads.
///
/// # Panics
/// Never by itself; a panic of `main` goes on.
pub fn run<F, T>(main: F) -> io::Result<T>
where
    F: Future<Output = T>,
{
    // A stuck blocking call must not keep a stopped process alive.
    const STUCK: Duration = Duration::from_secs(5);
    small_pages();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let outcome = if cores <= CORES_OF_ONE_THREAD {
        ONLY.set(true);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(LocalOptions::default())?;
        let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(main)));
        ONLY.set(false);
        runtime.shutdown_timeout(STUCK);
        outcome
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.enable_all().build()?;
        let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(main)));
        runtime.shutdown_timeout(STUCK);
        outcome
    };
    outcome.map_or_else(|panic| resume_unwind(panic), Ok)
}

/// Memory comes in pages of 4 KiB. One of 2 MiB is zeroed as a whole by whoever touches it first: 5 ms on a virtual machine, in which one
/// thread that runs everything stands still (docs/adr/0018).
fn small_pages() {
    // A kernel without huge pages refuses, and needs nothing.
    #[cfg(target_os = "linux")]
    rustix::thread::disable_transparent_huge_pages(true).unwrap_or_default();
}

/// Takes connections, and runs what `serve` makes of each on this thread. For futures that may not change threads.
///
/// At most `most` are served at once; more wait in the queue of the listener. They are none of the process's tasks: aborting the handle
/// ends all of them and the listener.
///
/// # Errors
/// When the listener cannot be used.
///
/// # Panics
/// Outside of a runtime of one thread: ask [`is_one_thread`] first.
pub fn serve_here<S, F>(
    clock: &Clock,
    listener: std::net::TcpListener,
    most: usize,
    mut serve: S,
) -> io::Result<AbortHandle>
where
    S: FnMut(TcpStream) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    /// After a connection could not be taken, most often because the process has too many files open.
    const REST: Duration = Duration::from_millis(500);
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let clock = clock.clone();
    let serving = async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                taken = listener.accept(), if connections.len() < most => match taken {
                    Ok((stream, _)) => drop(connections.spawn_local(serve(stream))),
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "no connection can be taken");
                        clock.sleep(REST).await;
                    }
                },
            }
        }
    };
    Ok(tokio::task::spawn_local(serving).abort_handle())
}

/// Whether a connection ended before it was taken, which says nothing about the next one.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

#[cfg(test)]
mod tests;
