use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use domain::ids::HomeEpoch;
use store::feed::Mark;
use store::memory::Memory;

use super::*;
use crate::Settings;

/// Counts how often it is asked.
#[derive(Debug, Default)]
struct Asked(AtomicU64);

#[async_trait]
impl Feed for Asked {
    async fn next(&self, _limit: u32) -> Result<Next, store::Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Next::Elsewhere)
    }

    async fn passed(&self, _mark: &Mark) -> Result<(), store::Error> {
        Ok(())
    }
}

#[tokio::test]
async fn a_control_plane_that_stands_by_reads_nothing_of_what_was_committed() {
    let process = Process::system();
    let settings = Settings {
        nodes: vec!["http://127.0.0.1:9200".to_owned()],
        ..Settings::default()
    };
    let elastic = crate::open(&process, &settings).unwrap();
    let stores = Memory::new(process.clock.clone()).handle("west");
    let home = store::home::shared(stores, "west".parse().unwrap()).home;
    let feed = Arc::new(Asked::default());
    let asked = || feed.0.load(Ordering::Relaxed);
    let mut feeder = Feeder::new(&process, elastic, feed.clone(), home.clone());

    assert_eq!(feeder.turn().await.unwrap(), Step::Elsewhere);
    assert_eq!(asked(), 0);
    home.shared().unwrap().serve(Some(HomeEpoch(1)));
    assert_eq!(feeder.turn().await.unwrap(), Step::Elsewhere);
    assert_eq!(asked(), 1, "it serves now");
    home.shared().unwrap().serve(None);
    assert_eq!(feeder.turn().await.unwrap(), Step::Elsewhere);
    assert_eq!(asked(), 1);
}
