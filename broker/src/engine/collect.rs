//! Collect: documents are leased to the organisation whose mailbox they wait in, and their bodies
//! read for it.

use std::{collections::BTreeSet, time::Duration};

use axle_core::{
    authorise::organisation_of, delivery::State, directory::Directory, lease::LeaseToken, report,
};
use axle_model::{
    identity::Identity,
    mailbox::MailboxId,
    ods::OdsCode,
    refusal::{Reason, Refusal},
};
use axle_store::{Claim, Claimed, MailboxState, Store, Waiter};
use bytes::Bytes;

use super::{Engine, activity::Listener, refuse::refusal_of, settle::not_your_lease};
use crate::clock::Clock;

/// A collector, as it introduced itself, with the mailboxes it was allowed.
#[derive(Debug)]
pub struct Collector {
    organisation: OdsCode,
    /// The mailboxes, each in its turn: under load the room is used up before every one has been
    /// looked at, and a fixed order would starve the last.
    waiter: Waiter,
    listener: Listener,
    consumer: Box<str>,
    lease: Duration,
}

/// How much a collector can take now.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// This many deliveries.
    pub deliveries: usize,
    /// With bodies of this many bytes in all.
    pub bytes: u64,
}

/// A mailbox, as its owner sees it.
#[derive(Clone, Debug)]
pub struct MailboxView {
    /// Its name.
    pub id: MailboxId,
    /// What people call its owner.
    pub display: String,
    /// Whether it takes new documents.
    pub open: bool,
    /// How it stands.
    pub state: MailboxState,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Lets a caller collect from these mailboxes, or from all of its organisation's when none is
    /// named: those in the directory, and the one with its own name in any case, for reports.
    pub fn collector(
        &self,
        caller: &Identity,
        mailboxes: Vec<MailboxId>,
        consumer: Box<str>,
        lease: Duration,
    ) -> Result<Collector, Refusal> {
        let organisation = organisation_of(caller)?;
        let view = self.view.load();
        for mailbox in &mailboxes {
            if !is_own(&view.snapshot.directory, organisation, mailbox) {
                return Err(not_your_mailbox(mailbox));
            }
        }
        let mailboxes = if mailboxes.is_empty() {
            let listed = view.snapshot.directory.of_organisation(organisation);
            let mut own: BTreeSet<MailboxId> = listed.map(|own| own.id.clone()).collect();
            own.insert(MailboxId::of(organisation));
            own.into_iter().collect()
        } else {
            mailboxes
        };
        Ok(Collector {
            organisation,
            listener: self.activity.listener(&mailboxes),
            waiter: self.store.wait_at(mailboxes),
            consumer,
            lease,
        })
    }

    /// Leases what there is room for, waiting for the first to arrive; empty once `stop` resolves or
    /// the broker drains. Only the waiting is cut short by `stop`, never a claim: what was leased
    /// is always returned.
    pub async fn next(
        &self,
        collector: &Collector,
        room: Room,
        mut stop: impl Future<Output = ()> + Unpin,
    ) -> Result<Vec<Claimed>, Refusal> {
        let mut draining = self.draining();
        loop {
            if *draining.borrow_and_update() {
                return Ok(Vec::new());
            }
            let claimed = self.take(collector, room).await?;
            if !claimed.is_empty() {
                return Ok(claimed);
            }
            let _waiting = collector.listener.waits();
            tokio::select! {
                () = collector.waiter.rung() => {}
                _ = draining.changed() => {}
                () = &mut stop => return Ok(Vec::new()),
            }
        }
    }

    /// Leases what there is room for and is there now.
    pub async fn take(
        &self,
        collector: &Collector,
        mut room: Room,
    ) -> Result<Vec<Claimed>, Refusal> {
        let mut taken = Vec::new();
        while room.deliveries > 0 && (room.bytes > 0 || taken.is_empty()) {
            let Some((place, mailbox)) = collector.waiter.next() else {
                break;
            };
            let now = self.clock.now();
            self.activity.mailbox(mailbox, now);
            let claim = Claim {
                mailbox: mailbox.clone(),
                deliveries_max: room.deliveries,
                bytes_max: room.bytes,
                until: now.after(collector.lease),
                consumer: collector.consumer.clone(),
                organisation: collector.organisation,
                now,
                late: self.clock.expiry_rests(),
            };
            let claimed = self.store.claim(claim).await;
            if !matches!(&claimed, Ok(none) if none.is_empty()) {
                collector.waiter.put_back(place);
            }
            let claimed = claimed.map_err(refusal_of)?;
            room.deliveries -= claimed.len().min(room.deliveries);
            let bytes: u64 = claimed.iter().map(|claimed| claimed.message.size).sum();
            room.bytes = room.bytes.saturating_sub(bytes);
            taken.extend(claimed);
        }
        Ok(taken)
    }

    /// Deliveries waiting in a collector's mailboxes; a hint, so a store in trouble counts as none.
    pub async fn queued(&self, collector: &Collector) -> u64 {
        let mut queued = 0;
        for mailbox in collector.waiter.mailboxes() {
            queued += self
                .store
                .mailbox(mailbox)
                .await
                .map_or(0, |state| state.queued);
        }
        queued
    }

    /// The body of a delivery just leased; `None` when it is larger than its collector takes inline.
    pub async fn inline_body(
        &self,
        claimed: &Claimed,
        bytes_max: u64,
    ) -> Result<Option<Bytes>, Refusal> {
        if claimed.message.size > bytes_max {
            return Ok(None);
        }
        self.store
            .body(claimed.message.id)
            .await
            .map(Some)
            .map_err(refusal_of)
    }

    /// A stretch of the body of a delivery under a lease that still runs, from `offset` on; empty at
    /// the end.
    pub async fn download(
        &self,
        caller: &Identity,
        token: &LeaseToken,
        offset: u64,
    ) -> Result<Bytes, Refusal> {
        let organisation = organisation_of(caller)?;
        let message = self.leased_message(organisation, token).await?;
        let delivery = message
            .delivery(token.delivery.recipient)
            .ok_or_else(not_your_lease)?;
        if !matches!(delivery.state, State::Leased { .. }) || delivery.lease != Some(token.key) {
            return Err(Refusal::new(
                Reason::LeaseLost,
                format!(
                    "the lease is over; the delivery is now {}",
                    delivery.state.as_str()
                ),
                "collect again",
            ));
        }
        if offset > message.size {
            let what = format!("it is {offset} but the document has {} bytes", message.size);
            return Err(Refusal::field(
                "offset",
                what,
                "say how many bytes you already have",
            ));
        }
        self.store
            .piece(message.id, offset)
            .await
            .map_err(refusal_of)
    }

    /// How a mailbox of the caller's stands.
    pub async fn mailbox(&self, caller: &Identity, id: &MailboxId) -> Result<MailboxView, Refusal> {
        let organisation = organisation_of(caller)?;
        let view = self.view.load();
        if !is_own(&view.snapshot.directory, organisation, id) {
            return Err(not_your_mailbox(id));
        }
        let state = self.store.mailbox(id).await.map_err(refusal_of)?;
        let listed = view.snapshot.directory.mailbox(id);
        Ok(MailboxView {
            id: id.clone(),
            display: listed.map_or("reports only", |one| &one.display).to_owned(),
            open: listed.is_some_and(|one| one.open),
            state,
        })
    }
}

/// Whether a mailbox is this organisation's to look into: one of its own that the directory lists,
/// or one in which reports to it may wait.
fn is_own(directory: &Directory, organisation: OdsCode, id: &MailboxId) -> bool {
    let there = directory.mailbox(id).is_some() || report::may_wait_in(id);
    id.organisation == organisation && there
}

impl Collector {
    /// There may be something in any of its mailboxes: in case a hint was lost.
    pub fn look_everywhere(&self) {
        self.waiter.look_everywhere();
    }
}

/// Absent and somebody else's: the two answer the same.
fn not_your_mailbox(id: &MailboxId) -> Refusal {
    Refusal::new(
        Reason::MailboxNotYours,
        format!("{id} is not a mailbox of your organisation"),
        "collect with the certificate of the organisation the mailbox belongs to",
    )
    .about(id)
}
