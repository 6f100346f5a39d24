use super::*;

#[tokio::test(start_paused = true)]
async fn simulated_wall_time_follows_the_paused_runtime() {
    let clock = Clock::simulated(1_000_000, 250);
    assert_eq!(clock.unix_ms(), 1_000_250);
    clock.sleep(Duration::from_secs(90)).await;
    assert_eq!(clock.unix_ms(), 1_090_250);
    assert_eq!(clock.mono().as_millis(), 90_000);
}

#[tokio::test(start_paused = true)]
async fn a_jump_moves_the_wall_of_every_clone_and_no_monotonic_time() {
    let clock = Clock::simulated(1_000_000, 0);
    let clone = clock.clone();
    let before = clock.mono();
    clock.jump(-3_600_000);
    assert_eq!(clone.unix_ms(), 0, "below the epoch it stays at zero");
    clock.jump(3_700_000);
    assert_eq!(clone.unix_ms(), 1_100_000);
    assert_eq!(clock.mono(), before);
}

#[tokio::test(start_paused = true)]
async fn two_processes_in_one_runtime_have_different_wall_clocks() {
    let (early, late) = (Clock::simulated(1_000, -500), Clock::simulated(1_000, 500));
    early.sleep(Duration::from_secs(1)).await;
    assert_eq!(late.unix_ms() - early.unix_ms(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_bounded_wait_ends_at_its_bound() {
    let clock = Clock::simulated(0, 0);
    let late = clock.timeout(Duration::from_secs(2), clock.sleep(Duration::from_secs(3)));
    assert_eq!(late.await, Err(Elapsed));
    assert_eq!(clock.mono().as_millis(), 2_000);
    let soon = clock.timeout(Duration::from_secs(2), clock.sleep(Duration::from_secs(1)));
    assert_eq!(soon.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_past_moment_returns_at_once() {
    let clock = Clock::simulated(0, 0);
    let start = clock.mono();
    clock
        .sleep_until(start + Duration::from_millis(1_500))
        .await;
    clock.sleep_until(start).await;
    assert_eq!(
        clock.mono().saturating_since(start),
        Duration::from_millis(1_500)
    );
    assert_eq!(start.saturating_since(clock.mono()), Duration::ZERO);
}

#[tokio::test]
async fn the_system_clock_shows_this_century() {
    let clock = Clock::system();
    assert!(clock.unix_ms() > 1_700_000_000_000);
    let before = clock.unix_ms();
    clock.jump(-1_000_000);
    assert!(clock.unix_ms() >= before, "a system clock ignores jumps");
}
