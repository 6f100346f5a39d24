//! The guard as a whole before a cloud that fails and comes back.

use super::*;

/// A cloud that answers each create as it is told; counts what begins.
struct Day {
    process: Process,
    guard: Guard,
    began: Vec<Mono>,
}

impl Day {
    fn new() -> Self {
        let process = process();
        let guard = guard(&process, lane(10, 5, 40));
        Self {
            process,
            guard,
            began: Vec::new(),
        }
    }

    /// Creates for as long, one after the other as fast as the guard lets them; each is answered as `heard` says, after `took`.
    async fn pass(&mut self, seconds: u64, heard: Heard, took: Duration) -> usize {
        let clock = self.process.clock.clone();
        let end = clock.mono() + Duration::from_secs(seconds);
        let before = self.began.len();
        while clock.mono() < end {
            let name = tenant(&format!("t{}", self.began.len() % 50));
            let asked = self
                .guard
                .admit(Call::Create, &name, Priority::ScaleUp, end);
            let Ok(leave) = asked.await else {
                // Nothing more before the end of this part of the day.
                clock.sleep_until(end).await;
                break;
            };
            let sent = clock.mono();
            self.began.push(sent);
            let guard = self.guard.clone();
            let later = clock.clone();
            drop(self.process.tasks.spawn("call", async move {
                later.sleep(took).await;
                guard.heard(Call::Create, &name, heard, sent);
                drop(leave);
            }));
        }
        self.began.len() - before
    }
}

const FAST: Duration = Duration::from_millis(20);

#[tokio::test(start_paused = true)]
async fn a_cloud_that_only_fails_gets_one_call_in_ten_seconds_and_recovers_in_a_minute() {
    let mut day = Day::new();
    let healthy = day.pass(60, Heard::Served, FAST).await;
    assert!((595..=610).contains(&healthy), "{healthy}");
    day.pass(10, Heard::Sick, FAST).await;
    assert_eq!(day.guard.phase(), Phase::Open);
    let failing = day.pass(120, Heard::Sick, FAST).await;
    assert!((10..=13).contains(&failing), "{failing}");
    // From healthy to full budget: within 60 s, and never above it.
    let mut seconds = Vec::new();
    for _ in 0..60 {
        seconds.push(day.pass(1, Heard::Served, FAST).await);
    }
    let last: usize = seconds[50..].iter().sum();
    assert!((98..=102).contains(&last), "{seconds:?}");
    assert!(seconds.iter().all(|calls| *calls <= 11), "{seconds:?}");
    let first: usize = seconds[..15].iter().sum();
    assert!(first <= 25, "no herd: {seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_hangs_gets_a_handful_of_calls() {
    let mut day = Day::new();
    day.pass(60, Heard::Served, FAST).await;
    let hanging = day.pass(120, Heard::Silent, Duration::from_secs(30)).await;
    assert!(hanging <= 40, "{hanging} of 1200 in healthy minutes");
}

#[tokio::test(start_paused = true)]
async fn many_tenants_told_to_wait_is_the_cloud_out_of_breath() {
    let mut day = Day::new();
    day.pass(20, Heard::Served, FAST).await;
    let wait = Heard::Throttled(Scope::Tenant, Duration::from_secs(30));
    let throttled = day.pass(120, wait, FAST).await;
    assert!(throttled <= 30, "{throttled} of 1200 in healthy minutes");
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_ever_longer_bring_the_rate_down_to_what_the_cloud_does() {
    let mut day = Day::new();
    day.pass(30, Heard::Served, FAST).await;
    // Each takes three seconds now: 40 at once would be 10 a second.
    day.pass(60, Heard::Served, Duration::from_secs(3)).await;
    let slow = day.pass(60, Heard::Served, Duration::from_secs(3)).await;
    assert!(
        (15..=80).contains(&slow),
        "{slow}: about one or two at once"
    );
    day.pass(30, Heard::Served, FAST).await;
    let healthy = day.pass(30, Heard::Served, FAST).await;
    assert!((295..=305).contains(&healthy), "{healthy}");
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_offers_one_permit_when_a_probe_is_due() {
    let process = process();
    let guard = guard(&process, lane(10, 5, 40));
    for _ in 0..5 {
        let sent = process.clock.mono();
        guard.heard(Call::Create, &tenant("a"), Heard::Sick, sent);
    }
    assert_eq!(guard.reserve(10).left(), 0);
    let soon = process.clock.mono() + Duration::from_secs(5);
    let refused = guard
        .admit(Call::Create, &tenant("a"), Priority::Doubt, soon)
        .await;
    assert!(matches!(refused, Err(Refused::Open(_))), "{refused:?}");
    process.clock.sleep(Duration::from_secs(10)).await;
    assert_eq!(guard.reserve(10).left(), 1);
}
