use super::*;
use crate::SimulatedProcess;

#[tokio::test(start_paused = true)]
async fn everyone_sees_the_request() {
    let process = Process::simulated(SimulatedProcess::default());
    let waiter = {
        let stop = process.stop.clone();
        process
            .tasks
            .spawn("waiter", async move { stop.requested().await })
    };
    process.clock.sleep(Duration::from_secs(1)).await;
    assert!(!waiter.is_finished() && !process.stop.is_requested());
    process.stop.request();
    process.stop.request();
    assert_eq!(waiter.join().await, Ok(()));
    process.stop.requested().await;
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_work_in_hand_and_lets_no_more_in() {
    let process = Process::simulated(SimulatedProcess::default());
    let gate = process.stop.enter().expect("open");
    process.stop.request();
    assert!(process.stop.enter().is_none());
    let work = {
        let clock = process.clock.clone();
        process.tasks.spawn("work", async move {
            clock.sleep(Duration::from_secs(3)).await;
            drop(gate);
        })
    };
    let drained = process
        .stop
        .drained(&process.clock, Duration::from_secs(10))
        .await;
    assert_eq!((drained, process.clock.mono().as_millis()), (Ok(()), 3_000));
    assert_eq!(work.join().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn draining_gives_up_and_says_how_much_was_left() {
    let process = Process::simulated(SimulatedProcess::default());
    let gates = [process.stop.enter(), process.stop.enter()];
    let drained = process
        .stop
        .drained(&process.clock, Duration::from_secs(10))
        .await;
    assert_eq!(drained, Err(Undrained { in_flight: 2 }));
    drop(gates);
    let drained = process.stop.drained(&process.clock, Duration::ZERO).await;
    assert_eq!(drained, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_for_work_leaves_no_trace() {
    let process = Process::simulated(SimulatedProcess::default());
    let stop = process.stop.clone();
    let work = process.tasks.spawn("work", async move {
        let gate = stop.enter();
        std::future::pending::<()>().await;
        drop(gate);
    });
    process.clock.sleep(Duration::from_millis(1)).await;
    work.abort();
    let drained = process
        .stop
        .drained(&process.clock, Duration::from_secs(1))
        .await;
    assert_eq!(drained, Ok(()), "a dropped task leaves its gate");
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_signals() {
    let process = Process::system();
    on_signals(&process).expect("handlers");
    process.stop.request();
    assert_eq!(
        process
            .tasks
            .drain(&process.clock, Duration::from_secs(10))
            .await,
        0
    );
}
