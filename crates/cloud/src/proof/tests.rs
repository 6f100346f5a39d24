use domain::evidence::Status;
use proptest::prelude::*;

use super::*;
use crate::port::Server;

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).expect("not empty")
}

fn keys() -> ProofKeys {
    ProofKeys::new(
        2,
        [
            (1, secret("the key before, thirty-two bytes.")),
            (2, secret("the key of today, at least 32 bytes.")),
        ],
    )
    .expect("good keys")
}

fn tenant() -> TenantId {
    "tenant-a".parse().expect("a tenant")
}

const MINT: Mint = Mint {
    group: GroupId::from_u128(0x0001_0203_0405_8607_8809_0a0b_0c0d_0e0f),
    slot: SlotId::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0),
    nonce: Nonce::from_u128(7),
};

/// The metadata of a server, to be tampered with.
fn stamped(keys: &ProofKeys) -> BTreeMap<&'static str, String> {
    keys.stamp("project-1", &tenant(), &MINT)
        .into_iter()
        .collect()
}

fn shown<'a>(metadata: &'a BTreeMap<&'static str, String>) -> Shown<'a> {
    let get = |name| metadata.get(name).map(String::as_str);
    Shown {
        version: get("as.v"),
        group: get("as.g"),
        slot: get("as.s"),
        nonce: get("as.n"),
        mac: get("as.p"),
    }
}

const VALID: Proven = Proven::Valid {
    group: MINT.group,
    slot: MINT.slot,
};

#[test]
fn a_stamp_proves_its_slot_in_its_project_and_nowhere_else() {
    let keys = keys();
    let metadata = stamped(&keys);
    assert_eq!(keys.prove("project-1", &shown(&metadata)), VALID);
    assert_eq!(keys.prove("project-2", &shown(&metadata)), Proven::No);
    assert_eq!(keys.prove("", &shown(&metadata)), Proven::No);
    assert_eq!(metadata["as.p"].len(), MAC_CHARS);
}

#[test]
fn every_value_of_a_stamp_fits_a_novas_metadata() {
    for (name, value) in keys().stamp("project-1", &tenant(), &MINT) {
        assert!(METADATA_NAMES.contains(&name));
        assert!((1..=255).contains(&value.len()), "{name}={value}");
        assert!(!value.contains("tenant-a"), "{name} names the tenant");
    }
}

#[test]
fn a_part_that_is_missing_or_of_another_slot_proves_nothing() {
    let keys = keys();
    let other = Mint {
        group: GroupId::from_u128(1),
        slot: SlotId::from_u128(2),
        nonce: Nonce::from_u128(3),
    };
    let foreign: BTreeMap<_, _> = keys
        .stamp("project-1", &tenant(), &other)
        .into_iter()
        .collect();
    for name in ["as.v", "as.g", "as.s", "as.n", "as.p"] {
        let mut without = stamped(&keys);
        without.remove(name);
        assert_eq!(
            keys.prove("project-1", &shown(&without)),
            Proven::No,
            "without {name}"
        );
        if name != "as.v" {
            let mut swapped = stamped(&keys);
            swapped.insert(name, foreign[name].clone());
            assert_eq!(
                keys.prove("project-1", &shown(&swapped)),
                Proven::No,
                "foreign {name}"
            );
        }
    }
}

#[test]
fn every_changed_character_spoils_the_proof() {
    let keys = keys();
    let whole = stamped(&keys);
    for name in ["as.v", "as.g", "as.s", "as.n", "as.p"] {
        for at in 0..whole[name].len() {
            for character in ['0', '1', 'a', 'A', 'z', '-', '_', '='] {
                let mut metadata = whole.clone();
                let value = metadata.get_mut(name).expect("there");
                value.replace_range(at..=at, &character.to_string());
                if metadata[name] == whole[name] {
                    continue;
                }
                let proven = keys.prove("project-1", &shown(&metadata));
                let expected = match metadata["as.v"].as_str() {
                    "0" => Proven::NoKey { version: 0 },
                    _ => Proven::No,
                };
                assert_eq!(proven, expected, "{name} = {}", metadata[name]);
            }
        }
    }
}

#[test]
fn other_spellings_of_the_same_ids_are_not_accepted() {
    let keys = keys();
    for (name, spell) in [
        ("as.g", (|id: &str| id.to_uppercase()) as fn(&str) -> String),
        ("as.n", |id| format!("{{{id}}}")),
        ("as.v", |version| format!("+{version}")),
        ("as.v", |version| format!("0{version}")),
        ("as.p", |mac| format!("{mac}=")),
    ] {
        let mut metadata = stamped(&keys);
        let spelt = spell(&metadata[name]);
        metadata.insert(name, spelt);
        assert_eq!(
            keys.prove("project-1", &shown(&metadata)),
            Proven::No,
            "{name}"
        );
    }
}

#[test]
fn an_older_key_verifies_and_one_that_is_not_here_says_nothing() {
    let old = ProofKeys::new(1, [(1, secret("the key before, thirty-two bytes."))]).expect("keys");
    let metadata = stamped(&old);
    assert_eq!(metadata["as.v"], "1");
    assert_eq!(keys().prove("project-1", &shown(&metadata)), VALID);
    assert_eq!(stamped(&keys())["as.v"], "2");
    let mut newer = stamped(&keys());
    let unknown = Proven::NoKey { version: 2 };
    assert_eq!(old.prove("project-1", &shown(&newer)), unknown);
    newer.insert("as.p", "short".to_owned());
    assert_eq!(
        old.prove("project-1", &shown(&newer)),
        Proven::No,
        "no proof of ours"
    );
}

#[test]
fn the_version_named_decides_the_key() {
    let keys = keys();
    let mut metadata = stamped(&keys);
    metadata.insert("as.v", "1".to_owned());
    assert_eq!(keys.prove("project-1", &shown(&metadata)), Proven::No);
}

#[test]
fn weak_or_missing_keys_stop_the_start() {
    let short = ProofKeys::new(1, [(1, secret("short"))]);
    assert_eq!(short.expect_err("refused"), KeysError::Short(1));
    let absent = ProofKeys::new(3, [(1, secret("the key before, thirty-two bytes."))]);
    assert_eq!(absent.expect_err("refused"), KeysError::NoCurrent(3));
    let text = "current = 1\n[keys]\none = \"the key before, thirty-two bytes.\"";
    let settings: Settings = toml::from_str(text).expect("well formed");
    let unnumbered = ProofKeys::try_from(settings).expect_err("refused");
    assert_eq!(unnumbered, KeysError::NotAVersion("one".to_owned()));
}

#[test]
fn keys_do_not_show_themselves() {
    let text = "current = 1\n[keys]\n1 = \"CANARY the key before, 32 bytes...\"";
    let settings: Settings = toml::from_str(text).expect("well formed");
    let keys = ProofKeys::try_from(settings.clone()).expect("good keys");
    for shown in [
        format!("{settings:?}"),
        format!("{keys:?}"),
        toml::to_string(&settings).expect("written"),
    ] {
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}

fn server() -> Server {
    Server {
        id: ServerId::from_u128(9),
        proven: VALID,
        ours: true,
        status: Status::Up,
    }
}

#[test]
fn only_all_factors_together_make_a_server_ours_to_delete() {
    let bound = ServerId::from_u128(9);
    let owned = verify(&server(), bound, MINT.group, MINT.slot).expect("ours");
    assert_eq!(owned.server(), bound);
    let refused = |server: &Server, bound, group, slot| {
        assert!(verify(server, bound, group, slot).is_none(), "{server:?}");
    };
    refused(&server(), ServerId::from_u128(8), MINT.group, MINT.slot);
    refused(&server(), bound, GroupId::from_u128(1), MINT.slot);
    refused(&server(), bound, MINT.group, SlotId::from_u128(1));
    for proven in [Proven::No, Proven::Unreadable] {
        refused(&Server { proven, ..server() }, bound, MINT.group, MINT.slot);
    }
    let stranger = Server {
        ours: false,
        ..server()
    };
    refused(&stranger, bound, MINT.group, MINT.slot);
}

proptest! {
    #[test]
    fn no_metadata_that_we_did_not_write_proves_anything(
        version in "[0-9]{0,3}", group in ".{0,40}", slot in ".{0,30}", nonce in ".{0,40}", mac in ".{0,50}",
    ) {
        let shown = Shown {
            version: Some(&version),
            group: Some(&group),
            slot: Some(&slot),
            nonce: Some(&nonce),
            mac: Some(&mac),
        };
        prop_assert_eq!(keys().prove("project-1", &shown), Proven::No);
    }

    #[test]
    fn a_project_cannot_be_stretched_into_another_input(project in "[a-z0-9]{1,8}", extra in "[a-z0-9]{1,8}") {
        let keys = keys();
        let metadata: BTreeMap<_, _> = keys.stamp(&project, &tenant(), &MINT).into_iter().collect();
        prop_assert_eq!(keys.prove(&project, &shown(&metadata)), VALID);
        prop_assert_eq!(keys.prove(&format!("{project}{extra}"), &shown(&metadata)), Proven::No);
    }
}
