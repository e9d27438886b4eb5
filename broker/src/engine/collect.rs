//! Collect: documents are leased to the organisation whose mailbox they wait in, and their bodies
//! read for it.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axle_core::{
    authorise::organisation_of, delivery::State, directory::Directory, lease::LeaseToken, report,
};
use axle_model::{
    identity::Identity,
    mailbox::MailboxId,
    ods::OdsCode,
    refusal::{Reason, Refusal},
};
use axle_store::{Claim, Claimed, MailboxState, Store};
use bytes::Bytes;
use futures::future::select_all;

use super::{Engine, refuse::refusal_of, settle::not_your_lease};
use crate::clock::Clock;

/// A collector, as it introduced itself, with the mailboxes it was allowed.
#[derive(Debug)]
pub struct Collector {
    organisation: OdsCode,
    mailboxes: Vec<MailboxId>,
    consumer: Box<str>,
    lease: Duration,
    /// Whose turn it is: under load the room is used up before every mailbox has been looked at, and
    /// a fixed order would starve the last.
    turn: AtomicUsize,
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
            mailboxes,
            consumer,
            lease,
            turn: AtomicUsize::new(0),
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
        let _waiting = self.activity.waiting(&collector.mailboxes);
        loop {
            // Taken before the claim, so that what arrives in between is not slept over.
            let arrivals: Vec<_> = collector
                .mailboxes
                .iter()
                .map(|mailbox| Box::pin(self.store.arrival(mailbox)))
                .collect();
            if *draining.borrow_and_update() {
                return Ok(Vec::new());
            }
            let claimed = self.take(collector, room).await?;
            if !claimed.is_empty() {
                return Ok(claimed);
            }
            tokio::select! {
                _ = select_all(arrivals) => {}
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
        for mailbox in collector.in_turn() {
            if room.deliveries == 0 || (room.bytes == 0 && !taken.is_empty()) {
                break;
            }
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
            let claimed = self.store.claim(claim).await.map_err(refusal_of)?;
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
        for mailbox in &collector.mailboxes {
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
    /// Its mailboxes, each time another one first.
    fn in_turn(&self) -> impl Iterator<Item = &MailboxId> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len().max(1);
        let (before, after) = self.mailboxes.split_at(first);
        after.iter().chain(before)
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

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn each_mailbox_has_its_turn_to_be_first() {
        let names = [
            "mailboxes/K81003",
            "mailboxes/K81003/A",
            "mailboxes/K81003/B",
        ];
        let collector = Collector {
            organisation: OdsCode::parse("K81003").expect("a code"),
            mailboxes: names
                .map(|name| MailboxId::parse(name).expect("a name"))
                .to_vec(),
            consumer: "test".into(),
            lease: Duration::from_secs(60),
            turn: AtomicUsize::new(0),
        };
        let firsts = (0..4).filter_map(|_| collector.in_turn().next().map(ToString::to_string));
        assert_eq!(
            firsts.collect::<Vec<_>>(),
            [names[0], names[1], names[2], names[0]]
        );
        assert_eq!(collector.in_turn().count(), names.len());
    }
}
