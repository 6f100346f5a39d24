//! A customer's receiver of hooks, over real HTTP: it verifies signatures by itself, and behaves as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chassis::Process;
use serde_json::Value;

/// What it does with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// 200.
    Take,
    /// That status.
    Answer(u16),
    /// A redirect to there.
    Redirect(String),
    /// Nothing, for so long.
    Hang(Duration),
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// `webhook-id`.
    pub id: String,
    /// Whether one of its signatures is right by the secret that the receiver was told; none: it was told none.
    pub signed: Option<bool>,
    /// The body.
    pub body: Value,
    /// What was done with it.
    pub manner: Manner,
}

impl Received {
    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }
    /// Where to answer, if something waits.
    #[must_use]
    pub fn answer_url(&self) -> Option<&str> {
        self.body["data"]["wait"]["answer_url"].as_str()
    }
}

/// The receiver. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    process: Process,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    secrets: Vec<String>,
    next: VecDeque<Manner>,
    always: Option<Manner>,
    received: Vec<Received>,
}

impl Receiver {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// There is none.
    pub fn start(process: &Process) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let receiver = Self {
            address: listener.local_addr()?,
            process: process.clone(),
            inner: Arc::default(),
        };
        let shared = receiver.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(shared.clone()))
                .default_service(web::to(take))
        });
        let server = server.workers(1).disable_signals().listen(listener)?.run();
        drop(process.tasks.spawn("receiver", async move {
            server.await.unwrap_or_default();
        }));
        Ok(receiver)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its address as a hook has it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// A secret by which signatures may be right.
    pub fn trust(&self, secret: &str) {
        self.lock().secrets.push(secret.to_owned());
    }

    /// What it does with the next messages, one each, before it goes on as always.
    pub fn next(&self, manners: impl IntoIterator<Item = Manner>) {
        self.lock().next.extend(manners);
    }

    /// What it does with messages from now on.
    pub fn always(&self, manner: Manner) {
        self.lock().always = Some(manner);
    }

    /// Everything that came, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    fn take(&self, request: &HttpRequest, body: &[u8]) -> Manner {
        let mut inner = self.lock();
        let next = inner.next.pop_front();
        let always = inner.always.clone().unwrap_or(Manner::Take);
        let manner = next.unwrap_or(always);
        let secrets = inner.secrets.iter();
        let signed = (!inner.secrets.is_empty()).then(|| {
            secrets
                .into_iter()
                .any(|secret| is_signed(request, body, secret))
        });
        inner.received.push(Received {
            id: header(request, "webhook-id").to_owned(),
            signed,
            body: serde_json::from_slice(body).unwrap_or_default(),
            manner: manner.clone(),
        });
        manner
    }
}

async fn take(
    receiver: web::Data<Receiver>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    match receiver.take(&request, &body) {
        Manner::Take => HttpResponse::Ok().finish(),
        Manner::Answer(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            // More than the lane reads.
            HttpResponse::build(status).body("x".repeat(100_000))
        }
        Manner::Redirect(to) => HttpResponse::TemporaryRedirect()
            .insert_header(("Location", to))
            .finish(),
        Manner::Hang(time) => {
            receiver.process.clock.sleep(time).await;
            HttpResponse::Ok().finish()
        }
    }
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// As the Standard Webhooks specification says: HMAC-SHA256 over id, timestamp and body; any one of several signatures will do.
#[must_use]
pub fn is_signed(request: &HttpRequest, body: &[u8], secret: &str) -> bool {
    let Some(Ok(key)) = secret.strip_prefix("whsec_").map(|s| STANDARD.decode(s)) else {
        return false;
    };
    let (id, at) = (
        header(request, "webhook-id"),
        header(request, "webhook-timestamp"),
    );
    let content = [format!("{id}.{at}.").as_bytes(), body].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &content);
    let right = format!("v1,{}", STANDARD.encode(tag.as_ref()));
    header(request, "webhook-signature")
        .split(' ')
        .any(|signature| signature == right)
}

/// How often each message came.
#[must_use]
pub fn times(received: &[Received]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for one in received {
        *times.entry(one.id.clone()).or_default() += 1;
    }
    times
}
