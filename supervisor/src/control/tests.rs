use chassis::SimulatedProcess;
use domain::ids::{GroupId, HomeEpoch};

use super::*;
use crate::shards::Shards;

/// A supervisor that starts on a store that is back from a backup stands under the file from its first moment (docs/runbook.md).
#[test]
fn everything_is_frozen_until_both_the_store_and_the_file_were_read() {
    let process = Process::simulated(SimulatedProcess::default());
    let settings = Settings {
        break_glass: Some("break-glass".into()),
        ..Settings::default()
    };
    let control = Control::new(
        &process,
        &settings,
        (
            Shards::new(None, store::home::Home::default()),
            Keeper::default(),
        ),
    );
    let key = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::from_u128(1),
        epoch: HomeEpoch(0),
    };
    assert_eq!(control.effect(&key), Effect::FROZEN);
    control.take(News::Stored(Vec::new()));
    assert_eq!(control.effect(&key), Effect::FROZEN);
    control.take(News::Glass(Vec::new()));
    assert_ne!(control.effect(&key), Effect::FROZEN);
}
