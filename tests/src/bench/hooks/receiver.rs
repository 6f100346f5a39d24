//! A receiver with bad habits, one per server, so that they do not depend on the order of things.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use chassis::Process;
use chassis::http::{Connections, Settings, Trust};
use serde_json::Value;

use super::{ATTEMPT, DEADLINE_S};
use crate::receiver::is_signed;

/// What it does with the messages about one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Takes and answers.
    Good,
    /// Hangs the first time.
    Hangs,
    /// 500 the first time.
    Fails,
    /// Answers twice.
    Twice,
    /// Answers after the deadline.
    Late,
    /// Takes, and never answers.
    Silent,
}

const HABITS: [Habit; 20] = {
    let mut habits = [Habit::Good; 20];
    habits[0] = Habit::Hangs;
    habits[1] = Habit::Fails;
    habits[2] = Habit::Fails;
    habits[3] = Habit::Twice;
    habits[4] = Habit::Late;
    habits[5] = Habit::Silent;
    habits
};

/// One message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) id: String,
    pub(crate) server: String,
    pub(crate) signed: bool,
}

/// The receiver. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Rude {
    pub(crate) address: SocketAddr,
    process: Process,
    client: reqwest::Client,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    secret: String,
    /// Where the service is now; after a kill it is elsewhere.
    service: Option<SocketAddr>,
    came: Vec<Came>,
    times: BTreeMap<String, u32>,
    codes: BTreeMap<u16, u64>,
}

impl Rude {
    pub(crate) fn start(process: &Process) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let settings = Settings {
            total_timeout: Duration::from_secs(10),
            connections: Connections::Pooled,
            trust: Trust::Only(Vec::new()),
            ..Settings::default()
        };
        let rude = Self {
            address: listener.local_addr()?,
            process: process.clone(),
            client: chassis::http::client(&settings)?,
            inner: Arc::default(),
        };
        let shared = rude.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(shared.clone()))
                .default_service(web::to(take))
        });
        let server = server.workers(1).disable_signals().listen(listener)?.run();
        drop(process.tasks.spawn("receiver", async move {
            server.await.unwrap_or_default();
        }));
        Ok(rude)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn trust(&self, secret: &str) {
        secret.clone_into(&mut self.lock().secret);
    }

    pub(crate) fn service_is_at(&self, address: SocketAddr) {
        self.lock().service = Some(address);
    }

    pub(crate) fn came(&self) -> Vec<Came> {
        self.lock().came.clone()
    }

    /// How many answers got which status.
    pub(crate) fn codes(&self) -> BTreeMap<u16, u64> {
        self.lock().codes.clone()
    }

    /// Answers, again and again while the service is away: its address changes when it is killed, what stands behind the address does not.
    async fn answer(self, url: String, after: Duration) {
        self.process.clock.sleep(after).await;
        let path = url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        for _ in 0..40 {
            let service = self.lock().service;
            if let Some(service) = service {
                let request = self
                    .client
                    .post(format!("http://{service}/{path}/continue"));
                if let Ok(answer) = request.send().await
                    && ![408, 429, 503].contains(&answer.status().as_u16())
                {
                    *self
                        .lock()
                        .codes
                        .entry(answer.status().as_u16())
                        .or_default() += 1;
                    return;
                }
            }
            self.process.clock.sleep(Duration::from_millis(500)).await;
        }
    }
}

async fn take(rude: web::Data<Rude>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let server = message["data"]["server"].as_str().unwrap_or_default();
    let id = message["id"].as_str().unwrap_or_default();
    let digest = server.bytes().fold(7_usize, |all, byte| {
        all.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    let habit = HABITS[digest % HABITS.len()];
    let first = {
        let mut inner = rude.lock();
        let signed = is_signed(&request, &body, &inner.secret);
        inner.came.push(Came {
            id: id.to_owned(),
            server: server.to_owned(),
            signed,
        });
        let times = inner.times.entry(id.to_owned()).or_default();
        *times += 1;
        *times == 1
    };
    match habit {
        Habit::Hangs if first => {
            rude.process.clock.sleep(ATTEMPT * 2).await;
            return HttpResponse::Ok().finish();
        }
        Habit::Fails if first => return HttpResponse::InternalServerError().finish(),
        Habit::Hangs | Habit::Fails | Habit::Good | Habit::Twice | Habit::Late | Habit::Silent => {}
    }
    if let Some(url) = message["data"]["wait"]["answer_url"].as_str() {
        let (times, after) = match habit {
            Habit::Good | Habit::Hangs | Habit::Fails => (1, Duration::ZERO),
            Habit::Twice => (2, Duration::ZERO),
            Habit::Late => (1, Duration::from_secs(u64::from(DEADLINE_S) + 3)),
            Habit::Silent => (0, Duration::ZERO),
        };
        for _ in 0..times {
            let answer = (**rude).clone().answer(url.to_owned(), after);
            drop(rude.process.tasks.spawn("answer", answer));
        }
    }
    HttpResponse::NoContent().finish()
}
