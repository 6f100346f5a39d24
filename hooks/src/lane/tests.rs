use async_trait::async_trait;
use chassis::http::Trust;
use chassis::{Health, Secret, SimulatedProcess};
use domain::ids::{ColoId, DeliveryId, GroupId, GroupKey, HomeEpoch};
use domain::outbox::Sent;
use wire::hooks::secret::HookKeys;
use wire::ports::hooks::HooksError;

use super::*;

#[test]
fn a_lane_is_ready_while_any_supervisor_was_heard_of_late() {
    let health = Health::new();
    let heard = Heard {
        check: health.check("hooks"),
        last: Arc::default(),
    };
    assert!(!health.is_ready(), "nobody was asked");
    for (second, is_answer, ready) in [
        (0, false, false),
        (1, true, true),
        (2, false, true),
        (16, false, true),
        (17, false, false),
        (18, true, true),
    ] {
        heard.note(Mono::START + Duration::from_secs(second), is_answer);
        assert_eq!(health.is_ready(), ready, "at {second} s");
    }
}

/// A supervisor that cannot write what concerns one tenant, and says so after a moment.
#[derive(Debug)]
struct Half {
    process: Process,
    sick: TenantId,
    told: Mutex<Vec<(Duration, Tried)>>,
}

#[async_trait]
impl Hooks for Half {
    async fn fetch(&self, _room: Room) -> Result<Vec<Parcel>, HooksError> {
        Ok(Vec::new())
    }

    async fn tried(&self, tried: Vec<Tried>) -> Result<Vec<usize>, HooksError> {
        let at = self.process.clock.mono().saturating_since(Mono::START);
        let sick = |(_, one): &(usize, &Tried)| one.group.tenant == self.sick;
        let again = tried.iter().enumerate().filter(sick);
        let again: Vec<usize> = again.map(|(place, _)| place).collect();
        let told = tried.iter().map(|one| (at, one.clone()));
        self.told.lock().unwrap().extend(told);
        if !again.is_empty() {
            self.process.clock.sleep(Duration::from_millis(500)).await;
        }
        Ok(again)
    }
}

impl Half {
    /// When it was told of that tenant's message.
    fn told(&self, tenant: &str) -> Vec<Duration> {
        let told = self.told.lock().unwrap();
        let told = told
            .iter()
            .filter(|(_, one)| one.group.tenant.as_str() == tenant);
        told.map(|(at, _)| *at).collect()
    }
}

fn report(tenant: &str) -> Tried {
    Tried {
        group: GroupKey {
            tenant: tenant.parse().unwrap(),
            id: GroupId::new(ColoId(1), 1),
            epoch: HomeEpoch(0),
        },
        id: DeliveryId(1),
        made: 0,
        sent: Sent::Taken,
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_no_supervisor_can_write_is_said_again_and_holds_back_no_other() {
    let process = Process::simulated(SimulatedProcess::default());
    let keys = HookKeys::new(&[Secret::new("k".repeat(32)).unwrap()]).unwrap();
    let settings = Settings {
        trust: Trust::Only(Vec::new()),
        ..Settings::new(keys, "https://holt.example")
    };
    let supervisor = Arc::new(Half {
        process: process.clone(),
        sick: "sick".parse().unwrap(),
        told: Mutex::default(),
    });
    let line = Line {
        sender: Sender::new(&process, &settings).unwrap(),
        counts: Counts::new(&process.metrics),
        busy: Busy::default(),
        heard: Heard {
            check: process.health.check("hooks"),
            last: Arc::default(),
        },
        supervisor: Arc::<Half>::clone(&supervisor) as _,
        process: process.clone(),
        settings,
    };
    let (tried, reports) = mpsc::unbounded_channel();
    drop(process.tasks.spawn("hooks-report", line.report(reports)));
    tried.send(report("sick")).unwrap();
    let tenants = ["a", "b", "c", "d", "e"];
    for tenant in tenants {
        process.clock.sleep(Duration::from_secs(2)).await;
        tried.send(report(tenant)).unwrap();
        process.clock.sleep(Duration::from_secs(1)).await;
        let told = supervisor.told(tenant);
        assert_eq!(told.len(), 1, "{tenant} within a second, and once");
    }
    process.clock.sleep(Duration::from_secs(120)).await;
    let sick = supervisor.told("sick");
    assert!((8..20).contains(&sick.len()), "{sick:?}");
    let last = sick[sick.len() - 1] - sick[0];
    let given_up = ANSWER_MAX - FAILED_MAX..=ANSWER_MAX + FAILED_MAX;
    assert!(given_up.contains(&last), "{last:?}");
    for tenant in tenants {
        assert_eq!(supervisor.told(tenant).len(), 1, "{tenant} was heard");
    }
}
