//! The way to the writer, and to a reader: what one turn of the runtime asks for goes over together.
//!
//! ```text
//! ask ──► gathered ──(the tasks that are ready have run)──► taker ──► one transaction
//! ```
//! Where one thread runs everything (ADR 0018), a wake of the writer at the first request of a turn would have it sync that one alone while the others
//! of the turn wait for the next sync, and each read would cost two threads a wake. So the first request of a turn wakes a task, which runs after those
//! that are ready, and sends all. Nobody waits for a clock. With more threads requests go over at once: no turn is common to them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chassis::{Process, Stop};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Notify;

/// Jobs on their way to the thread that takes them.
pub(super) struct Queue<J> {
    shared: Arc<Shared<J>>,
}

impl<J> fmt::Debug for Queue<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

struct Shared<J> {
    gathered: Mutex<Gathered<J>>,
    first: Notify,
}

struct Gathered<J> {
    jobs: Vec<J>,
    /// None once it is closed.
    to: Option<Taker<J>>,
    /// Somebody sends at the end of the turn.
    by_turn: bool,
}

/// Takes jobs over, without waiting.
type Taker<J> = Box<dyn Fn(Vec<J>) -> Result<(), Gone> + Send>;

/// The queue is closed, or nobody takes from it any more.
#[derive(Debug)]
pub(super) struct Gone;

impl<J: Send + 'static> Queue<J> {
    /// The way to whoever takes jobs by `to`. On a runtime of one thread a task of `process`, called `name`, gathers until the stop is requested.
    pub(super) fn new(
        name: &'static str,
        to: impl Fn(Vec<J>) -> Result<(), Gone> + Send + 'static,
        process: &Process,
    ) -> Self {
        let by_turn = Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread);
        let shared = Arc::new(Shared {
            gathered: Mutex::new(Gathered {
                jobs: Vec::new(),
                to: Some(Box::new(to)),
                by_turn,
            }),
            first: Notify::new(),
        });
        if by_turn {
            let turns = Turns(Arc::clone(&shared));
            drop(process.tasks.spawn(name, turns.run(process.stop.clone())));
        }
        Self { shared }
    }

    /// Hands one job over, now or at the end of this turn.
    pub(super) fn push(&self, job: J) -> Result<(), Gone> {
        let mut gathered = self.shared.lock();
        if gathered.to.is_none() {
            return Err(Gone);
        }
        gathered.jobs.push(job);
        if !gathered.by_turn {
            return gathered.send();
        }
        if gathered.jobs.len() == 1 {
            self.shared.first.notify_one();
        }
        Ok(())
    }

    /// Hands over what was gathered, and takes no more.
    pub(super) fn close(&self) {
        let mut gathered = self.shared.lock();
        // If nobody takes them the jobs are gone, and whoever waits for their answers hears that.
        drop(gathered.send());
        gathered.to = None;
    }
}

impl<J> Shared<J> {
    fn lock(&self) -> MutexGuard<'_, Gathered<J>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Gathered<J> {
    fn send(&mut self) -> Result<(), Gone> {
        let jobs = std::mem::take(&mut self.jobs);
        match &self.to {
            _ if jobs.is_empty() => Ok(()),
            Some(to) => to(jobs),
            None => Err(Gone),
        }
    }
}

/// The task that sends. However it ends, nothing is left behind, and later jobs go over at once.
struct Turns<J>(Arc<Shared<J>>);

impl<J> Turns<J> {
    async fn run(self, stop: Stop) {
        let mut stopped = std::pin::pin!(stop.requested());
        loop {
            tokio::select! {
                biased;
                () = self.0.first.notified() => {}
                () = &mut stopped => return,
            }
            // Who asked is told by his answer's end.
            drop(self.0.lock().send());
        }
    }
}

impl<J> Drop for Turns<J> {
    fn drop(&mut self) {
        let mut gathered = self.0.lock();
        gathered.by_turn = false;
        drop(gathered.send());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::*;

    fn queue(to: Sender<Vec<i32>>, process: &Process) -> Queue<i32> {
        Queue::new(
            "turns",
            move |jobs| to.send(jobs).map_err(|_back| Gone),
            process,
        )
    }

    #[tokio::test]
    async fn what_one_turn_asks_for_goes_over_together_and_waits_for_no_clock() {
        let (to, inbox) = channel();
        let queue = queue(to, &Process::system());
        for job in 1..=3 {
            queue.push(job).unwrap();
        }
        assert!(inbox.try_recv().is_err(), "the turn is not over");
        tokio::task::yield_now().await;
        assert_eq!(inbox.try_recv(), Ok(vec![1, 2, 3]));
    }

    #[tokio::test]
    async fn nothing_is_left_behind_by_a_stop_or_an_abort_or_the_end() {
        let (to, inbox) = channel();
        for way in 0..3 {
            let process = Process::system();
            let queue = queue(to.clone(), &process);
            tokio::task::yield_now().await;
            queue.push(way).unwrap();
            match way {
                0 => process.stop.request(),
                1 => process.tasks.abort_all(),
                _ => queue.close(),
            }
            process
                .tasks
                .drain(&process.clock, Duration::from_millis(1))
                .await;
            assert_eq!(inbox.try_recv(), Ok(vec![way]), "way {way}");
            if way < 2 {
                queue.push(9).unwrap();
                assert_eq!(inbox.try_recv(), Ok(vec![9]), "at once from now on");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn with_more_threads_each_goes_over_at_once() {
        let (to, inbox) = channel();
        let queue = queue(to, &Process::system());
        queue.push(1).unwrap();
        queue.push(2).unwrap();
        assert_eq!(inbox.iter().take(2).collect::<Vec<_>>(), [[1], [2]]);
        queue.close();
        assert!(queue.push(3).is_err());
    }
}
