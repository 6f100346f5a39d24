use domain::event::{Actor, ActorKind};
use domain::group::Cause;
use domain::ids::{ColoId, GroupId, GroupKey, HomeEpoch, LaunchHash};
use domain::time::{Mono, Now, Timestamp};
use wire::v2::group::GroupSpec;

use super::*;

/// A group whose configuration has so many bytes in one pair, and some more around it.
fn group(bytes: usize) -> Group {
    let spec = serde_json::json!({"name": "web", "min": 0, "max": 5});
    let spec: GroupSpec = serde_json::from_value(spec).unwrap();
    let mut config = spec.parse().unwrap().config(LaunchHash([0; 32]), 1);
    config.metadata.insert("k".to_owned(), "v".repeat(bytes));
    let key = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::new(ColoId(1), 7),
        epoch: HomeEpoch(0),
    };
    Group::new(key, config)
}

/// A change that gives the group another name, or none that is different.
fn renamed(group: &Group, name: &str) -> Change {
    let now = Now {
        wall: Timestamp::from_unix_ms(0),
        mono: Mono::default(),
    };
    let mut draft = Draft::new(group, now);
    let mut config = draft.config().clone();
    config.name = name.into();
    draft.configure(config);
    let actor = Actor {
        kind: ActorKind::System,
        name: "tests".to_owned(),
        request_id: String::new(),
        from: None,
    };
    draft.finish(Cause::Configure, actor)
}

#[test]
fn a_configuration_fits_up_to_its_limit_and_not_beyond() {
    let around = bytes(&group(0).config);
    let largest = group(CONFIG_BYTES_MAX - around);
    assert_eq!(fits(&largest.config), Ok(()));
    let beyond = group(CONFIG_BYTES_MAX - around + 1);
    assert_eq!(
        fits(&beyond.config),
        Err(NotEdited::TooLarge(CONFIG_BYTES_MAX + 1))
    );
    let grown = renamed(&largest, "a longer name");
    let refused = change_fits(&largest, Some(&grown));
    assert!(matches!(refused, Err(NotEdited::TooLarge(_))));
    assert_eq!(change_fits(&largest, None), Ok(()));
}

#[test]
fn what_was_too_large_before_may_stay_so_and_shrink() {
    let large = group(CONFIG_BYTES_MAX);
    for name in ["web", "w"] {
        let change = renamed(&large, name);
        assert_eq!(change_fits(&large, Some(&change)), Ok(()), "{name}");
    }
    let change = renamed(&large, "webs");
    assert!(change_fits(&large, Some(&change)).is_err());
}
