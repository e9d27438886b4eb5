//! Standing: how the mailboxes and the ledger stand, in numbers.

use axle_core::{alarm::AgedDeliveries, change::LedgerEntry, totals::Totals};
use axle_model::mailbox::MailboxId;

use super::{Body, State, mailbox::Mailbox};
use crate::MailboxState;

impl<B: Body> State<B> {
    /// How a mailbox stands.
    pub(crate) fn mailbox(&self, id: &MailboxId) -> MailboxState {
        self.mailboxes
            .get(id)
            .map(Mailbox::state)
            .unwrap_or_default()
    }

    /// How every mailbox stands that holds something, by name.
    pub(crate) fn mailboxes(&self) -> Vec<(MailboxId, MailboxState)> {
        let holding = self
            .mailboxes
            .iter()
            .filter(|(_, mailbox)| !mailbox.is_empty());
        let mut all: Vec<_> = holding
            .map(|(id, mailbox)| (id.clone(), mailbox.state()))
            .collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// What has waited too long and is not settled.
    pub(crate) fn aged(&self) -> Vec<AgedDeliveries> {
        self.aged.told()
    }

    /// How many messages are not over.
    pub(crate) const fn live(&self) -> u64 {
        self.live
    }

    /// How many deliveries are not settled.
    pub(crate) const fn pending(&self) -> u64 {
        self.pending
    }

    /// How many deliveries there were, and how they ended.
    pub(crate) const fn totals(&self) -> Totals {
        self.totals
    }

    /// Takes up the totals as they stood when the index was written.
    pub(crate) const fn resume(&mut self, totals: Totals) {
        self.totals = totals;
    }

    /// Counts an entry of the ledger. Apart from what it changes here, since a replay may pass over
    /// what the index has already.
    pub(crate) fn count(&mut self, entry: &LedgerEntry) {
        self.totals.enter(entry);
    }
}
