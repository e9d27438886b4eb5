//! Authorise: may this caller send in that organisation's name? The sender is the certificate's
//! organisation; a header or a document may only agree with it.

use std::sync::Arc;

use axle_model::{
    envelope::Submission,
    identity::Identity,
    ods::OdsCode,
    refusal::{Reason, Refusal},
};
use bytes::Bytes;

use crate::policy::Policy;

/// A submission whose sender is known. Only [`authorise`] makes one.
#[derive(Debug)]
pub struct Authorised {
    submission: Submission,
    sender: OdsCode,
    speaks_for: Arc<[OdsCode]>,
}

/// Accepts a submission as its caller's, or says why it cannot be.
pub fn authorise(
    policy: &Policy,
    caller: &Identity,
    submission: Submission,
) -> Result<Authorised, Refusal> {
    let sender = organisation_of(caller)?;
    let speaks_for = policy.delegations_of(sender);
    let authorised = Authorised {
        submission,
        sender,
        speaks_for,
    };
    if let Some(claimed) = authorised.submission.claimed_sender
        && !authorised.speaks_for(claimed)
    {
        return Err(Refusal::new(
            Reason::SenderNotAuthorised,
            format!(
                "the certificate belongs to {sender} but the header says the sender is {claimed}"
            ),
            "leave header.sender out, or have the operator delegate that organisation to yours",
        )
        .about(claimed));
    }
    Ok(authorised)
}

/// The organisation a caller acts for, or the refusal that it acts for none.
pub fn organisation_of(caller: &Identity) -> Result<OdsCode, Refusal> {
    let organisation = caller.organisation.filter(|&code| code != OdsCode::BROKER);
    organisation.ok_or_else(|| {
        Refusal::new(
            Reason::IdentityNotInCertificate,
            "the certificate names no organisation",
            "use a certificate whose subject alternative name has a URI urn:nhs:ods:CODE",
        )
    })
}

/// Lets an operator through, or says which role is missing.
pub fn require_operator(caller: &Identity) -> Result<(), Refusal> {
    if caller.operator {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::RoleRequired,
        "this call is for operators of the broker",
        "use a certificate whose subject alternative name has the URI urn:axle:role:operator",
    ))
}

impl Authorised {
    /// What was submitted.
    pub const fn submission(&self) -> &Submission {
        &self.submission
    }

    /// The same submission with the bytes that were uploaded for it.
    #[must_use]
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.submission.body = body;
        self
    }

    /// The same with another submission: a test's.
    #[cfg(test)]
    pub(crate) fn changed(mut self, change: impl FnOnce(&mut Submission)) -> Self {
        change(&mut self.submission);
        self
    }

    /// The organisation that sends it: the certificate's.
    pub const fn sender(&self) -> OdsCode {
        self.sender
    }

    /// Whether the sender is `organisation`, or has it delegated to it (a site of a trust, a hosted
    /// supplier).
    pub fn speaks_for(&self, organisation: OdsCode) -> bool {
        organisation == self.sender || self.speaks_for.contains(&organisation)
    }
}

#[cfg(test)]
mod tests;
