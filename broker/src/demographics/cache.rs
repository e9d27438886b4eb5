//! What a service answered a short while ago. An answer is given as long as it may be, and no longer,
//! whatever became of the service; "nobody" is kept for a shorter time, because a new patient may be
//! registered any minute. Bounded: the oldest answers make room.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use axle_core::registration::Known;
use axle_model::nhs_number::NhsNumber;

/// Remembered answers: a patient each, or that there is none. Prints none of them.
pub(super) struct Cache {
    time_to_live: Duration,
    time_to_live_of_nobody: Duration,
    entries_max: usize,
    entries: HashMap<NhsNumber, Kept>,
    /// In the order in which they were put in. An entry that was replaced leaves its turn behind.
    line: VecDeque<(NhsNumber, u64)>,
    turn: u64,
    edition: u64,
}

struct Kept {
    answer: Option<Arc<Known>>,
    until: Instant,
    turn: u64,
}

impl Cache {
    pub(super) fn new(
        time_to_live: Duration,
        time_to_live_of_nobody: Duration,
        entries_max: usize,
    ) -> Self {
        Self {
            time_to_live,
            time_to_live_of_nobody,
            entries_max,
            entries: HashMap::new(),
            line: VecDeque::new(),
            turn: 0,
            edition: 0,
        }
    }

    /// The answer, while it may still be given.
    pub(super) fn get(&self, number: NhsNumber, now: Instant) -> Option<Option<Arc<Known>>> {
        let kept = self.entries.get(&number)?;
        (now < kept.until).then(|| kept.answer.clone())
    }

    /// Changes whenever something is forgotten: an answer that was asked for before that may be what
    /// was forgotten.
    pub(super) const fn edition(&self) -> u64 {
        self.edition
    }

    /// Remembers an answer that was asked for in `edition`.
    pub(super) fn put(
        &mut self,
        number: NhsNumber,
        answer: Option<Arc<Known>>,
        edition: u64,
        now: Instant,
    ) {
        if edition != self.edition {
            return;
        }
        let time_to_live = match answer {
            Some(_) => self.time_to_live,
            None => self.time_to_live_of_nobody,
        };
        self.turn += 1;
        let kept = Kept {
            answer,
            until: now + time_to_live,
            turn: self.turn,
        };
        self.entries.insert(number, kept);
        self.line.push_back((number, self.turn));
        while self.entries.len() > self.entries_max || self.line.len() > 2 * self.entries_max {
            let Some((number, turn)) = self.line.pop_front() else {
                break;
            };
            if self
                .entries
                .get(&number)
                .is_some_and(|kept| kept.turn == turn)
            {
                self.entries.remove(&number);
            }
        }
    }

    /// Forgets what is remembered of a number, because something happened to its patient.
    pub(super) fn forget(&mut self, number: NhsNumber) {
        self.edition += 1;
        self.entries.remove(&number);
    }

    /// Lets go of what may not be given any more, so that no patient stays in memory for nothing.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.entries.retain(|_, kept| now < kept.until);
        let entries = &self.entries;
        self.line
            .retain(|(number, turn)| entries.get(number).is_some_and(|kept| kept.turn == *turn));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use axle_core::registration::Known;
    use axle_model::{nhs_number::NhsNumber, synthetic::nhs_number};

    use super::Cache;

    fn number(index: u64) -> NhsNumber {
        nhs_number(index)
    }

    fn somebody() -> Option<Arc<Known>> {
        Some(Arc::new(Known {
            birth_date: None,
            families: Vec::new(),
            practice: None,
            deceased: false,
            restricted: false,
        }))
    }

    fn cache(entries_max: usize) -> Cache {
        Cache::new(
            Duration::from_secs(600),
            Duration::from_secs(60),
            entries_max,
        )
    }

    #[test]
    fn an_answer_is_given_for_its_time_and_nobody_for_a_shorter_one() {
        let (mut cache, now) = (cache(10), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        cache.put(number(1), somebody(), 0, now);
        cache.put(number(2), None, 0, now);
        assert!(cache.get(number(1), at(59)).is_some());
        assert!(cache.get(number(2), at(59)) == Some(None));
        assert!(cache.get(number(1), at(60)).is_some());
        assert!(cache.get(number(2), at(60)).is_none());
        assert!(cache.get(number(1), at(600)).is_none());
        cache.sweep(at(600));
        assert_eq!((cache.len(), cache.line.len()), (0, 0));
    }

    #[test]
    fn the_oldest_make_room_and_repeats_do_not_grow_it() {
        let (mut cache, now) = (cache(10), Instant::now());
        for index in 0..1_000 {
            cache.put(number(index), somebody(), 0, now);
            cache.put(number(index % 7), somebody(), 0, now);
            assert!(cache.len() <= 10 && cache.line.len() <= 20);
        }
        assert!(cache.get(number(999), now).is_some());
        assert!(cache.get(number(500), now).is_none());
    }

    #[test]
    fn what_was_asked_for_before_an_event_is_not_remembered_after_it() {
        let (mut cache, now) = (cache(10), Instant::now());
        cache.put(number(1), somebody(), 0, now);
        let edition = cache.edition();
        cache.forget(number(1));
        assert!(cache.get(number(1), now).is_none());
        cache.put(number(1), somebody(), edition, now);
        assert!(cache.get(number(1), now).is_none());
        let edition = cache.edition();
        cache.put(number(1), somebody(), edition, now);
        assert!(cache.get(number(1), now).is_some());
    }
}
