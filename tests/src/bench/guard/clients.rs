//! Clients to compare with: one that knows nothing but a time limit and retries, and one that keeps a fixed pace.
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;
use chassis::spawn::TaskHandle;
use tokio::sync::Mutex;

use crate::bench::cloud::{Cloud, project};
use crate::bench::exchange::{Connection, request};

/// A call that takes longer is given up; what it asked for may still happen.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Tries of one create, after the first.
const RETRIES: u32 = 3;
/// Between two calls of the paced client: the budget that Holt has.
const PACE: Duration = Duration::from_millis(100);

/// The ticket machine of a paced client.
type Ticker = Arc<Mutex<()>>;

/// Groups that each want servers without end, one create after the other: as fast as they can, or all together at a fixed pace.
pub(super) async fn start(
    process: &Process,
    cloud: &Cloud,
    (groups, tenants): (usize, usize),
    paced: bool,
) -> anyhow::Result<Vec<TaskHandle<()>>> {
    let ticker: Ticker = Arc::default();
    let mut tokens = Vec::new();
    for number in 0..tenants {
        tokens.push(cloud.sign_in(&project(number)).await?);
    }
    let started = (0..groups).map(|group| {
        let (process, to) = (process.clone(), cloud.address);
        let ticker = paced.then(|| Arc::clone(&ticker));
        let headers = format!("x-auth-token: {}\r\nx-openstack-nova-api-version: 2.69\r\n", tokens[group % tenants]);
        let body = r#"{"server":{"name":"n","flavorRef":"1","imageRef":"11111111-1111-4111-8111-111111111111","networks":"auto"}}"#;
        let create = request("POST", "/v2.1/servers", &headers, body);
        process.clone().tasks.spawn("client", async move {
            loop {
                one_server(&process, to, ticker.as_ref(), &create).await;
            }
        })
    });
    Ok(started.collect())
}

/// One server: tries until one answers that it is on its way, or the tries are used up.
async fn one_server(
    process: &Process,
    to: std::net::SocketAddr,
    ticker: Option<&Ticker>,
    create: &[u8],
) {
    for _ in 0..=RETRIES {
        if let Some(ticker) = ticker {
            let _turn = ticker.lock().await;
            process.clock.sleep(PACE).await;
        }
        let exchange = async {
            let mut connection = Connection::open(to).await?;
            let answer = connection.ask(create).await?;
            anyhow::Ok(answer.status)
        };
        let answer = process.clock.timeout(TIMEOUT, exchange).await;
        match answer.context("no answer").and_then(|answer| answer) {
            Ok(200..=202) => return,
            // A refusal that takes no time must not make this bench its own victim.
            Ok(_) | Err(_) => process.clock.sleep(Duration::from_millis(10)).await,
        }
    }
}
