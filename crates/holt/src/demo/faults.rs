//! What goes wrong in the demo, chosen by its seed.
use chassis::Entropy;
use cloudsim::{BuildError, Fault, Faults, Span};

use crate::demo::acts::{MAX, MIN};

/// Creates that are hit, counted from 1 in the order in which the cloud saw them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Executed, and the connection died instead of the answer.
    pub(crate) lost: u64,
    /// Ends in ERROR instead of ACTIVE.
    pub(crate) failed: u64,
}

impl Hit {
    /// Two different creates of the scale-out: the first `MIN` stay whole.
    pub(crate) fn choose(seed: u64) -> Self {
        let entropy = Entropy::stream(seed, "demo");
        let count = u64::from(MAX - MIN);
        let lost = entropy.below(count);
        let failed = (lost + 1 + entropy.below(count - 1)) % count;
        let ordinal = |index| u64::from(MIN) + 1 + index;
        Self {
            lost: ordinal(lost),
            failed: ordinal(failed),
        }
    }

    /// The conduct of the cloud: quick boots, and those two faults.
    pub(crate) fn faults(self) -> Faults {
        let reason = BuildError::BuildFailed;
        let quick = Faults {
            boot: Span::between(300, 900),
            vanish: Span::between(200, 700),
            ..Faults::default()
        };
        quick
            .with_nth_create(self.lost, Fault::LoseAnswer)
            .with_nth_create(self.failed, Fault::EndInError { reason })
    }
}

#[test]
fn a_seed_hits_two_different_creates_of_the_scale_out_and_always_the_same() {
    for seed in 0..200 {
        let hit = Hit::choose(seed);
        assert_eq!(hit, Hit::choose(seed));
        assert_ne!(hit.lost, hit.failed);
        let scale_out = u64::from(MIN) + 1..=u64::from(MAX);
        assert!(
            scale_out.contains(&hit.lost) && scale_out.contains(&hit.failed),
            "{hit:?}"
        );
    }
}
