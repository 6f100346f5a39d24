use std::collections::{BTreeMap, BTreeSet};

use chassis::Secret;

use super::*;

fn seal(current: &str, keys: &[(&str, &str)]) -> Seal {
    let key =
        |(name, text): &(&str, &str)| ((*name).to_owned(), Secret::new(text.repeat(32)).unwrap());
    let keys: BTreeMap<_, _> = keys.iter().map(key).collect();
    let current = current.to_owned();
    Seal::new(&Capabilities { current, keys }).unwrap()
}

fn capability(serial: u32) -> Capability {
    let group = GroupId::from_u128(0x0001_2345_6789_8abc_8def_0123_4567_89ab);
    Capability { group, serial }
}

#[test]
fn a_text_opens_to_what_it_was_made_for_and_to_nothing_else() {
    let seal = seal("a", &[("a", "x")]);
    let texts: BTreeSet<String> = (0..100)
        .map(|n| seal.text(capability(n)).unwrap())
        .collect();
    assert_eq!(texts.len(), 100);
    let text = seal.text(capability(7)).unwrap();
    assert_eq!(text.len(), 64);
    assert_eq!(seal.open(&text), Some(capability(7)));
    for at in 0..64 {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        assert_eq!(
            seal.open(std::str::from_utf8(&changed).unwrap()),
            None,
            "digit {at}"
        );
    }
    for strange in [
        "",
        "00",
        &text[1..],
        &format!("{text}0"),
        &"z".repeat(64),
        &"ü".repeat(32),
    ] {
        assert_eq!(seal.open(strange), None, "{strange}");
    }
}

#[test]
fn a_text_outlives_its_key_as_long_as_that_is_kept() {
    let before = seal("a", &[("a", "x")]);
    let text = before.text(capability(1)).unwrap();
    let both = seal("b", &[("a", "x"), ("b", "y")]);
    assert_ne!(
        both.text(capability(1)).unwrap(),
        text,
        "shown by the new key"
    );
    assert_eq!(both.open(&text), Some(capability(1)));
    assert_eq!(seal("b", &[("b", "y")]).open(&text), None);
}

#[test]
fn bad_keys_stop_the_start() {
    let keys =
        |text: &str| BTreeMap::from([("a".to_owned(), Secret::new(text.to_owned()).unwrap())]);
    let short = Capabilities {
        current: "a".to_owned(),
        keys: keys("short"),
    };
    let unknown = Capabilities {
        current: "b".to_owned(),
        keys: keys(&"x".repeat(32)),
    };
    assert!(Seal::new(&short).is_err());
    assert!(Seal::new(&unknown).is_err());
    assert_eq!(
        Seal::new(&Capabilities::default())
            .unwrap()
            .text(capability(1)),
        None
    );
}
