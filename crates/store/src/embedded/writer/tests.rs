use super::*;

/// A request, and where its answer comes.
fn waiting() -> (Job, oneshot::Receiver<Reply>) {
    let (answer, waits) = oneshot::channel();
    let request = Request::Index(1);
    (Job { request, answer }, waits)
}

/// A writer without its thread.
fn at_work(process: &Process, inbox: Receiver<Vec<Job>>) -> Loop {
    Loop {
        connection: Connection::open_in_memory().unwrap(),
        heads: Heads::default(),
        inbox,
        waiting: VecDeque::new(),
        batch_max: 1,
        counters: Arc::new(Counters::new(&process.metrics)),
        log_pages: Arc::default(),
        written_back: true,
        not_before: 0,
        refused: false,
        broken: Arc::default(),
        stop: process.stop.clone(),
    }
}

#[tokio::test]
async fn a_store_that_could_not_sync_ends_its_process_so_that_it_is_opened_anew() {
    let process = Process::system();
    let (_jobs, inbox) = channel();
    let mut writer = at_work(&process, inbox);
    let unsynced = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    let unclear = Undone::Unclear(rusqlite::Error::SqliteFailure(unsynced, None));
    let (job, mut waits) = waiting();
    writer.conclude(&mut vec![job], Err(unclear));
    let heard = waits.try_recv().unwrap();
    assert!(matches!(heard.own, Ok(Committed::Unknown)));
    assert!(process.stop.is_requested());
    // Until it has stopped, nothing is written on ground that is not sure.
    let (job, mut waits) = waiting();
    writer.serve(&mut vec![job]);
    let heard = waits.try_recv().unwrap();
    assert!(matches!(heard.own, Err(Error::Unavailable(_))));
}

#[test]
fn whoever_leaves_takes_nobodys_answer_with_him() {
    let (jobs, waits): (Vec<_>, Vec<_>) = (0..5).map(|_| waiting()).unzip();
    let mut waits = waits.into_iter();
    // Gone before there is an answer; and the one that then has those of the others, without a look at his own.
    drop(waits.next());
    reply(jobs.into_iter().map(|job| (job, Ok(Committed::Applied))));
    drop(waits.next());
    for mut wait in waits {
        let heard = wait.try_recv().unwrap();
        assert!(matches!(heard.own, Ok(Committed::Applied)));
    }
}
