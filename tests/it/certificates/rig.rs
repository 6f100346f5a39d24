//! Authorities and certificates made for each test, a supervisor that listens with one, and clients of every role.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use chassis::http::Trust;
use chassis::tls::Settings;
use domain::ids::{ColoId, GroupId, GroupKey, HomeEpoch, Incarnation};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use store::Stores;
use tempfile::TempDir;
use wire::ports::hooks::{Hooks as _, HooksError, Room};
use wire::ports::http_hooks::HttpHooks;
use wire::ports::http_ops::HttpOps;
use wire::ports::http_submit::HttpSubmit;
use wire::ports::ops::{Fares, Heartbeat, Ops as _, OpsError};
use wire::ports::submit::{Submit as _, SubmitError};
use wire::ports::{Credentials, CredentialsError, Guard, PeerError, Role};

use crate::roles::{one_more, secret};

pub(super) const ROLES: [Role; 4] = [Role::Api, Role::Supervisor, Role::Worker, Role::Hooks];
/// The files are looked at so often here.
const RELOAD: Duration = Duration::from_millis(100);

/// Who signs certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of these names, which ends so long after 1970, and its key.
    pub(super) fn issue(&self, names: &[&str], until: Duration) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(1970, 1, 1) + until;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Until the year 2100, nearly.
pub(super) const LONG: Duration = Duration::from_secs(4_000_000_000);

/// The three files of one process.
pub(super) struct Files(TempDir);

impl Files {
    /// A certificate of that role, and the CAs whom it believes.
    pub(super) fn new(role: Role, signer: &Authority, believed: &[&Authority]) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.believe(believed);
        files.show(signer.issue(&[role.name(), "localhost"], LONG));
        files
    }

    pub(super) fn believe(&self, believed: &[&Authority]) {
        let bundle: Vec<String> = believed.iter().map(|one| one.pem()).collect();
        self.write("ca.pem", &bundle.concat());
    }

    pub(super) fn show(&self, (certificate, key): (String, String)) {
        self.write("own.pem", &certificate);
        self.write("own.key", &key);
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            ca_file: self.path().join("ca.pem"),
            certificate_file: self.path().join("own.pem"),
            key_file: self.path().join("own.key"),
            reload: RELOAD,
        }
    }
}

/// One process, and what it shows.
pub(super) struct One {
    pub(super) process: Process,
    pub(super) credentials: Credentials,
    pub(super) files: Files,
}

impl One {
    pub(super) fn new(role: Role, files: Files) -> Self {
        Self::with_key(role, files, None).unwrap()
    }

    pub(super) fn with_key(
        role: Role,
        files: Files,
        key: Option<&str>,
    ) -> Result<Self, CredentialsError> {
        let process = Process::system();
        let settings = files.settings();
        let credentials = Credentials::load(&process, role, key.map(secret), Some(&settings))?;
        Ok(Self {
            process,
            credentials,
            files,
        })
    }

    /// The value of a metric of this process.
    pub(super) fn metric(&self, name: &str) -> i64 {
        let text = self.process.metrics.text();
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        let found = lines.filter(|(series, _)| *series == name);
        found
            .map(|(_, value)| value.parse::<i64>().unwrap())
            .sum::<i64>()
    }

    /// Waits until a metric has come to a value.
    pub(super) async fn reaches(&self, name: &str, value: i64) {
        for _ in 0..600 {
            if self.metric(name) == value {
                return;
            }
            self.process.clock.sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} is {} and not {value}", self.metric(name));
    }

    fn trust(&self) -> Trust {
        self.credentials.trust(Trust::Only(Vec::new())).unwrap()
    }

    /// Asks a supervisor for what only an api may ask, over a connection of its own.
    pub(super) async fn submits(&self, address: &str) -> Got {
        let within = Duration::from_secs(5);
        let key = self.credentials.key();
        let port = HttpSubmit::new(address, key, self.trust(), within).unwrap();
        submits(&port, &self.process).await
    }

    /// The same of what only a worker may ask.
    pub(super) async fn beats(&self, address: &str) -> Got {
        let port = HttpOps::new(address, self.credentials.key(), self.trust()).unwrap();
        let heartbeat = Heartbeat {
            worker: "worker-1".parse().unwrap(),
            incarnation: Incarnation::from_u128(7),
            fares: Fares::Well,
            fence: None,
        };
        // It has a second and a half, which a busy machine takes for a first handshake: a worker beats on, too.
        for _ in 0..4 {
            match port.heartbeat(heartbeat.clone()).await {
                Ok(_) => return Got::In,
                Err(OpsError::Refused) => return Got::Refused,
                Err(OpsError::Unreachable | OpsError::Draining) => {}
            }
        }
        Got::Nowhere
    }

    /// The same of what only a hooks lane may ask.
    pub(super) async fn fetches(&self, address: &str) -> Got {
        let port = HttpHooks::new(address, self.credentials.key(), self.trust()).unwrap();
        let room = Room {
            messages: 1,
            of_one: 1,
            full: Vec::new(),
            wait: Duration::ZERO,
        };
        match port.fetch(room).await {
            Ok(_) => Got::In,
            Err(HooksError::Refused) => Got::Refused,
            Err(HooksError::Unreachable) => Got::Nowhere,
        }
    }

    /// A client that keeps its connection.
    pub(super) fn lasting(&self, address: &str) -> Result<HttpSubmit, PeerError> {
        let within = Duration::from_secs(5);
        HttpSubmit::new(address, self.credentials.key(), self.trust(), within)
    }
}

/// How far a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Got {
    /// To who answers it.
    In,
    /// To the door of the port.
    Refused,
    /// Nowhere: there was no connection, or it broke.
    Nowhere,
}

/// Submits an event for a group that is not there. The port tells whoever it does not let in nothing of groups.
pub(super) async fn submits(port: &HttpSubmit, process: &Process) -> Got {
    let group = GroupKey {
        tenant: "tenant-a".parse().unwrap(),
        id: GroupId::new(ColoId(1), process.entropy.u128()),
        epoch: HomeEpoch(0),
    };
    match port.submit(&group, one_more(process)).await {
        Err(SubmitError::NoGroup) => Got::In,
        Err(SubmitError::Unreachable) => Got::Nowhere,
        other => panic!("{other:?}"),
    }
}

/// A supervisor that serves over TLS.
pub(super) struct Supervisor {
    pub(super) one: One,
    pub(super) address: String,
    _store: TempDir,
}

impl Supervisor {
    pub(super) fn start(one: One) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = &one.process;
        let settings = store::embedded::Settings::default();
        let store = store::embedded::open(&folder.path().join("holt.db"), process, settings);
        let stores: Stores = store.unwrap().stores();
        let built = holt_supervisor::build(process, holt_supervisor::Settings::default(), stores);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let guard = Guard::new(&process.metrics, one.credentials.clone());
        drop(holt_supervisor::serve::listen(process, listener, built, guard).unwrap());
        Self {
            one,
            address: format!("https://localhost:{port}"),
            _store: folder,
        }
    }
}

/// What a stranger's program, which judges nothing of its own, is answered at the api's port of a supervisor: status and body.
#[expect(
    clippy::disallowed_methods,
    reason = "the client of this workspace would refuse such a certificate itself"
)]
pub(super) async fn stranger_is_answered(
    (certificate, key): &(String, String),
    authority: &Authority,
    address: &str,
) -> (u16, String) {
    let shown = reqwest::Identity::from_pem(format!("{certificate}{key}").as_bytes());
    let ca = reqwest::Certificate::from_pem(authority.pem().as_bytes());
    let client = reqwest::Client::builder()
        .tls_certs_only([ca.unwrap()])
        .identity(shown.unwrap())
        .no_proxy()
        .build();
    let url = format!("{address}/internal/submit/event");
    let answer = client.unwrap().post(url).body("{}").send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.text().await.unwrap())
}

/// What a play needs: one authority, a supervisor of its, and a runtime.
pub(super) fn play<F, P>(play: P)
where
    P: FnOnce(Arc<Authority>, Supervisor) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let whole = async move {
        let authority = Arc::new(Authority::new("one"));
        let files = Files::new(Role::Supervisor, &authority, &[&authority]);
        let supervisor = Supervisor::start(One::new(Role::Supervisor, files));
        play(authority, supervisor).await;
    };
    chassis::spawn::run(whole).unwrap();
}
