//! One function for every parser that meets bytes from outside: it may refuse them, and never panic, hang or grow.
//!
//! `fuzz/` feeds them with cargo-fuzz on a nightly toolchain; `tests/it/fuzz.rs` replays the corpus on the pinned one, with every test run.

mod nova;
mod ports;

use std::collections::BTreeMap;

use alert::{How, MediaType};
use chassis::{Process, Secret, SimulatedProcess};
use domain::control;
use domain::schedule::Cron;
use domain::time::Timestamp;
use holt_api::Seal;
use holt_api::auth::keys::Keys;
use holt_api::auth::revoked::Revoked;
use holt_api::auth::token::Verifier;
use wire::hooks::secret::HookKeys;
use wire::v2::event::EventRequest;
use wire::v2::group::{GroupSpec, Launch};
use wire::v2::hook::HookSpec;
use wire::v2::input::InputSpec;
use wire::v2::switch::SwitchSpec;

pub use nova::nova;
pub use ports::ports;

/// A target and its name, which is also that of its folder in the corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 13] = [
    ("token", token),
    ("group", group),
    ("event", event),
    ("launch", launch),
    ("nova", nova),
    ("config", config),
    ("switch", switch),
    ("alert", alert),
    ("v1", v1),
    ("capability", capability),
    ("cron", cron),
    ("hook", hook),
    ("ports", ports),
];

/// An Ed25519 public key, whose private half nobody kept.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";

/// A bearer token (S1 to S3).
pub fn token(data: &[u8]) {
    let settings = holt_api::Tokens {
        issuer: "holt".to_owned(),
        audience: "holt".to_owned(),
        keys: BTreeMap::from([("key".to_owned(), KEY.to_owned())]),
        ..holt_api::Tokens::default()
    };
    with_runtime(async |process| {
        let Ok(keys) = Keys::load(&settings) else {
            unreachable!("a good key");
        };
        let revoked = Revoked::nothing();
        let Ok(verifier) = Verifier::new(process.clock, keys, revoked, &settings) else {
            unreachable!("good settings");
        };
        assert!(verifier.verify(data).is_err(), "nobody can have signed it");
    });
}

/// A group with its policies and schedules.
pub fn group(data: &[u8]) {
    if let Ok(spec) = serde_json::from_slice::<GroupSpec>(data)
        && spec.parse().is_ok()
        && let Some(launch) = &spec.launch
    {
        drop(holt_api::launch::check(launch));
    }
}

/// A scale event.
pub fn event(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<EventRequest>(data) {
        drop(event.parse(Timestamp::from_unix_ms(1_700_000_000_000)));
    }
}

/// A launch configuration, as it comes and as it is kept.
pub fn launch(data: &[u8]) {
    if let Ok(launch) = serde_json::from_slice::<Launch>(data)
        && let Ok(kept) = holt_api::launch::check(&launch)
    {
        assert!(
            holt_api::launch::view(&kept, true).is_some(),
            "what is kept can be shown"
        );
    }
    drop(holt_api::launch::view(data, false));
}

/// Configuration of every role that has its own types in a library.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    drop(toml::from_str::<cloud::guard::Settings>(text));
    drop(toml::from_str::<cloud::openstack::Settings>(text));
    drop(toml::from_str::<holt_api::Settings>(text));
    drop(chassis::config::parse_duration(text));
}

/// A kill switch: over the API, in a scope, and in the break-glass file.
pub fn switch(data: &[u8]) {
    let now = Timestamp::from_unix_ms(1_700_000_000_000);
    if let Ok(spec) = serde_json::from_slice::<SwitchSpec>(data) {
        drop(spec.parse(control::Scope::Global, "fuzz", now));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(scope) = control::Scope::parse(text) {
        assert_eq!(control::Scope::parse(&scope.text()), Some(scope));
    }
    let says_something = text
        .lines()
        .any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
    let switches = control::break_glass(text, now);
    assert_eq!(
        switches.is_empty(),
        !says_something,
        "no line is passed over"
    );
}

/// What monitoring tools send: every format, declared and recognised, as JSON and as a form; patterns and templates, too.
pub fn alert(data: &[u8]) {
    let now = Timestamp::from_unix_ms(1_700_000_000_000);
    for media in [MediaType::Json, MediaType::Form] {
        let formats = alert::Format::ALL.iter().map(|format| How::As(*format));
        for how in formats.chain([How::Recognised]) {
            let Ok(content) = alert::read(how, media, data, now) else {
                continue;
            };
            let alerts = content.alerts.len();
            assert!(alerts <= alert::ALERTS_MAX, "a body is bounded");
            for alert in &content.alerts {
                assert!(
                    !alert.fingerprint.is_empty() && alert.fingerprint.len() <= alert::TEXT_MAX
                );
                assert!(
                    alert.name.len() <= alert::TEXT_MAX && alert.labels.len() <= alert::LABELS_MAX
                );
            }
        }
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(pattern) = text.parse::<alert::route::Pattern>() {
        let whole = pattern.fits(text);
        assert!(
            whole,
            "a text without stars fits itself, and stars fit everything"
        );
    }
    if let Ok(template) = text.parse::<alert::template::Template>() {
        drop(template.fill(|hole| Some(hole.to_owned())));
    }
    if let Ok(number) = text.parse::<alert::decimal::Milli>() {
        assert_eq!(
            number.to_string().parse(),
            Ok(number),
            "a number is read back as written"
        );
    }
}

/// What a client of v1.0 sends: groups, policies, webhooks and launch configurations, in the JSON of the old service.
pub fn v1(data: &[u8]) {
    let rules = wire::v1::policy::Rules {
        now: Timestamp::from_unix_ms(1_700_000_000_000),
        monitoring: true,
    };
    let Ok(json) = wire::v1::json::Json::parse(data) else {
        return;
    };
    drop(wire::v1::group::create(&json, rules));
    drop(wire::v1::group::replacement(&json));
    drop(wire::v1::policy::list(&json, rules));
    drop(wire::v1::policy::one(&json, rules));
    drop(wire::v1::webhook::list(&json));
    drop(wire::v1::webhook::whole(&json));
    drop(wire::v1::launch::parse(&json));
    if let Some(at) = json.text().and_then(wire::v1::at::parse) {
        let end =
            domain::calendar::days(domain::calendar::YEAR_MAX + 1, 1, 1) * domain::calendar::DAY_MS;
        assert!(at.unix_ms() < end, "{at:?} is in no year");
    }
}

/// The secret part of URLs: of a webhook, and of an answer to a hook.
pub fn capability(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(key) = Secret::parse("0123456789abcdef0123456789abcdef".to_owned()) else {
        unreachable!("a good key");
    };
    let settings = holt_api::Capabilities {
        current: "a".to_owned(),
        keys: BTreeMap::from([("a".to_owned(), key.clone())]),
    };
    let (Ok(seal), Ok(hooks)) = (Seal::new(&settings), HookKeys::new(&[key])) else {
        unreachable!("good settings");
    };
    if let Some(capability) = seal.open(text) {
        let again = seal.text(capability);
        assert!(again.is_some_and(|again| again.eq_ignore_ascii_case(text)));
    }
    assert!(hooks.answers(text).is_none(), "nobody can have made it");
}

/// A cron text: it runs after the moment that it is asked for, or it never does.
pub fn cron(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(cron) = Cron::parse(text) {
        let mut at = Timestamp::from_unix_ms(1_700_000_000_000);
        for _ in 0..3 {
            let Some(next) = cron.next(at) else { return };
            assert!(next > at, "it goes on");
            at = next;
        }
    }
}

/// A hook, and an input of alerts.
pub fn hook(data: &[u8]) {
    if let Ok(spec) = serde_json::from_slice::<HookSpec>(data) {
        drop(spec.parse());
    }
    if let Ok(spec) = serde_json::from_slice::<InputSpec>(data) {
        drop(spec.parse());
    }
}

fn with_runtime(run: impl AsyncFnOnce(Process)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let Ok(runtime) = runtime else {
        unreachable!("a runtime without I/O");
    };
    let set = tokio::task::LocalSet::new();
    set.block_on(&runtime, async {
        run(Process::simulated(SimulatedProcess::default())).await;
    });
}
