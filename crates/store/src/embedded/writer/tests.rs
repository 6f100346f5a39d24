use super::*;

#[test]
fn whoever_leaves_takes_nobodys_answer_with_him() {
    let waiting = |_| {
        let (answer, waits) = oneshot::channel();
        let request = Request::Index(1);
        (Job { request, answer }, waits)
    };
    let (jobs, waits): (Vec<_>, Vec<_>) = (0..5).map(waiting).unzip();
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
