//! A lease in a store that is slow, in paused time.

use std::collections::VecDeque;

use async_trait::async_trait;
use chassis::{Clock, SimulatedProcess};

use super::*;
use crate::Error;
use crate::member::Leases;

/// Leases in a store that takes as long for a beat as is planned, and no time when nothing is.
#[derive(Debug)]
struct Slow {
    clock: Clock,
    leases: Mutex<Leases>,
    beats: Mutex<VecDeque<Duration>>,
}

#[async_trait]
impl Members for Slow {
    async fn beat(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        let wait = self.beats.lock().unwrap().pop_front();
        if let Some(wait) = wait {
            self.clock.sleep(wait).await;
        }
        self.leases.lock().unwrap().beat(colo, lease);
        Ok(())
    }

    async fn leave(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        self.leases.lock().unwrap().leave(colo, lease);
        Ok(())
    }

    async fn leases(&self, colo: ColoId) -> Result<Vec<Lease>, Error> {
        Ok(self.leases.lock().unwrap().of(colo))
    }
}

async fn is_told(process: &Process, watch: &Watch) -> bool {
    let soon = Duration::from_millis(1);
    process.clock.timeout(soon, watch.changed()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_lapse_that_is_over_before_the_next_look_is_told_all_the_same() {
    let process = Process::simulated(SimulatedProcess::default());
    // The second and the third are lost after 1.5 s each; the fourth is good at 5.2 s, when the first holds no more.
    let beats = [1, 2_000, 2_000, 1_200].map(Duration::from_millis);
    let members = Slow {
        clock: process.clock.clone(),
        leases: Mutex::default(),
        beats: Mutex::new(VecDeque::from(beats)),
    };
    let own: MemberName = "http://10.0.0.1:8071".parse().unwrap();
    let watch = Watch::start(&process, Arc::new(members), ColoId(1), Some(own));
    process.clock.sleep(Duration::from_millis(4_900)).await;
    assert!(watch.is_own(Shard::BUDGET));
    assert!(is_told(&process, &watch).await, "of the first beat");
    assert!(!is_told(&process, &watch).await);

    process.clock.sleep(Duration::from_millis(200)).await;
    assert!(!watch.is_own(Shard::BUDGET), "by the clock");
    assert!(!is_told(&process, &watch).await);
    assert_eq!(watch.lapses(), 0);

    process.clock.sleep(Duration::from_millis(200)).await;
    assert!(watch.is_own(Shard::BUDGET));
    assert!(is_told(&process, &watch).await);
    assert_eq!(watch.lapses(), 1);
}
