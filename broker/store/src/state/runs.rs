//! Runs: a sorted map for very many small entries, most of which come in rising order and then stay. The
//! nodes of a `BTreeMap` are left half empty by such entries, and a search for each takes a start more
//! time than reading it; here what rises is appended to the last run, which is filled before another
//! begins.

use std::mem;

/// A run holds no more than this. What comes or goes in its midst moves half of that.
const RUN_MAX: usize = 64;
/// The first entry of a run makes room for so many.
const RUN_MIN: usize = 4;

/// A sorted map; of `()` a sorted set.
#[derive(Debug)]
pub(super) struct Runs<K, V = ()> {
    /// In order, each sorted. None is empty, unless it is the only one.
    runs: Vec<Vec<(K, V)>>,
}

impl<K, V> Default for Runs<K, V> {
    fn default() -> Self {
        Self { runs: Vec::new() }
    }
}

impl<K: Ord, V> Runs<K, V> {
    pub(super) fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    pub(super) fn first(&self) -> Option<&(K, V)> {
        self.runs.first()?.first()
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let run = self.runs.get(self.run_of(key))?;
        let place = find(run, key).ok()?;
        run.get(place).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let number = self.run_of(key);
        let run = self.runs.get_mut(number)?;
        let place = find(run, key).ok()?;
        run.get_mut(place).map(|(_, value)| value)
    }

    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Returns what was there before.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let last = self.runs.last().and_then(|run| run.last());
        if last.is_none_or(|(last, _)| *last < key) {
            self.append(key, value);
            return None;
        }
        let number = self.run_of(&key);
        let run = self.runs.get_mut(number)?;
        match find(run, &key) {
            Ok(place) => {
                let (_, there) = run.get_mut(place)?;
                Some(mem::replace(there, value))
            }
            Err(place) if run.len() < RUN_MAX => {
                make_room(run);
                run.insert(place, (key, value));
                None
            }
            Err(_) => {
                let upper = run.split_off(RUN_MAX / 2);
                run.shrink_to(RUN_MAX * 3 / 4);
                self.runs.insert(number + 1, upper);
                self.insert(key, value)
            }
        }
    }

    fn append(&mut self, key: K, value: V) {
        if self.runs.last().is_none_or(|run| run.len() >= RUN_MAX) {
            self.runs.push(Vec::new());
        }
        if let Some(run) = self.runs.last_mut() {
            make_room(run);
            run.push((key, value));
        }
    }

    /// Returns what was there.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let number = self.run_of(key);
        let run = self.runs.get_mut(number)?;
        let place = find(run, key).ok()?;
        let (_, value) = run.remove(place);
        if run.len() <= RUN_MAX / 4 {
            self.tidy(number);
        }
        Some(value)
    }

    /// Joins a run that has become short to a neighbour, and lets go of room that it does not need.
    fn tidy(&mut self, number: usize) {
        let length = |number: usize| self.runs.get(number).map(Vec::len);
        let fits = |left: usize| {
            let (one, other) = (length(left)?, length(left + 1)?);
            Some(one == 0 || other == 0 || one + other <= RUN_MAX / 2)
        };
        let before = number.checked_sub(1);
        let left = [Some(number), before].into_iter().flatten();
        let mut left = left.filter(|&left| fits(left) == Some(true));
        if let Some(left) = left.next() {
            let joined = self.runs.remove(left + 1);
            if let Some(run) = self.runs.get_mut(left) {
                run.reserve_exact(joined.len());
                run.extend(joined);
            }
        } else if let Some(run) = self.runs.get_mut(number)
            && run.capacity() > RUN_MIN.max(run.len() * 4)
        {
            run.shrink_to(RUN_MIN.max(run.len() * 2));
        }
        if self.runs.len() < self.runs.capacity() / 4 {
            self.runs.shrink_to(self.runs.len() * 2);
        }
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &(K, V)> {
        self.runs.iter().flatten()
    }

    /// Those from a key on, in order.
    pub(super) fn onward(&self, key: &K) -> impl Iterator<Item = &(K, V)> {
        let (number, place) = self.seek(key);
        let runs = self.runs.get(number..).unwrap_or_default();
        let (first, rest) = runs
            .split_first()
            .map_or((&[][..], &[][..]), |(run, rest)| {
                (run.get(place..).unwrap_or_default(), rest)
            });
        first.iter().chain(rest.iter().flatten())
    }

    /// The same, to change what the keys lead to.
    pub(super) fn onward_mut(&mut self, key: &K) -> impl Iterator<Item = (&K, &mut V)> {
        let (number, place) = self.seek(key);
        let runs = self.runs.get_mut(number..).unwrap_or_default();
        let (first, rest) = match runs.split_first_mut() {
            Some((run, rest)) => (run.get_mut(place..).unwrap_or_default(), rest),
            None => (&mut [][..], &mut [][..]),
        };
        let all = first.iter_mut().chain(rest.iter_mut().flatten());
        all.map(|(key, value)| (&*key, value))
    }

    /// Those before a key, or all; the last first.
    pub(super) fn before(&self, key: Option<&K>) -> impl Iterator<Item = &(K, V)> {
        let (number, place) = key.map_or((self.runs.len(), 0), |key| self.seek(key));
        let run = self.runs.get(number).and_then(|run| run.get(..place));
        let runs = self.runs.get(..number).unwrap_or_default();
        let last = run.unwrap_or_default().iter().rev();
        last.chain(runs.iter().flatten().rev())
    }

    /// The run in which a key is, or would be.
    fn run_of(&self, key: &K) -> usize {
        let starts_before = |run: &Vec<(K, V)>| run.first().is_some_and(|(first, _)| first <= key);
        self.runs.partition_point(starts_before).saturating_sub(1)
    }

    /// The run and the place in it of the first that is not before a key.
    fn seek(&self, key: &K) -> (usize, usize) {
        let number = self.run_of(key);
        let run = self.runs.get(number);
        let place = run.map_or(0, |run| run.partition_point(|(one, _)| one < key));
        (number, place)
    }
}

fn find<K: Ord, V>(run: &[(K, V)], key: &K) -> Result<usize, usize> {
    run.binary_search_by(|(one, _)| one.cmp(key))
}

/// Makes room for one more, a half at a time: doubling would leave a quarter empty.
fn make_room<T>(run: &mut Vec<T>) {
    if run.len() == run.capacity() {
        let more = (run.len() / 2).clamp(RUN_MIN, RUN_MAX);
        run.reserve_exact(more.min(RUN_MAX.saturating_sub(run.len()).max(1)));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, prelude::*};

    use super::{RUN_MAX, Runs};

    /// What is done to both: a key put in or taken away.
    fn steps() -> impl Strategy<Value = Vec<(bool, u16)>> {
        let dense = vec((prop::bool::weighted(0.6), 0..400u16), 0..2_000);
        let rising = (100..2_000u16).prop_flat_map(|most| {
            let gone = vec((Just(false), 0..most), 0..2_000);
            gone.prop_map(move |gone| {
                let come = (0..most).map(|key| (true, key));
                come.chain(gone).collect()
            })
        });
        prop_oneof![dense, rising]
    }

    fn assert_alike(runs: &Runs<u16, usize>, like: &BTreeMap<u16, usize>) {
        let all = |(key, value): &(u16, usize)| (*key, *value);
        let copied = |(key, value): (&u16, &usize)| (*key, *value);
        assert!(runs.iter().map(all).eq(like.iter().map(copied)));
        assert_eq!(runs.is_empty(), like.is_empty());
        assert_eq!(runs.first().map(all), like.first_key_value().map(copied));
        for key in (0..2_100).step_by(97) {
            assert_eq!(runs.get(&key), like.get(&key));
            assert!(runs.onward(&key).map(all).eq(like.range(key..).map(copied)));
            let before = like.range(..key).rev().map(copied);
            assert!(runs.before(Some(&key)).map(all).eq(before));
        }
        assert!(runs.before(None).map(all).eq(like.iter().rev().map(copied)));
        let lengths = runs.runs.iter().map(Vec::len);
        let empty = lengths.clone().filter(|&length| length == 0).count();
        assert!(empty == 0 || runs.runs.len() == 1);
        assert!(lengths.max().is_none_or(|longest| longest <= RUN_MAX));
    }

    proptest! {
        #[test]
        fn runs_are_as_a_map(steps in steps()) {
            let (mut runs, mut like) = (Runs::default(), BTreeMap::new());
            for (number, (comes, key)) in steps.into_iter().enumerate() {
                if comes {
                    prop_assert_eq!(runs.insert(key, number), like.insert(key, number));
                } else {
                    prop_assert_eq!(runs.remove(&key), like.remove(&key));
                }
                if number % 256 == 0 {
                    assert_alike(&runs, &like);
                }
            }
            assert_alike(&runs, &like);
            for (&key, value) in runs.onward_mut(&300) {
                *value += usize::from(key);
            }
            for (&key, value) in like.range_mut(300..) {
                *value += usize::from(key);
            }
            assert_alike(&runs, &like);
        }
    }

    #[test]
    fn what_rises_leaves_no_room() {
        let mut runs = Runs::default();
        for key in 0..RUN_MAX * 10 {
            runs.insert(key, ());
        }
        let room: usize = runs.runs.iter().map(Vec::capacity).sum();
        assert_eq!(room, RUN_MAX * 10);
    }
}
