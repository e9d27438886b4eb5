//! Arrivals: who waits for something to become available in which mailboxes. Each who waits has a
//! line of those in which there may be something, so that it looks into no others, and into each in
//! its turn. A hint, never the truth.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axle_model::mailbox::MailboxId;
use tokio::sync::Notify;

type Bells = HashMap<MailboxId, Vec<(Arc<Line>, usize)>>;

/// Who waits at each mailbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals {
    bells: Arc<Mutex<Bells>>,
}

/// Somebody who waits at mailboxes; until it is dropped.
#[derive(Debug)]
pub struct Waiter {
    arrivals: Arrivals,
    mailboxes: Vec<MailboxId>,
    line: Arc<Line>,
}

/// The mailboxes to look into, by their places among those waited at.
#[derive(Debug)]
struct Line {
    due: Mutex<Due>,
    grown: Notify,
}

#[derive(Debug)]
struct Due {
    places: VecDeque<usize>,
    /// Whether each place is among them.
    is_due: Vec<bool>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Arrivals {
    /// Waits at these mailboxes from now on. At first there may be something in each.
    pub(crate) fn wait_at(&self, mailboxes: Vec<MailboxId>) -> Waiter {
        let line = Arc::new(Line {
            due: Mutex::new(Due {
                places: (0..mailboxes.len()).collect(),
                is_due: vec![true; mailboxes.len()],
            }),
            grown: Notify::new(),
        });
        let mut bells = lock(&self.bells);
        for (place, mailbox) in mailboxes.iter().enumerate() {
            let bell = bells.entry(mailbox.clone()).or_default();
            bell.push((Arc::clone(&line), place));
        }
        drop(bells);
        Waiter {
            arrivals: self.clone(),
            mailboxes,
            line,
        }
    }

    /// Tells everybody who waits at these mailboxes.
    pub(crate) fn tell(&self, mailboxes: &[MailboxId]) {
        if mailboxes.is_empty() {
            return;
        }
        let bells = lock(&self.bells);
        for (line, place) in mailboxes.iter().filter_map(|one| bells.get(one)).flatten() {
            line.join(*place);
        }
    }
}

impl Line {
    fn join(&self, place: usize) {
        let mut due = lock(&self.due);
        let waits = due.is_due.get_mut(place);
        if waits.is_some_and(|waits| !std::mem::replace(waits, true)) {
            due.places.push_back(place);
            self.grown.notify_one();
        }
    }
}

impl Waiter {
    /// The mailbox whose turn it is, among those in which there may be something. To be claimed from,
    /// and to be put [back](Self::put_back) unless that claim came back empty.
    pub fn next(&self) -> Option<(usize, &MailboxId)> {
        let mut due = lock(&self.line.due);
        let place = due.places.pop_front()?;
        if let Some(waits) = due.is_due.get_mut(place) {
            *waits = false;
        }
        drop(due);
        Some((place, self.mailboxes.get(place)?))
    }

    /// There may be more in this one; it goes to the end of the line.
    pub fn put_back(&self, place: usize) {
        self.line.join(place);
    }

    /// There may be something anywhere.
    pub fn look_everywhere(&self) {
        (0..self.mailboxes.len()).for_each(|place| self.line.join(place));
    }

    /// Resolves when there may be something. For one at a time.
    pub async fn rung(&self) {
        while lock(&self.line.due).places.is_empty() {
            self.line.grown.notified().await;
        }
    }

    /// The mailboxes waited at.
    pub fn mailboxes(&self) -> &[MailboxId] {
        &self.mailboxes
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut bells = lock(&self.arrivals.bells);
        for mailbox in &self.mailboxes {
            if let Some(bell) = bells.get_mut(mailbox) {
                bell.retain(|(line, _)| !Arc::ptr_eq(line, &self.line));
                if bell.is_empty() {
                    bells.remove(mailbox);
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn mailboxes() -> Vec<MailboxId> {
        [
            "mailboxes/K81003",
            "mailboxes/K81003/A",
            "mailboxes/K81003/B",
        ]
        .map(|name| MailboxId::parse(name).expect("a name"))
        .to_vec()
    }

    fn places(waiter: &Waiter) -> Vec<usize> {
        std::iter::from_fn(|| waiter.next().map(|(place, _)| place)).collect()
    }

    #[test]
    fn each_mailbox_has_its_turn_and_is_passed_over_once_it_is_empty() {
        let arrivals = Arrivals::default();
        let waiter = arrivals.wait_at(mailboxes());
        let (first, _) = waiter.next().expect("there may be something in each");
        waiter.put_back(first);
        assert_eq!(places(&waiter), [1, 2, 0]);
        let [_, a, b] = [0, 1, 2].map(|place| mailboxes()[place].clone());
        arrivals.tell(&[b.clone(), a, b]);
        assert_eq!(places(&waiter), [2, 1]);
        waiter.look_everywhere();
        assert_eq!(places(&waiter), [0, 1, 2]);
    }

    #[test]
    fn what_arrives_before_the_wait_ends_it_and_other_mailboxes_do_not() {
        let arrivals = Arrivals::default();
        let waiter = arrivals.wait_at(mailboxes()[..1].to_vec());
        assert!(waiter.rung().now_or_never().is_some());
        places(&waiter);
        assert!(waiter.rung().now_or_never().is_none());
        arrivals.tell(&mailboxes()[1..]);
        assert!(waiter.rung().now_or_never().is_none());
        arrivals.tell(&mailboxes());
        assert!(waiter.rung().now_or_never().is_some());
        drop(waiter);
        assert!(lock(&arrivals.bells).is_empty(), "nobody waits any more");
    }
}
