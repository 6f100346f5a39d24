//! One attempt: open the keys, render, sign, call, and say what came of it in words that a customer can act on.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use chassis::http::{Client, Connections, Trust};
use domain::hook::{Format, Key, KeyKind};
use domain::outbox::Sent;
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use wire::hooks::secret::{HookKeys, Owner};
use wire::ports::hooks::Parcel;

use crate::Settings;
use crate::address::{Guarded, Refused, Resolver, Rules, Unknown};
use crate::probe;
use crate::render::{PAGER_DUTY, render};
use crate::sign::{self, Signer};

/// So much of an answer is read, so that its connection can be used again; what it says is of no interest.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// For a connection, the look-up of the name and TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// Sends messages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sender {
    process: Process,
    client: Client,
    rules: Rules,
    keys: HookKeys,
    answers: String,
    deadline: Duration,
}

/// Something that could not be opened.
struct Sealed;

impl Sender {
    /// A sender.
    ///
    /// # Errors
    /// The HTTP client cannot be built: stop the start.
    pub fn new(process: &Process, settings: &Settings) -> Result<Self, chassis::http::Error> {
        let resolver = Resolver(Arc::new(Guarded {
            rules: settings.rules.clone(),
            names: settings.names.clone(),
        }));
        let http = chassis::http::Settings {
            connect_timeout: CONNECT.min(settings.deadline),
            total_timeout: settings.deadline,
            connections: Connections::Warm(Duration::from_secs(5)),
            trust: settings.trust.clone(),
            user_agent: "holt-hooks",
        };
        let client = match chassis::http::client_resolved_by(&http, Arc::new(resolver.clone())) {
            Ok(client) => client,
            Err(error) => {
                // A machine without a certificate store believes nobody, and can still call plain HTTP where that is allowed.
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "hooks cannot use https");
                let http = chassis::http::Settings {
                    trust: Trust::Only(Vec::new()),
                    ..http
                };
                chassis::http::client_resolved_by(&http, Arc::new(resolver))?
            }
        };
        Ok(Self {
            process: process.clone(),
            client,
            rules: settings.rules.clone(),
            keys: settings.keys.clone(),
            answers: settings.answers.clone(),
            deadline: settings.deadline,
        })
    }

    /// Tries to send one message.
    pub async fn send(&self, parcel: &Parcel) -> Sent {
        let Ok(address) = self.address(parcel) else {
            return Sent::Refused(String::from(
                "a secret of the hook cannot be opened: give it anew",
            ));
        };
        let url = match self.rules.check(&address) {
            Ok(url) => url,
            Err(refused) => return Sent::Refused(refused.to_string()),
        };
        if parcel.format == Format::Probe {
            return self.probe(parcel, url).await;
        }
        let routing = self.secret(parcel, KeyKind::Routing);
        let mut message = parcel.message.clone();
        if let Some(wait) = &mut message.data.wait {
            let token = self.keys.token(parcel.group.id, parcel.id);
            wait.answer_url = Some(format!("{}/v2/hooks/{token}", self.answers));
        }
        let routing = routing.as_ref().map(chassis::Secret::expose);
        let rendered = render(parcel.format, &message, routing);
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, rendered.media_type);
        if matches!(parcel.format, Format::Webhook | Format::CloudEvents) {
            let Ok(signers) = self.signers(parcel) else {
                return Sent::Refused(String::from(
                    "a signing key of the hook cannot be opened: rotate it",
                ));
            };
            let unix_s = self.process.clock.unix_ms() / 1_000;
            let signature = sign::header(&signers, &message.id, unix_s, &rendered.body);
            request = request
                .header("webhook-id", &message.id)
                .header("webhook-timestamp", unix_s)
                .header("webhook-signature", signature);
        }
        let call = request.body(rendered.body).send();
        let answer = self.process.clock.timeout(self.deadline, call).await;
        match answer {
            Ok(Ok(response)) => self.judge(response).await,
            Ok(Err(error)) => self.explain(&error),
            Err(_elapsed) => self.late(),
        }
    }

    /// Asks whether all is well.
    async fn probe(&self, parcel: &Parcel, mut url: Url) -> Sent {
        let list = url.fragment().map(str::to_owned);
        url.set_fragment(None);
        let mut request = self.client.get(url).header(ACCEPT, "application/json, */*");
        if parcel.keys.iter().any(|key| key.kind == KeyKind::Bearer) {
            let Some(token) = self.secret(parcel, KeyKind::Bearer) else {
                return Sent::Refused(String::from(
                    "a secret of the hook cannot be opened: give it anew",
                ));
            };
            request = request.bearer_auth(token.expose());
        }
        let asked = async {
            let response = request.send().await?;
            let status = response.status();
            let body = chassis::http::body(response, probe::BYTES_MAX).await;
            Ok::<_, reqwest::Error>((status, body.ok()))
        };
        match self.process.clock.timeout(self.deadline, asked).await {
            Ok(Ok((status, body))) => probe::judge(status, body.as_deref(), list.as_deref()),
            Ok(Err(error)) => self.explain(&error),
            Err(_elapsed) => self.late(),
        }
    }

    /// Where to: for some forms the address itself is a secret.
    fn address(&self, parcel: &Parcel) -> Result<String, Sealed> {
        let is_secret = parcel.keys.iter().any(|key| key.kind == KeyKind::Address);
        if is_secret {
            let address = self.secret(parcel, KeyKind::Address).ok_or(Sealed)?;
            return Ok(address.expose().to_owned());
        }
        let needs_default = parcel.format == Format::PagerDuty && parcel.url.is_empty();
        Ok(if needs_default {
            PAGER_DUTY.to_owned()
        } else {
            parcel.url.clone()
        })
    }

    fn secret(&self, parcel: &Parcel, kind: KeyKind) -> Option<chassis::Secret> {
        let key = parcel.keys.iter().find(|key| key.kind == kind)?;
        self.open(parcel, key)
    }

    fn open(&self, parcel: &Parcel, key: &Key) -> Option<chassis::Secret> {
        let owner = Owner {
            group: &parcel.group,
            hook: &parcel.hook,
        };
        self.keys.open(owner, &key.sealed)
    }

    fn signers(&self, parcel: &Parcel) -> Result<Vec<Signer>, Sealed> {
        let signing = |key: &&Key| matches!(key.kind, KeyKind::Hmac | KeyKind::Ed25519);
        let signers = parcel.keys.iter().filter(signing).map(|key| {
            let opened = self.open(parcel, key)?;
            Signer::new(key.kind, &opened)
        });
        signers.collect::<Option<_>>().ok_or(Sealed)
    }

    async fn judge(&self, response: reqwest::Response) -> Sent {
        let status = response.status();
        let after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let rest = chassis::http::body(response, ANSWER_BYTES_MAX);
        // Too large, cut off or too slow: the status has come, and that is all that counts.
        drop(self.process.clock.timeout(CONNECT, rest).await);
        if status.is_success() {
            return Sent::Taken;
        }
        let why = format!("the receiver answered {status}");
        if status == StatusCode::GONE {
            Sent::Refused(why)
        } else if status.is_redirection() {
            Sent::Failed(format!("{why}: redirects are not followed"), None)
        } else {
            Sent::Failed(why, after)
        }
    }

    fn late(&self) -> Sent {
        let seconds = self.deadline.as_secs();
        Sent::Failed(format!("no answer within {seconds} s"), None)
    }

    /// Errors of the client carry the address, which may be a secret: only what is known by kind is told.
    fn explain(&self, error: &reqwest::Error) -> Sent {
        let mut cause = error.source();
        let mut io = None;
        while let Some(at) = cause {
            match at.downcast_ref::<Unknown>() {
                Some(Unknown::Refused(refused)) => return private(refused),
                Some(Unknown::Name) => {
                    return Sent::Failed(String::from("the name is not known"), None);
                }
                None => {}
            }
            io = io.or_else(|| at.downcast_ref::<std::io::Error>().map(|e| e.kind()));
            cause = at.source();
        }
        if error.is_timeout() {
            return self.late();
        }
        let what = if error.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        };
        let why = io.map_or_else(String::new, |kind| format!(": {kind}"));
        Sent::Failed(format!("{what}{why}"), None)
    }
}

/// What a name leads to may be another address tomorrow, but a customer is told now, not in a day.
fn private(refused: &Refused) -> Sent {
    Sent::Refused(refused.to_string())
}
