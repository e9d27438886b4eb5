//! What callers ask of a store with faults: the faults are in what changes it.

use std::sync::Arc;

use axle_core::{
    alarm::AgedDeliveries,
    change::{Change, LedgerEntry, Refused},
    message::Message,
    reconcile::Named,
    totals::Totals,
};
use axle_model::{
    digest::Digest,
    id::{DeliveryId, MessageId, SubmissionId},
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};
use bytes::Bytes;
use tokio::sync::watch;

use super::{Durable, Faulty, lease_of, linger};
use crate::{
    Chunk, Claim, Claimed, Committed, Due, Found, MailboxState, Query, Store, StoreError,
    StoreHealth, Upload, Waiter,
};

impl<S: Store> Store for Faulty<S> {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let fate = self.begin(&change)?;
        linger(fate.before).await;
        {
            let mut inner = self.lock();
            // Stopped meanwhile, it stays under way for ever: nobody knows what became of it.
            inner.running()?;
            inner.waiting.remove(&fate.ticket);
        }
        let committed = self.store.commit(change.clone()).await?;
        if matches!(committed, Committed::Done) {
            self.keep(Durable::Change(change));
        }
        if fate.stops {
            return Err(self.lock().stop("a sync failed"));
        }
        linger(fate.after).await;
        Ok(committed)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.lock().running()?;
        let claimed = self.store.claim(claim).await?;
        let mut inner = self.lock();
        let leases = claimed.iter().filter_map(lease_of).map(Durable::Change);
        inner.leases.extend(leases);
        let odds = inner.odds;
        if inner.happens(odds.stopped_after) {
            return Err(inner.stop("a sync failed"));
        }
        if !inner.happens(odds.unwritten) {
            inner.write_leases();
            drop(inner);
            self.head.send_replace(*self.store.ledger_head().borrow());
        }
        Ok(claimed)
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<Due>, StoreError> {
        self.store.due(now, max).await
    }

    async fn load(&self, id: MessageId) -> Result<Option<Arc<Message>>, StoreError> {
        self.store.load(id).await
    }

    async fn find_submission(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
    ) -> Result<Option<Arc<Message>>, StoreError> {
        self.store.find_submission(sender, submission).await
    }

    async fn find_document(&self, name: &Digest) -> Result<Vec<Arc<Message>>, StoreError> {
        self.store.find_document(name).await
    }

    async fn find_refusal(
        &self,
        sender: OdsCode,
        named: &Named,
    ) -> Result<Option<Arc<Refused>>, StoreError> {
        self.store.find_refusal(sender, named).await
    }

    async fn waiting(
        &self,
        mailbox: &MailboxId,
        max: usize,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        self.store.waiting(mailbox, max).await
    }

    fn aged(&self) -> Vec<AgedDeliveries> {
        self.store.aged()
    }

    async fn append(&self, chunk: Chunk) -> Result<Upload, StoreError> {
        self.lock().running()?;
        let upload = self.store.append(chunk.clone()).await?;
        self.keep(Durable::Piece(chunk));
        Ok(upload)
    }

    fn upload(&self, sender: OdsCode, submission: &SubmissionId) -> Option<Upload> {
        self.store.upload(sender, submission)
    }

    fn take_up(&self, sender: OdsCode, submission: &SubmissionId, call: u64) -> Option<Upload> {
        self.store.take_up(sender, submission, call)
    }

    async fn uploaded(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
        offset: u64,
    ) -> Result<Bytes, StoreError> {
        self.store.uploaded(sender, submission, offset).await
    }

    fn discard(&self, sender: OdsCode, submission: &SubmissionId) {
        self.store.discard(sender, submission);
    }

    fn abandon(&self, before: Timestamp) -> usize {
        self.store.abandon(before)
    }

    async fn piece(&self, id: MessageId, offset: u64) -> Result<Bytes, StoreError> {
        self.store.piece(id, offset).await
    }

    fn totals(&self) -> Totals {
        self.store.totals()
    }

    async fn body(&self, id: MessageId) -> Result<Bytes, StoreError> {
        self.store.body(id).await
    }

    async fn find(&self, query: Query) -> Result<Found, StoreError> {
        self.store.find(query).await
    }

    async fn mailbox(&self, id: &MailboxId) -> Result<MailboxState, StoreError> {
        self.store.mailbox(id).await
    }

    async fn mailboxes(&self) -> Result<Vec<(MailboxId, MailboxState)>, StoreError> {
        self.store.mailboxes().await
    }

    async fn ledger(&self, from: u64, max: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        let durable = *self.head.borrow();
        let mut entries = self.store.ledger(from, max).await?;
        entries.retain(|entry| entry.sequence <= durable);
        Ok(entries)
    }

    fn ledger_head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn wait_at(&self, mailboxes: Vec<MailboxId>) -> Waiter {
        self.store.wait_at(mailboxes)
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            stopped: self.lock().stopped.as_deref().map(str::to_owned),
            ..self.store.health()
        }
    }
}
