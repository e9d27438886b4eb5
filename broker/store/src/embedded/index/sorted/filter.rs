//! Filter: which keys a run does not have, from ten bits for each that it has (a Bloom filter). Nearly
//! every key that is looked up is new, and this says so without reading anything.

use super::layout::LINE_BYTES;

/// Bits for each key: of those that are not there about 1 in 70 is looked up in vain.
const BITS_FOR_EACH: usize = 10;
const BITS_SET: u32 = 6;
/// The bits of a key are in one line.
const LINE_WORDS: usize = LINE_BYTES / 8;
const LINE_BITS: u64 = LINE_WORDS as u64 * 64;

/// What a filter knows a key by: its first 17 bytes, which are its kind and half of a SHA-256, or an id. What
/// may follow them tells keys of one beginning apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    place: u64,
    bits: u64,
}

impl Print {
    pub(super) fn of(key: &[u8]) -> Self {
        let mut first = [0; 24];
        for (place, byte) in first.iter_mut().zip(key.iter().take(17)) {
            *place = *byte;
        }
        let [one, other, rest] = [0, 8, 16].map(|at| {
            let part = first.get(at..).and_then(|rest| rest.first_chunk());
            part.copied().map_or(0, u64::from_le_bytes)
        });
        Self {
            place: mixed(one ^ rest, other ^ 0x9e37_79b9_7f4a_7c15),
            bits: mixed(other ^ rest, one ^ 0xd1b5_4a32_d192_ed03),
        }
    }
}

/// A number in which every bit of both has a part.
fn mixed(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}

/// The filter of a run.
#[derive(Debug)]
pub(super) struct Filter {
    lines: Vec<[u64; LINE_WORDS]>,
}

impl Filter {
    /// With room for so many keys.
    pub(super) fn with_room(keys: usize) -> Self {
        let lines = keys.saturating_mul(BITS_FOR_EACH) / LINE_BITS as usize + 1;
        Self {
            lines: vec![[0; LINE_WORDS]; lines],
        }
    }

    pub(super) fn add(&mut self, print: Print) {
        let line = self.line(print);
        if let Some(line) = self.lines.get_mut(line) {
            for (word, bit) in places(print) {
                if let Some(word) = line.get_mut(word) {
                    *word |= bit;
                }
            }
        }
    }

    /// Whether the key may be there.
    pub(super) fn may_hold(&self, print: Print) -> bool {
        let set = |line: &[u64; LINE_WORDS]| {
            places(print).all(|(word, bit)| line.get(word).is_none_or(|word| word & bit != 0))
        };
        self.lines.get(self.line(print)).is_none_or(set)
    }

    fn line(&self, print: Print) -> usize {
        let scaled = u128::from(print.place) * self.lines.len() as u128;
        (scaled >> 64) as usize
    }

    pub(super) const fn lines(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn bytes(&self) -> impl Iterator<Item = [u8; 8]> {
        self.lines
            .as_flattened()
            .iter()
            .map(|word| word.to_be_bytes())
    }

    pub(super) fn read(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let words: Vec<_> = words.iter().map(|word| u64::from_be_bytes(*word)).collect();
        let (lines, _) = words.as_chunks();
        Self {
            lines: lines.to_vec(),
        }
    }
}

fn places(print: Print) -> impl Iterator<Item = (usize, u64)> {
    let bit = move |turn| print.bits.rotate_right(turn * LINE_BITS.ilog2()) % LINE_BITS;
    (0..BITS_SET)
        .map(bit)
        .map(|bit| ((bit / 64) as usize, 1 << (bit % 64)))
}

#[cfg(test)]
mod tests {
    use axle_model::digest::Digest;

    use super::*;

    fn print(kind: u8, number: u32) -> Print {
        let hash = Digest::of(&number.to_le_bytes());
        Print::of(&[&[kind], &hash.as_bytes()[..16], b"behind"].concat())
    }

    #[test]
    fn what_was_added_may_be_there_and_hardly_anything_else() {
        let mut filter = Filter::with_room(10_000);
        (0..10_000).for_each(|number| filter.add(print(b's', number)));
        let bytes: Vec<_> = filter.bytes().flatten().collect();
        let filter = Filter::read(&bytes);
        assert!((0..10_000).all(|number| filter.may_hold(print(b's', number))));
        let others = (0..10_000).map(|number| print(b'd', number));
        let others = others.chain((10_000..20_000).map(|number| print(b's', number)));
        let in_vain = others.filter(|&print| filter.may_hold(print)).count();
        assert!(in_vain < 20_000 / 50, "{in_vain}");
    }
}
