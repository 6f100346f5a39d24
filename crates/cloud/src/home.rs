//! Epochs of the fence as key pairs, and back. The name says colo and epoch, the key says who made it (safety 3.10).
//!
//! The key is a well-formed one that nobody can sign with: in the place of its 32 bytes stands a hash. A server that somebody starts with it lets
//! nobody in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::home::{Claim, key_pair, key_pair_epoch};
use domain::ids::{ColoId, HomeEpoch, PlaneName};
use sha2::{Digest as _, Sha256};

use crate::port::KeyPair;

const KIND: &str = "ssh-ed25519";
const COMMENT: &str = "holt-plane:";

/// The key pair by which a plane claims an epoch of a colo.
#[must_use]
pub fn pair(colo: ColoId, epoch: HomeEpoch, plane: &PlaneName) -> KeyPair {
    KeyPair {
        name: key_pair(colo, epoch),
        public_key: public_key(plane),
    }
}

/// The claim that a key pair stands for; none if it is none of that colo. One whose key names no plane is nobody's, and stops everybody.
#[must_use]
pub fn claim(colo: ColoId, pair: &KeyPair) -> Option<Claim> {
    let epoch = key_pair_epoch(colo, &pair.name)?;
    let comment = pair.public_key.split_ascii_whitespace().nth(2);
    let name = comment.and_then(|comment| comment.strip_prefix(COMMENT));
    let plane = name.and_then(|name| name.parse().ok());
    let plane = plane.filter(|plane| public_key(plane) == pair.public_key.trim());
    Some(Claim { epoch, plane })
}

fn public_key(plane: &PlaneName) -> String {
    let mut hash = Sha256::new();
    hash.update(b"holt home");
    hash.update(plane.as_str());
    let key = hash.finalize();
    let mut wire = Vec::with_capacity(51);
    for part in [KIND.as_bytes(), key.as_slice()] {
        // Both are far shorter than four bytes can say.
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        wire.extend_from_slice(&length.to_be_bytes());
        wire.extend_from_slice(part);
    }
    format!("{KIND} {} {COMMENT}{plane}", STANDARD.encode(wire))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_pair_says_which_epoch_it_is_and_whose() {
        let (colo, epoch) = (ColoId(3), HomeEpoch(2));
        let plane: PlaneName = "west".parse().expect("a name");
        let made = pair(colo, epoch, &plane);
        assert_eq!(made.name, "holt-home-3-2");
        let start = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI";
        assert!(made.public_key.starts_with(start), "{}", made.public_key);
        let mine = Claim {
            epoch,
            plane: Some(plane),
        };
        assert_eq!(claim(colo, &made), Some(mine));
        assert_eq!(claim(ColoId(4), &made), None, "of another colo");
    }

    #[test]
    fn a_key_that_names_no_plane_or_another_one_is_nobodys() {
        let colo = ColoId(3);
        let plane: PlaneName = "west".parse().expect("a name");
        let made = pair(colo, HomeEpoch(2), &plane);
        for key in [
            String::new(),
            "ssh-rsa AAAA me@example.org".to_owned(),
            made.public_key.replace("plane:west", "plane:east"),
        ] {
            let strange = KeyPair {
                public_key: key,
                ..made.clone()
            };
            let found = claim(colo, &strange).expect("a claim");
            assert_eq!((found.epoch, found.plane), (HomeEpoch(2), None));
        }
    }
}
