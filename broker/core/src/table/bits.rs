//! Bits: a set of small numbers, one bit for each. What a table matches is found by combining such
//! sets, so that a thousand entries cost what ten cost.

/// A set of numbers below its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

const WORD: usize = u64::BITS as usize;

impl Bits {
    /// No number, with room for those below `size`.
    pub(crate) fn none(size: usize) -> Self {
        Self(vec![0; size.div_ceil(WORD)])
    }

    /// All numbers below `size`.
    pub(crate) fn all(size: usize) -> Self {
        let mut words = vec![u64::MAX; size.div_ceil(WORD)];
        if let (Some(last), used @ 1..) = (words.last_mut(), size % WORD) {
            *last = (1 << used) - 1;
        }
        Self(words)
    }

    /// Adds a number below the size.
    pub(crate) fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / WORD) {
            *word |= 1 << (number % WORD);
        }
    }

    /// Takes a number out.
    pub(crate) fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / WORD) {
            *word &= !(1 << (number % WORD));
        }
    }

    /// Whether it holds a number.
    pub(crate) fn contains(&self, number: usize) -> bool {
        let word = self.0.get(number / WORD);
        word.is_some_and(|word| word & (1 << (number % WORD)) != 0)
    }

    /// Adds all of `other`, which is of the same size.
    pub(crate) fn add(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// Keeps what `other`, which is of the same size, holds too.
    pub(crate) fn keep(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    /// Becomes a copy of `other`, which is of the same size.
    pub(crate) fn copy(&mut self, other: &Self) {
        self.0.copy_from_slice(&other.0);
    }

    /// Its numbers, the smallest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let next = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(index * WORD + next)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn numbers_go_in_and_come_out_in_order() {
        let mut bits = Bits::none(200);
        for number in [199, 0, 63, 64, 130] {
            bits.insert(number);
        }
        bits.remove(130);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 199]);
        assert!(bits.contains(63) && !bits.contains(130) && !bits.contains(1_000));
        let mut all = Bits::all(200);
        assert_eq!(all.iter().count(), 200);
        assert_eq!(Bits::all(128).iter().count(), 128);
        assert_eq!(Bits::all(0).iter().count(), 0);
        all.keep(&bits);
        assert_eq!(all, bits);
        let mut none = Bits::none(200);
        none.add(&bits);
        assert_eq!(none, bits);
    }
}
