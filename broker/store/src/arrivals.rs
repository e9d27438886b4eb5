//! Arrivals: who waits for something to become available in a mailbox. A hint, never the truth.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axle_model::mailbox::MailboxId;
use tokio::sync::{Notify, futures::OwnedNotified};

/// One bell for each mailbox that somebody ever waited at.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    bells: Mutex<HashMap<MailboxId, Arc<Notify>>>,
}

impl Arrivals {
    /// Resolves at the next arrival after this call.
    pub(crate) fn next(&self, mailbox: &MailboxId) -> OwnedNotified {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(mailbox) {
            return bell.clone().notified_owned();
        }
        let bell = Arc::new(Notify::new());
        bells.insert(mailbox.clone(), bell.clone());
        bell.notified_owned()
    }

    /// Wakes everybody who waits at these mailboxes.
    pub(crate) fn tell(&self, mailboxes: &[MailboxId]) {
        if mailboxes.is_empty() {
            return;
        }
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        for bell in mailboxes.iter().filter_map(|mailbox| bells.get(mailbox)) {
            bell.notify_waiters();
        }
    }
}
