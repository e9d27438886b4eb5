//! Serve: what callers ask of the store. Writes go to the committer, reads to the state first and then
//! to the index: what leaves the state is in the index by then.

use std::sync::{Arc, atomic::Ordering};

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
use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

use super::{
    Embedded, at_rest::What, body, committer::Outcome, located::Located, proposal::Proposal,
};
use crate::{
    Chunk, Claim, Claimed, Committed, Due, Found, MailboxState, Query, Store, StoreError,
    StoreHealth, Upload, Waiter,
    state::{MessageKeys, refusal_key},
};

/// A claim lets what it would lease be roused so often. Once does, unless others claim there as well.
const ROUSED_MAX: usize = 64;

impl Store for Embedded {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.shared.running()?;
        let proposal = Proposal::change(change, &self.shared)?;
        match self.propose(proposal).await? {
            Outcome::Done => Ok(Committed::Done),
            Outcome::Repeat(earlier) => {
                let stored = self.shared.stored(earlier)?;
                let stored = stored.ok_or(StoreError::Unknown { message: earlier })?;
                Ok(Committed::Repeat(stored.message))
            }
        }
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.shared.running()?;
        for _ in 0..ROUSED_MAX {
            match self.claim_awake(&claim)? {
                Ok(claimed) => return Ok(claimed),
                Err(resting) => self.aside(move |shared| shared.rouse(resting)).await?,
            }
        }
        // Others were quicker each time; whoever asks again is served.
        Ok(Vec::new())
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<Due>, StoreError> {
        self.shared.tell(now);
        let mut state = self.shared.state();
        let (due, arrived) = (state.due(now, max), state.take_arrived());
        drop(state);
        self.shared.arrivals.tell(&arrived);
        Ok(due)
    }

    async fn load(&self, id: MessageId) -> Result<Option<Arc<Message>>, StoreError> {
        Ok(self.shared.stored(id)?.map(|stored| stored.message))
    }

    async fn find_submission(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
    ) -> Result<Option<Arc<Message>>, StoreError> {
        let key = MessageKeys::submission(sender, submission);
        let known = self.shared.state().keys().submission(&key);
        let earlier = match known {
            Some(earlier) => Some(earlier),
            None => self.shared.submission(&key)?,
        };
        match earlier {
            Some(earlier) => self.load(earlier.message).await,
            None => Ok(None),
        }
    }

    async fn find_document(&self, name: &Digest) -> Result<Vec<Arc<Message>>, StoreError> {
        self.shared.named(name)
    }

    async fn find_refusal(
        &self,
        sender: OdsCode,
        named: &Named,
    ) -> Result<Option<Arc<Refused>>, StoreError> {
        // The state first: what leaves it is in the index by then.
        let late = self.shared.state().refusals().find(sender, named);
        match late {
            Some(refused) => Ok(Some(refused)),
            None => self.shared.refusal(&refusal_key(sender, named)),
        }
    }

    async fn body(&self, id: MessageId) -> Result<Bytes, StoreError> {
        let stored = self.shared.stored(id)?;
        let stored = stored.ok_or(StoreError::Unknown { message: id })?;
        match stored.body {
            Located::Whole(at) => self.whole(id, at).await,
            Located::Pieces(_) => {
                self.aside(move |shared| {
                    let mut body = BytesMut::new();
                    for (what, piece) in stored.body.parts(&stored.message) {
                        body.extend_from_slice(&shared.read(id, what, piece)?);
                    }
                    Ok(body.freeze())
                })
                .await
            }
        }
    }

    async fn piece(&self, id: MessageId, offset: u64) -> Result<Bytes, StoreError> {
        let stored = self.shared.stored(id)?;
        let stored = stored.ok_or(StoreError::Unknown { message: id })?;
        let Some((what, at, from)) = stored.body.part(&stored.message, offset) else {
            return Ok(Bytes::new());
        };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        match stored.body {
            Located::Whole(at) => Ok(self.whole(id, at).await?.slice(from..)),
            Located::Pieces(_) => {
                self.aside(move |shared| Ok(shared.read(id, what, at)?.slice(from..)))
                    .await
            }
        }
    }

    async fn append(&self, chunk: Chunk) -> Result<Upload, StoreError> {
        self.shared.running()?;
        let key = MessageKeys::submission(chunk.sender, &chunk.submission);
        let piece = Proposal::piece(chunk, self.shared.segments.at_rest());
        self.propose(piece).await?;
        let taken = self.shared.state().uploads().state(&key);
        taken.ok_or(StoreError::UploadUnknown)
    }

    fn upload(&self, sender: OdsCode, submission: &SubmissionId) -> Option<Upload> {
        let key = MessageKeys::submission(sender, submission);
        self.shared.state().uploads().state(&key)
    }

    fn take_up(&self, sender: OdsCode, submission: &SubmissionId, call: u64) -> Option<Upload> {
        let key = MessageKeys::submission(sender, submission);
        self.shared.state().uploads_mut().take_up(&key, call)
    }

    async fn uploaded(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
        offset: u64,
    ) -> Result<Bytes, StoreError> {
        let key = MessageKeys::submission(sender, submission);
        let place = {
            let state = self.shared.state();
            let upload = state.uploads().get(&key).ok_or(StoreError::UploadUnknown)?;
            upload.piece(offset)
        };
        let Some((at, from)) = place else {
            return Ok(Bytes::new());
        };
        let what = What::Piece {
            upload: key,
            start: offset - from,
        };
        self.aside(move |shared| {
            let piece = body::read(&shared.segments, what, at).map_err(|unread| {
                tracing::error!(%unread, "a piece of an upload cannot be read");
                StoreError::UploadUnknown
            })?;
            Ok(piece.slice(usize::try_from(from).unwrap_or(usize::MAX)..))
        })
        .await
    }

    fn discard(&self, sender: OdsCode, submission: &SubmissionId) {
        let key = MessageKeys::submission(sender, submission);
        self.shared.state().end_upload(&key);
    }

    fn abandon(&self, before: Timestamp) -> usize {
        self.shared.state().abandon(before)
    }

    async fn find(&self, query: Query) -> Result<Found, StoreError> {
        self.aside(move |shared| {
            // The state first: what leaves it is in the index by then.
            let unsettled = shared.state().find(&query);
            let unsettled = shared.page(&query, unsettled)?;
            let settled = shared.index.find(&query);
            let settled = settled.map_err(|unusable| shared.stop_for_index(&unusable))?;
            Ok(unsettled.merge(settled, query.page_max))
        })
        .await
    }

    async fn mailbox(&self, id: &MailboxId) -> Result<MailboxState, StoreError> {
        Ok(self.shared.state().mailbox(id))
    }

    async fn mailboxes(&self) -> Result<Vec<(MailboxId, MailboxState)>, StoreError> {
        Ok(self.shared.state().mailboxes())
    }

    async fn waiting(
        &self,
        mailbox: &MailboxId,
        max: usize,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        Ok(self.shared.state().waiting(mailbox, max))
    }

    fn aged(&self) -> Vec<AgedDeliveries> {
        self.shared.state().aged()
    }

    async fn ledger(&self, from: u64, max: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        let (from, head) = (from.max(1), *self.shared.head.borrow());
        if let Some(entries) = self.shared.ledger.recent(from, max, head) {
            return Ok(entries);
        }
        self.aside(move |shared| {
            let read = shared.ledger.read(&shared.segments, from, max, head);
            read.map_err(|unreadable| {
                tracing::error!(%unreadable, "the ledger cannot be read");
                let why = unreadable.to_string().into();
                StoreError::Stopped { why }
            })
        })
        .await
    }

    fn totals(&self) -> Totals {
        self.shared.state().totals()
    }

    fn ledger_head(&self) -> watch::Receiver<u64> {
        self.shared.head.subscribe()
    }

    fn wait_at(&self, mailboxes: Vec<MailboxId>) -> Waiter {
        self.shared.arrivals.wait_at(mailboxes)
    }

    fn health(&self) -> StoreHealth {
        let free = self.shared.space.free_bytes.load(Ordering::Relaxed);
        let state = self.shared.state();
        StoreHealth {
            stopped: self.shared.stopped.get().map(|why| why.to_string()),
            free_bytes: Some(free).filter(|&free| free != u64::MAX),
            messages_live: state.live(),
            deliveries_pending: state.pending(),
            totals: state.totals(),
        }
    }
}
