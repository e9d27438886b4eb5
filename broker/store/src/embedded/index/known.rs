//! Known: which keys the index may hold, as bits in memory (a Bloom filter). Nearly every key that is
//! looked up is new, and sled takes several microseconds to say so.
//!
//! It may say of a key that is not there that it may be, and never of one that is there that it is not:
//! keys are added before they are written, and until those that were there before have been learnt it
//! knows nothing.

use std::{
    mem,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use sled::Tree;

use super::Unusable;

/// 8 MiB. With 4 million keys 1 in 400 of those that are not there is looked up in vain, with 16
/// million 1 in 6, and with many more all are, as without this.
const WORDS: usize = 1 << 20;

/// The keys of a tree.
#[derive(Debug)]
pub(super) struct Known {
    filter: RwLock<Filter>,
}

#[derive(Debug)]
struct Filter {
    bits: Vec<u64>,
    complete: bool,
    /// The key at which learning goes on.
    learnt: Vec<u8>,
}

impl Known {
    /// Of a tree in which there may be something already.
    pub(super) fn new(tree: &Tree) -> Self {
        Self {
            filter: RwLock::new(Filter {
                bits: vec![0; WORDS],
                complete: tree.is_empty(),
                learnt: Vec::new(),
            }),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Filter> {
        self.filter.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Filter> {
        self.filter.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns up to `most` keys that were there before. Nothing may be written meanwhile.
    pub(super) fn learn(&self, tree: &Tree, most: usize) -> Result<(), Unusable> {
        if self.read().complete {
            return Ok(());
        }
        let learnt = mem::take(&mut self.write().learnt);
        let mut keys = Vec::new();
        for entry in tree.range(learnt..).take(most) {
            keys.push(entry?.0);
        }
        let mut filter = self.write();
        keys.iter().for_each(|key| filter.add(key));
        filter.learnt = keys.last().map(|key| key.to_vec()).unwrap_or_default();
        // The last key is learnt again: one alone is the end.
        filter.complete = keys.len() < most;
        Ok(())
    }

    /// Takes a key that is about to be written.
    pub(super) fn add(&self, key: &[u8]) {
        self.write().add(key);
    }

    /// Whether a key that begins so may be there.
    pub(super) fn may_hold(&self, key: &[u8]) -> bool {
        let filter = self.read();
        let set = |(word, bit): (usize, u64)| {
            let word = filter.bits.get(word);
            word.is_none_or(|word| word & bit != 0)
        };
        !filter.complete || places(key).all(set)
    }
}

impl Filter {
    fn add(&mut self, key: &[u8]) {
        for (word, bit) in places(key) {
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }
}

/// The four bits of a key: of its kind, the first byte, and the 16 bytes of a SHA-256 behind it. What
/// may follow them tells keys of one beginning apart.
fn places(key: &[u8]) -> impl Iterator<Item = (usize, u64)> {
    let (kind, rest) = key.split_first().unwrap_or((&0, &[]));
    let turn = u32::from(*kind) % 32;
    let hash = rest.first_chunk::<16>().copied().unwrap_or_default();
    let (parts, _) = hash.as_chunks::<4>();
    let [a, b, c, d] = [0, 1, 2, 3].map(|part| parts.get(part).copied().unwrap_or_default());
    [a, b, c, d].into_iter().map(move |part| {
        let place = u32::from_le_bytes(part).rotate_left(turn) as usize % (WORDS * 64);
        (place / 64, 1 << (place % 64))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use axle_model::digest::Digest;

    use super::*;

    fn key(kind: u8, number: u32) -> Vec<u8> {
        let hash = Digest::of(&number.to_le_bytes());
        [&[kind], &hash.as_bytes()[..16], b"behind"].concat()
    }

    fn tree() -> Tree {
        let config = sled::Config::new().temporary(true);
        config.open().unwrap().open_tree("keys").unwrap()
    }

    #[test]
    fn what_was_added_may_be_there_and_hardly_anything_else() {
        let known = Known::new(&tree());
        for number in 0..10_000 {
            known.add(&key(b's', number));
        }
        assert!((0..10_000).all(|number| known.may_hold(&key(b's', number)[..17])));
        let others = (0..10_000).map(|number| key(b'd', number));
        let in_vain = others.chain((10_000..20_000).map(|number| key(b's', number)));
        assert!(in_vain.filter(|key| known.may_hold(key)).count() < 100);
    }

    #[test]
    fn it_knows_nothing_before_it_has_learnt_everything() {
        let tree = tree();
        for number in 0..100 {
            tree.insert(key(b's', number), b"").unwrap();
        }
        let known = Known::new(&tree);
        let mut rounds = 0;
        while known.may_hold(&key(b's', 1_000)) {
            rounds += 1;
            known.learn(&tree, 30).unwrap();
        }
        assert_eq!(rounds, 4);
        assert!((0..100).all(|number| known.may_hold(&key(b's', number))));
    }
}
