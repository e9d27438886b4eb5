//! Organisations: the register in force, replaced whole by a newer edition; how it stands; and what an
//! operator asks of it. Which files it comes from is the application's business.

use std::sync::Arc;

use axle_core::{
    alarm::RegisterFacts,
    authorise::require_operator,
    organisations::{register::Register, trace::Trace},
    snapshot::Snapshot,
};
use axle_model::{
    identity::Identity, mailbox::MailboxId, ods::OdsCode, refusal::Refusal, time::Timestamp,
};
use axle_store::Store;

use super::Engine;
use crate::{clock::Clock, view::View};

/// What a document for an organisation would come to at one moment.
#[derive(Debug)]
pub struct Reached {
    /// By which view.
    pub view: Arc<View>,
    /// The way to whoever stands for it.
    pub trace: Trace,
    /// The mailboxes there; none when nobody receives.
    pub mailboxes: Vec<MailboxId>,
    /// The moment.
    pub now: Timestamp,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Puts another edition of the register in force, for requests that come after.
    pub fn replace_register(&self, register: &Arc<Register>) {
        self.view.rcu(|view| {
            let organisations = &view.snapshot.organisations;
            View {
                snapshot: Snapshot {
                    organisations: organisations.with_register(Arc::clone(register)),
                    ..view.snapshot.clone()
                },
                limits: view.limits,
            }
        });
    }

    /// Notes whether the newest files of the register could be used.
    pub fn judge_register(&self, usable: bool) {
        let now = self.clock.now();
        self.register_refused.send_modify(|since| {
            *since = (!usable).then(|| since.unwrap_or(now));
        });
    }

    /// Since when the newest files of the register cannot be used; `None` when they can.
    pub fn register_refused(&self) -> Option<Timestamp> {
        *self.register_refused.borrow()
    }

    /// How the register stands, for the alarms.
    pub(super) fn register_facts(&self, now: Timestamp) -> RegisterFacts {
        let view = self.view.load();
        let organisations = &view.snapshot.organisations;
        let register = organisations.register();
        RegisterFacts {
            in_force: register.map(|register| (organisations.age(now), register.taken())),
            refused: self.register_refused(),
        }
    }

    /// Whom a document for an organisation would reach now, for an operator.
    pub fn reach(&self, caller: &Identity, organisation: OdsCode) -> Result<Reached, Refusal> {
        require_operator(caller)?;
        let (view, now) = (self.view(), self.clock.now());
        let trace = view.snapshot.organisations.trace(organisation, now);
        let mailboxes = match trace.obstacle {
            None => {
                let all = view.snapshot.directory.of_organisation(trace.reached);
                all.map(|mailbox| mailbox.id.clone()).collect()
            }
            Some(_) => Vec::new(),
        };
        Ok(Reached {
            view,
            trace,
            mailboxes,
            now,
        })
    }
}
