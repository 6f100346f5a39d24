use chassis::config::Layers;
use domain::ids::{GroupId, GroupKey, HomeEpoch};
use wire::hooks::secret::Owner;

use super::*;
use crate::config::DEFAULTS;

fn config(variables: &[(&str, &str)]) -> Config {
    let owned = variables
        .iter()
        .map(|(name, value)| (format!("HOLT__{name}"), (*value).to_owned()));
    let layers = Layers::new(DEFAULTS).environment("HOLT", owned);
    layers.load().unwrap()
}

const CLOUD: [(&str, &str); 4] = [
    ("CLOUD__KEYSTONE_URL", "http://127.0.0.1:5000/v3"),
    ("CLOUD__REGION", "RegionOne"),
    ("CLOUD__ACCOUNT__USER", "autoscaler"),
    ("CLOUD__ACCOUNT__PASSWORD", "password"),
];

#[test]
fn what_is_missing_is_named_by_its_key() {
    let empty = config(&[]);
    let said = |error: anyhow::Error| format!("{error:#}");
    assert!(said(openstack(&empty.cloud).unwrap_err()).contains("`cloud.keystone_url`"));
    assert!(said(proof_keys(&empty.proof).unwrap_err()).contains("`proof.keys`"));
    let no_password = config(&[CLOUD[0], CLOUD[1], ("CLOUD__TENANTS__A__USER", "x")]);
    assert!(
        said(openstack(&no_password.cloud).unwrap_err()).contains("`cloud.tenants.a.password`")
    );
}

#[test]
fn a_tenant_without_a_project_has_the_one_of_its_own_id() {
    let mut variables = CLOUD.to_vec();
    variables.push((
        "CLOUD__TENANTS__ACME__USER_DOMAIN",
        "ignored without a user",
    ));
    let settings = openstack(&config(&variables).cloud).unwrap();
    let account = settings.accounts.values().next().unwrap();
    let Account::Password {
        user,
        user_domain,
        project,
        ..
    } = account
    else {
        panic!("{account:?}");
    };
    assert_eq!(
        (user.as_str(), user_domain.as_str()),
        ("autoscaler", "Default")
    );
    assert_eq!(
        *project,
        Project::Id {
            id: "acme".to_owned()
        }
    );
}

#[test]
fn a_tenant_that_moved_says_from_which_project() {
    let mut variables = CLOUD.to_vec();
    variables.push(("CLOUD__TENANTS__ACME__MOVED_FROM", "old"));
    variables.push(("CLOUD__TENANTS__UMBRELLA__PROJECT_ID", "p2"));
    let settings = openstack(&config(&variables).cloud).unwrap();
    let acme: TenantId = "acme".parse().unwrap();
    let moved = BTreeMap::from([(acme, "old".to_owned())]);
    assert_eq!(settings.moved_from, moved);
}

#[test]
fn an_application_credential_needs_no_project() {
    let mut variables = CLOUD.to_vec();
    variables.push(("CLOUD__TENANTS__ACME__APPLICATION_CREDENTIAL_ID", "id"));
    variables.push(("CLOUD__TENANTS__ACME__APPLICATION_CREDENTIAL_SECRET", "s"));
    let settings = openstack(&config(&variables).cloud).unwrap();
    let account = settings.accounts.values().next().unwrap();
    assert!(
        matches!(account, Account::ApplicationCredential { .. }),
        "{account:?}"
    );
}

#[test]
fn the_default_rules_are_the_rules_of_evidence() {
    let built = supervisor(&config(&[]));
    assert_eq!(built.rules, Rules::default());
    let theirs = holt_supervisor::Settings::default();
    assert_eq!(
        (built.full_pass, built.tenant_pass, built.hint_pass),
        (theirs.full_pass, theirs.tenant_pass, theirs.hint_pass)
    );
    assert_eq!(built.idle, theirs.idle);
    let alone = cloud::guard::Settings {
        workers_max: std::num::NonZeroU32::MIN,
        ..cloud::guard::Settings::default()
    };
    assert_eq!(config(&[]).cloud.budgets, alone);
}

#[test]
fn a_short_proof_key_is_refused() {
    let short = config(&[("PROOF__KEYS__1", "short")]);
    assert!(format!("{:#}", proof_keys(&short.proof).unwrap_err()).contains("shorter"));
}

#[test]
fn a_section_plane_is_told_to_supervisor_and_worker_alike() {
    let plane = [
        ("PLANE__NAME", "west"),
        ("PLANE__FIRST", "east"),
        ("PLANE__TENANT", "acme"),
        ("PLANE__STALE", "4s"),
        ("PLANE__READ", "1s"),
        ("CLOUD__TENANTS__ACME__PROJECT_ID", "p1"),
    ];
    let told = config(&plane);
    let home = home(&told).unwrap().unwrap();
    assert_eq!(home.plane.own.as_str(), "west");
    assert_eq!(home.settle, std::time::Duration::from_secs(6));
    let fence = worker(&told).unwrap().fence.unwrap();
    assert_eq!(
        (fence.plane, fence.first),
        (home.plane.own, home.plane.first)
    );
    let mut none = plane.to_vec();
    none[2].1 = "umbrella";
    let error = format!("{:#}", worker(&config(&none)).unwrap_err());
    assert!(error.contains("`plane.tenant`"), "{error}");
    assert!(config(&[]).plane.is_none());
}

const PROOF: (&str, &str) = ("PROOF__KEYS__1", "0123456789abcdef0123456789abcdef");
const OWN: &str = "fedcba9876543210fedcba9876543210";
const GROUP: GroupId = GroupId::from_u128(7);

#[test]
fn a_url_that_was_shown_before_there_was_a_capability_key_opens_after_one_is_added() {
    let seal = |variables: &[(&str, &str)]| {
        let capabilities = v1(&config(variables)).unwrap().capabilities;
        holt_api::Seal::new(&capabilities).unwrap()
    };
    let capability = holt_api::Capability {
        group: GROUP,
        serial: 1,
    };
    let before = seal(&[PROOF]).text(capability).unwrap();
    let after = seal(&[
        PROOF,
        ("API__V1__CAPABILITIES__CURRENT", "mine"),
        ("API__V1__CAPABILITIES__KEYS__MINE", OWN),
    ]);
    assert_eq!(after.open(&before), Some(capability));
    assert_ne!(
        after.text(capability).unwrap(),
        before,
        "shown by the key that was added"
    );
}

#[test]
fn where_derived_keys_stand_alone_they_open_nothing_beside_keys_of_their_own() {
    let alone = ("PROOF__DERIVED", "alone");
    let own = [
        PROOF,
        alone,
        ("API__V1__CAPABILITIES__CURRENT", "mine"),
        ("API__V1__CAPABILITIES__KEYS__MINE", OWN),
    ];
    let names = |variables: &[(&str, &str)]| {
        let keys = v1(&config(variables)).unwrap().capabilities.keys;
        keys.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(names(&own), ["mine"]);
    assert_eq!(names(&[PROOF, alone]), ["proof.keys.1"]);
    let sealing = |variables: &[(&str, &str)]| hook_keys(&config(variables)).unwrap().len();
    assert_eq!(sealing(&[PROOF, alone]), 1);
    let of_hooks = format!("[\"{OWN}\"]");
    let of_hooks = ("HOOKS__KEYS", of_hooks.as_str());
    assert_eq!(sealing(&[PROOF, alone, of_hooks]), 1);
    assert_eq!(sealing(&[PROOF, of_hooks]), 2);
}

#[test]
fn a_hooks_secret_that_was_sealed_before_there_was_a_key_of_hooks_opens_after_one_is_added() {
    let keys = |variables: &[(&str, &str)]| {
        HookKeys::new(&hook_keys(&config(variables)).unwrap()).unwrap()
    };
    let group = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GROUP,
        epoch: HomeEpoch(0),
    };
    let hook = "ready".parse().unwrap();
    let owner = Owner {
        group: &group,
        hook: &hook,
    };
    let own = format!("[\"{OWN}\"]");
    let after = [PROOF, ("HOOKS__KEYS", own.as_str())];
    let sealed = keys(&[PROOF]).seal(owner, "secret", [1; 12]).unwrap();
    let opened = keys(&after).open(owner, &sealed).unwrap();
    assert_eq!(opened.expose(), "secret");
    let first = hook_keys(&config(&after)).unwrap().remove(0);
    assert_eq!(
        first.expose(),
        OWN,
        "what is new is sealed by the key that was added"
    );
}

#[test]
fn while_there_is_no_key_of_its_own_the_current_proof_key_makes_what_is_new() {
    let both = [PROOF, ("PROOF__KEYS__2", OWN), ("PROOF__CURRENT", "2")];
    let only = [("PROOF__KEYS__2", OWN), ("PROOF__CURRENT", "2")];
    let first = |variables: &[(&str, &str)]| hook_keys(&config(variables)).unwrap().remove(0);
    assert_eq!(first(&both).expose(), first(&only).expose());
    let capabilities = v1(&config(&both)).unwrap().capabilities;
    assert_eq!(capabilities.keys.len(), 2);
    assert_eq!(capabilities.current, "proof.keys.2");
}
