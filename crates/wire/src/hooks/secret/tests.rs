use domain::ids::{ColoId, HomeEpoch};

use super::*;

fn keys(texts: &[&str]) -> HookKeys {
    let secrets: Vec<Secret> = texts
        .iter()
        .map(|text| Secret::new(text.repeat(32)).unwrap())
        .collect();
    HookKeys::new(&secrets).unwrap()
}

fn group(tenant: &str) -> GroupKey {
    GroupKey {
        tenant: tenant.parse().unwrap(),
        id: GroupId::new(ColoId(1), 7),
        epoch: HomeEpoch(0),
    }
}

#[test]
fn what_is_sealed_for_one_hook_opens_for_no_other() {
    let (keys, acme, other) = (keys(&["a"]), group("acme"), group("other"));
    let (one, two): (HookId, HookId) = ("one".parse().unwrap(), "two".parse().unwrap());
    let owner = |group, hook| Owner { group, hook };
    let sealed = keys.seal(owner(&acme, &one), "whsec_x", [1; 12]).unwrap();
    assert!(!sealed.contains("whsec"));
    let opened = keys.open(owner(&acme, &one), &sealed).unwrap();
    assert_eq!(opened.expose(), "whsec_x");
    assert_eq!(keys.open(owner(&other, &one), &sealed), None);
    assert_eq!(keys.open(owner(&acme, &two), &sealed), None);
    let forged = sealed.replace(['A', 'B', 'C'], "D");
    assert!(forged == sealed || keys.open(owner(&acme, &one), &forged).is_none());
}

#[test]
fn an_old_key_opens_what_it_sealed_and_a_strange_one_nothing() {
    let (acme, hook) = (group("acme"), "one".parse().unwrap());
    let owner = Owner {
        group: &acme,
        hook: &hook,
    };
    let sealed = keys(&["a"]).seal(owner, "secret", [1; 12]).unwrap();
    let token = keys(&["a"]).token(acme.id, DeliveryId(9));
    for (texts, works) in [(&["b", "a"][..], true), (&["b"][..], false)] {
        let keys = keys(texts);
        assert_eq!(keys.open(owner, &sealed).is_some(), works);
        let answers = works.then_some((acme.id, DeliveryId(9)));
        assert_eq!(keys.answers(&token), answers);
    }
}

#[test]
fn a_token_answers_its_own_message_and_no_changed_one_answers_any() {
    let keys = keys(&["a"]);
    let id = group("acme").id;
    let token = keys.token(id, DeliveryId(3));
    assert_eq!(keys.answers(&token), Some((id, DeliveryId(3))));
    assert_ne!(token, keys.token(id, DeliveryId(4)));
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
        let changed = String::from_utf8(changed).unwrap();
        let answers = keys.answers(&changed);
        assert!(changed == token || answers.is_none(), "{changed}");
    }
    for strange in ["", "x", "../..", &token[1..]] {
        assert_eq!(keys.answers(strange), None);
    }
}

#[test]
fn keys_are_long_and_there_is_one() {
    assert_eq!(HookKeys::new(&[]).err(), Some(BadKeys::None));
    let short = Secret::new("short".into()).unwrap();
    assert_eq!(HookKeys::new(&[short]).err(), Some(BadKeys::Short));
}

#[test]
fn a_write_makes_one_secret_however_often_it_is_done_and_no_other_write_makes_it() {
    let (acme, other) = (group("acme"), group("other"));
    let hook: HookId = "one".parse().unwrap();
    let made = |keys: &HookKeys, group, write| {
        let owner = Owner { group, hook: &hook };
        let secret = symmetric(&keys.bytes(owner, write).unwrap());
        let sealed = keys.seal(owner, &secret, nonce(write)).unwrap();
        (secret, sealed)
    };
    let (old, new) = (keys(&["a"]), keys(&["b", "a"]));
    let (secret, sealed) = made(&old, &acme, 1 << 100);
    assert_eq!(
        made(&old, &acme, 1 << 100),
        (secret.clone(), sealed.clone())
    );
    for (other, _) in [
        made(&old, &acme, 2 << 100),
        made(&old, &other, 1 << 100),
        made(&new, &acme, 1 << 100),
    ] {
        assert_ne!(other, secret);
    }
    assert!(is_sealed_with(nonce(1 << 100), &sealed));
    assert!(!is_sealed_with(nonce(2 << 100), &sealed));
}
