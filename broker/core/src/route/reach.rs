//! Reach: from an organisation to the mailbox that takes a document for it: by who stands for it, as
//! the register says, then by the directory of mailboxes, then by the class's fallback. What only a
//! person can tell is parked, never guessed.

use axle_model::{
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
    refusal::Refusal,
    time::Timestamp,
};

use super::{
    refuse,
    trace::{Stage, Trace as Told},
};
use crate::{
    delivery::Redirect,
    event::DeadLetterCause,
    organisations::{Hop, Unresolved, trace::Trace},
    snapshot::Snapshot,
    table::Class,
};

/// Where what is for an organisation goes.
#[derive(Debug)]
pub(super) struct Reached {
    /// The organisation that gets it; the one asked for when it is parked.
    pub(super) organisation: OdsCode,
    pub(super) mailbox: MailboxId,
    pub(super) redirects: Vec<Redirect>,
    /// Why it is parked, when it is.
    pub(super) parked: Option<DeadLetterCause>,
}

/// What decides where something goes, besides for whom it is.
#[derive(Clone, Copy)]
pub(super) struct Reach<'r> {
    pub(super) snapshot: &'r Snapshot,
    pub(super) workflow: &'r WorkflowId,
    /// The class whose fallback counts.
    pub(super) class: Option<&'r Class>,
    /// Whether it goes to this organisation, or whoever stands for it, and to nobody else.
    pub(super) strictly: bool,
    pub(super) now: Timestamp,
}

impl Reach<'_> {
    /// The mailbox for `recipient`, or why there is none.
    pub(super) fn find(
        self,
        recipient: OdsCode,
        trace: &mut impl Told,
    ) -> Result<Reached, Refusal> {
        let Trace {
            hops,
            reached: organisation,
            obstacle,
        } = self.snapshot.organisations.trace(recipient, self.now);
        let redirects: Vec<Redirect> = hops.into_iter().map(Redirect::from).collect();
        for redirect in &redirects {
            trace.note(Stage::Resolve, None, || redirect.sentence());
        }
        if let Some(obstacle) = obstacle {
            trace.note(Stage::Resolve, None, || {
                format!("{organisation} {obstacle}")
            });
            let cause = match obstacle.as_unresolved() {
                Unresolved::Unknown => {
                    return Err(refuse::unknown_organisation(organisation).about(recipient));
                }
                Unresolved::Closed => {
                    let refusal = refuse::closed_organisation(organisation).about(recipient);
                    return self.fall_back(recipient, organisation, redirects, refusal, trace);
                }
                Unresolved::Ambiguous => DeadLetterCause::ParkedSuccessorAmbiguous,
                Unresolved::Stale => DeadLetterCause::ParkedRegisterStale,
            };
            return Ok(parked(recipient, cause, trace));
        }
        match self.snapshot.directory.resolve(organisation, self.workflow) {
            Ok(mailbox) => {
                trace.note(Stage::Resolve, None, || {
                    format!("{} takes {} for {organisation}", mailbox.id, self.workflow)
                });
                Ok(Reached {
                    organisation,
                    mailbox: mailbox.id.clone(),
                    redirects,
                    parked: None,
                })
            }
            Err(why) => {
                let refusal = refuse::no_mailbox(why, organisation, self.workflow).about(recipient);
                self.fall_back(recipient, organisation, redirects, refusal, trace)
            }
        }
    }

    /// The first of the class's fallback that has a mailbox; without one, the refusal.
    fn fall_back(
        self,
        recipient: OdsCode,
        from: OdsCode,
        mut redirects: Vec<Redirect>,
        refusal: Refusal,
        trace: &mut impl Told,
    ) -> Result<Reached, Refusal> {
        trace.note(Stage::Resolve, None, || refusal.what.clone());
        let Some(class) = self.class.filter(|class| !class.fallback.is_empty()) else {
            return Err(refusal);
        };
        if self.strictly {
            trace.note(Stage::Resolve, Some(class.line), || {
                "the fallback of its class does not count here".to_owned()
            });
            return Err(refusal);
        }
        for &organisation in &class.fallback {
            let found = self.snapshot.directory.resolve(organisation, self.workflow);
            let Ok(mailbox) = found else {
                trace.note(Stage::Resolve, Some(class.line), || {
                    format!("the fallback {organisation} has no mailbox for it either")
                });
                continue;
            };
            trace.note(Stage::Resolve, Some(class.line), || {
                format!(
                    "the fallback of {recipient} is {organisation}, {}",
                    mailbox.id
                )
            });
            redirects.push(Redirect {
                from,
                to: organisation,
                why: format!("is the fallback of class {}", class.id).into(),
            });
            return Ok(Reached {
                organisation,
                mailbox: mailbox.id.clone(),
                redirects,
                parked: None,
            });
        }
        Err(refusal)
    }
}

/// What is for `recipient` is set aside for an operator.
pub(super) fn parked(recipient: OdsCode, cause: DeadLetterCause, trace: &mut impl Told) -> Reached {
    trace.note(Stage::Resolve, None, || {
        format!("what is for {recipient} is parked: {}", cause.as_str())
    });
    Reached {
        organisation: recipient,
        mailbox: cause.mailbox(),
        redirects: Vec::new(),
        parked: Some(cause),
    }
}

impl From<Hop> for Redirect {
    fn from(hop: Hop) -> Self {
        let why = hop.by.to_string().into();
        Self {
            from: hop.from,
            to: hop.to,
            why,
        }
    }
}

impl Redirect {
    fn sentence(&self) -> String {
        let Self { from, to, why } = self;
        format!("{to} stands for {from}: it {why}")
    }
}
