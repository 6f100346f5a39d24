use std::sync::Mutex;

use actix_web::{App, HttpServer};
use domain::ids::{GroupId, GroupKey, HomeEpoch};

use super::*;

/// A supervisor that has heard what it was told to have heard.
#[derive(Debug)]
struct Supervisor {
    answer: Result<Vec<usize>, HooksError>,
    told: Mutex<Vec<Tried>>,
}

#[async_trait]
impl Hooks for Supervisor {
    async fn fetch(&self, _room: Room) -> Result<Vec<Parcel>, HooksError> {
        Ok(Vec::new())
    }

    async fn tried(&self, tried: Vec<Tried>) -> Result<Vec<usize>, HooksError> {
        *self.told.lock().unwrap() = tried;
        self.answer.clone()
    }
}

fn served(answer: Result<Vec<usize>, HooksError>) -> (Arc<Supervisor>, HttpHooks) {
    let key = || Secret::new("right".to_owned()).unwrap();
    let supervisor = Arc::new(Supervisor {
        answer,
        told: Mutex::default(),
    });
    let hooks: Arc<dyn Hooks> = Arc::<Supervisor>::clone(&supervisor);
    let server = HttpServer::new(move || App::new().service(routes(Arc::clone(&hooks), key())))
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    let lane = HttpHooks::new(&address, key(), Trust::Only(Vec::new())).unwrap();
    (supervisor, lane)
}

fn reports() -> Vec<Tried> {
    let after = Duration::from_secs(9);
    let sent = [
        Sent::Taken,
        Sent::Failed("500".into(), Some(after)),
        Sent::Refused("410".into()),
        Sent::Nobody,
    ];
    let numbered = sent.into_iter().zip(1..);
    let report = |(sent, n): (Sent, u32)| Tried {
        group: GroupKey {
            tenant: "acme".parse().unwrap(),
            id: GroupId::from_u128(u128::from(n)),
            epoch: HomeEpoch(3),
        },
        id: DeliveryId(u64::from(n)),
        made: n,
        sent,
    };
    numbered.map(report).collect()
}

#[actix_web::test]
async fn what_is_to_be_said_again_arrives_as_it_was_answered() {
    for answer in [
        Ok(Vec::new()),
        Ok(vec![1, 3]),
        Ok(vec![0, 1, 2, 3]),
        Err(HooksError::Unreachable),
        Err(HooksError::Refused),
    ] {
        let (supervisor, lane) = served(answer.clone());
        assert_eq!(lane.tried(reports()).await, answer);
        assert_eq!(*supervisor.told.lock().unwrap(), reports());
    }
}

/// It looks at the status and the word alone, and knows two answers: all is durable, or all is to be said again.
#[actix_web::test]
async fn a_lane_of_an_older_version_says_all_again_while_one_report_is_not_durable() {
    for (answer, is_durable) in [(vec![], true), (vec![1], false)] {
        let (_supervisor, lane) = served(Ok(answer));
        let reports: Vec<_> = reports().into_iter().map(TriedMessage::from).collect();
        let within = Duration::from_secs(5);
        let answer = lane.peer.post::<Acknowledged>(TRIED, &reports, within, 9);
        let answer = answer.await.map_err(|failure| error(&failure));
        assert_eq!(answer.is_ok(), is_durable);
        let refused = answer.err();
        assert!(is_durable || refused == Some(HooksError::Unreachable));
    }
}
