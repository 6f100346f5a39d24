//! Which begun slots memory has let go of, in a fixed room: a Bloom filter, which errs towards "perhaps" only.
//!
//! A slot's id is random, so parts of it serve as its hashes. After a million creates one slot in 500 is taken for a forgotten one, after four
//! million one in seven: for those the log is read.

use domain::ids::SlotId;

/// So many bits of an id name one place in the filter.
const PLACE_BITS: u32 = 24;
/// Places of one slot.
const PLACES: u32 = 4;
/// 2 MiB in all.
const WORDS: usize = (1 << PLACE_BITS) / 64;

/// The begun slots that were forgotten.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    /// Without any until the first slot comes: most lives forget none.
    words: Vec<u64>,
}

impl Forgotten {
    pub(super) fn add(&mut self, slot: SlotId) {
        self.words.resize(WORDS, 0);
        for (word, bit) in places(slot) {
            self.words[word] |= bit;
        }
    }

    /// False: it was surely never added, because no bit is ever cleared.
    pub(super) fn may_have(&self, slot: SlotId) -> bool {
        let is_set = |(word, bit): (usize, u64)| self.words.get(word).is_some_and(|w| w & bit != 0);
        places(slot).all(is_set)
    }
}

/// Where the bits of a slot are: which word, and which bit of it.
fn places(slot: SlotId) -> impl Iterator<Item = (usize, u64)> {
    let id = slot.as_u128();
    (0..PLACES).map(move |nth| {
        let place = (id >> (nth * PLACE_BITS)) & ((1_u128 << PLACE_BITS) - 1);
        let place = usize::try_from(place).unwrap_or_default();
        (place / 64, 1_u64 << (place % 64))
    })
}
