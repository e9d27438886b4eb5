//! Activity: when each sender and each mailbox that must not fall silent was last heard of. Kept in
//! memory; it decides nothing, and whoever wants it kept over a restart does that.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use axle_core::{alarm::Heard, directory::Directory};
use axle_model::{mailbox::MailboxId, ods::OdsCode, time::Timestamp};

/// When everybody of a directory was last heard of.
#[derive(Debug, Default)]
pub struct Activity {
    known: ArcSwap<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The senders that are listened for.
    senders: BTreeMap<OdsCode, Arc<Source>>,
    /// Every mailbox, since one may be listened for from the next reload on, and its collector may
    /// be waiting already.
    mailboxes: BTreeMap<MailboxId, Arc<Source>>,
}

/// One sender or mailbox.
#[derive(Debug, Default)]
struct Source {
    /// When it was last heard of, in microseconds since the epoch.
    last: AtomicU64,
    /// Those who collect its documents.
    listeners: Mutex<Vec<Weak<AtomicU32>>>,
}

/// Everybody who must not fall silent, as last heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastHeard {
    /// Senders, by their code.
    pub senders: Vec<Heard<OdsCode>>,
    /// Mailboxes, by their name; the closed ones are left out.
    pub mailboxes: Vec<Heard<MailboxId>>,
}

/// Somebody who collects the documents of some mailboxes: how many of its calls wait for one just
/// now.
#[derive(Debug, Default)]
pub(crate) struct Listener(Arc<AtomicU32>);

/// A listener waits for documents; until this is dropped its mailboxes are not silent.
#[derive(Debug)]
pub(crate) struct Waiting<'l>(&'l AtomicU32);

impl Activity {
    /// Listens for those in a directory from `now` on. Who was listened for already stays as heard
    /// of.
    pub(crate) fn listen_for(&self, directory: &Directory, now: Timestamp) {
        let before = self.known.load();
        let begin = || {
            let last = AtomicU64::new(now.as_micros());
            Arc::new(Source {
                last,
                listeners: Mutex::default(),
            })
        };
        let senders = directory.senders().map(|(code, _)| {
            let known = before.senders.get(&code).cloned();
            (code, known.unwrap_or_else(begin))
        });
        let mailboxes = directory.mailboxes().map(|mailbox| {
            let known = before.mailboxes.get(&mailbox.id).cloned();
            (mailbox.id.clone(), known.unwrap_or_else(begin))
        });
        self.known.store(Arc::new(Known {
            senders: senders.collect(),
            mailboxes: mailboxes.collect(),
        }));
    }

    /// A document of a sender was accepted.
    pub(crate) fn sender(&self, code: OdsCode, now: Timestamp) {
        if let Some(source) = self.known.load().senders.get(&code) {
            source.hear(now);
        }
    }

    /// Somebody asked for the documents of a mailbox.
    pub(crate) fn mailbox(&self, id: &MailboxId, now: Timestamp) {
        if let Some(source) = self.known.load().mailboxes.get(id) {
            source.hear(now);
        }
    }

    /// Somebody begins to collect the documents of these mailboxes.
    pub(crate) fn listener(&self, mailboxes: &[MailboxId]) -> Listener {
        let (known, listener) = (self.known.load(), Listener::default());
        for source in mailboxes.iter().filter_map(|id| known.mailboxes.get(id)) {
            let mut listeners = source.listeners();
            // Those who went make room for who comes.
            listeners.retain(|one| one.strong_count() > 0);
            listeners.push(Arc::downgrade(&listener.0));
        }
        listener
    }

    /// Takes up what was kept over a restart: this sender was last heard of then, not when this
    /// process began to listen.
    pub fn resume_sender(&self, code: OdsCode, last: Timestamp) {
        if let Some(source) = self.known.load().senders.get(&code) {
            source.hear_earlier(last);
        }
    }

    /// The same for a mailbox.
    pub fn resume_mailbox(&self, id: &MailboxId, last: Timestamp) {
        if let Some(source) = self.known.load().mailboxes.get(id) {
            source.hear_earlier(last);
        }
    }

    /// When those who must not fall silent were last heard of, as far as `now`.
    pub(crate) fn heard(&self, directory: &Directory, now: Timestamp) -> LastHeard {
        let known = self.known.load();
        let senders = directory.senders().filter_map(|(code, silent_after)| {
            Some(Heard {
                source: code,
                last: known.senders.get(&code)?.last(now),
                silent_after,
            })
        });
        let open = directory.mailboxes().filter(|mailbox| mailbox.open);
        let mailboxes = open.filter_map(|mailbox| {
            Some(Heard {
                source: mailbox.id.clone(),
                silent_after: mailbox.silent_after?,
                last: known.mailboxes.get(&mailbox.id)?.last(now),
            })
        });
        LastHeard {
            senders: senders.collect(),
            mailboxes: mailboxes.collect(),
        }
    }
}

impl Listener {
    /// It waits from now on.
    pub(crate) fn waits(&self) -> Waiting<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.0)
    }
}

impl Source {
    fn listeners(&self) -> MutexGuard<'_, Vec<Weak<AtomicU32>>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, now: Timestamp) {
        self.last.store(now.as_micros(), Ordering::Relaxed);
    }

    fn hear_earlier(&self, last: Timestamp) {
        self.last.fetch_min(last.as_micros(), Ordering::Relaxed);
    }

    /// When it was last heard of: now, if somebody waits. A clock that was ahead and was set right
    /// is forgotten, or it would hide a silence for as long as it was ahead.
    fn last(&self, now: Timestamp) -> Timestamp {
        let waits = |one: &Weak<AtomicU32>| {
            one.upgrade()
                .is_some_and(|waiting| waiting.load(Ordering::Relaxed) > 0)
        };
        if self.listeners().iter().any(waits) {
            self.hear(now);
        }
        let before = self.last.fetch_min(now.as_micros(), Ordering::Relaxed);
        Timestamp::from_micros(before).min(now)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
