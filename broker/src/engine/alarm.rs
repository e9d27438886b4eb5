//! Alarm: once a second the facts are gathered, the core says which alarms they call for, and those
//! who watch are told what was raised and what was cleared.

use std::{sync::Arc, time::Duration};

use axle_core::{
    alarm::{Alarms, Facts, InMailbox, Turn, alarms, turns},
    authorise::require_operator,
};
use axle_model::{identity::Identity, mailbox::MailboxId, refusal::Refusal};
use axle_store::{MailboxState, Store, StoreError};
use tokio::sync::watch as channel;

use super::{Engine, activity::LastHeard, close::Closing};
use crate::clock::Clock;

/// How late an alarm may be.
const TICK: Duration = Duration::from_secs(1);

impl<S: Store, C: Clock> Engine<S, C> {
    /// Looks around until it is dropped.
    pub async fn keep_watch(&self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut closing = Closing::default();
        loop {
            tick.tick().await;
            if let Err(error) = self.look_around(&mut closing).await {
                tracing::error!(%error, "the store could not be looked at for alarms; it is tried again");
            }
        }
    }

    /// Sets aside what has waited long enough in closed mailboxes, and brings the alarms up to date.
    pub async fn look_around(&self, closing: &mut Closing) -> Result<(), StoreError> {
        let mailboxes = self.store.mailboxes().await?;
        let waiting = self.close_mailboxes(closing, &mailboxes).await?;
        let now = self.clock.now();
        let LastHeard { senders, mailboxes } = self.last_heard();
        let dead = self.store.mailboxes().await?;
        let facts = Facts {
            senders,
            mailboxes,
            aged: self.store.aged(),
            closing: waiting,
            dead: dead.into_iter().filter_map(dead_letters).collect(),
            demographics: self
                .demographics_standing()
                .map_or_else(Vec::new, |one| one.troubles),
            register: self.register_facts(now),
        };
        self.sound(alarms(facts, now));
        Ok(())
    }

    /// Puts a set of alarms in force and logs what turned.
    fn sound(&self, after: Alarms) {
        let before = self.alarms();
        for turn in turns(&before, &after) {
            match turn {
                Turn::Raised(subject, alarm) => tracing::warn!(
                    alarm = subject.kind().as_str(),
                    %subject,
                    since = %alarm.since,
                    deliveries = alarm.deliveries,
                    "an alarm is raised: {}", subject.advice()
                ),
                Turn::Cleared(subject, _) => tracing::info!(
                    alarm = subject.kind().as_str(),
                    %subject,
                    "an alarm is cleared"
                ),
            }
        }
        self.alarms.send_if_modified(|standing| {
            let differs = standing.as_deref() != Some(&after);
            if differs {
                *standing = Some(Arc::new(after));
            }
            differs
        });
    }

    /// The alarms in force.
    pub fn alarms(&self) -> Arc<Alarms> {
        self.alarms.borrow().clone().unwrap_or_default()
    }

    /// The alarms in force, for an operator; changes as they do. Just after the start it waits until
    /// they were looked for: none is not yet all well.
    pub async fn watch_alarms(
        &self,
        caller: &Identity,
    ) -> Result<channel::Receiver<Option<Arc<Alarms>>>, Refusal> {
        require_operator(caller)?;
        let mut standing = self.alarms.subscribe();
        // It cannot end while the engine is here.
        let _ = standing.wait_for(Option::is_some).await;
        Ok(standing)
    }

    /// When those who must not fall silent were last heard of.
    pub fn last_heard(&self) -> LastHeard {
        let now = self.clock.now();
        self.activity
            .heard(&self.view.load().snapshot.directory, now)
    }
}

fn dead_letters((mailbox, state): (MailboxId, MailboxState)) -> Option<InMailbox> {
    Some(InMailbox {
        mailbox,
        count: state.dead_lettered,
        oldest: state.oldest_time?,
    })
}

#[cfg(test)]
mod tests;
