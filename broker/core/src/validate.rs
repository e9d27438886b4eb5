//! Validate: does the document keep the rules that a delivery rests on? One file for each level of
//! rules: `validate/bytes.rs` (L0), `validate/envelope.rs` (L1) with its parts; structure (L2), coded
//! facts (L3) and profiles (L4) get files of their own beside them, each called from [`validate`]
//! after the level below it, with its rules added to `validate/table.rs`. Every rule looks at facts,
//! never at bytes or syntax, and none changes the document.

mod attachments;
mod bytes;
mod carried;
mod case;
mod codes;
mod composition;
mod content;
mod envelope;
mod handling;
mod known;
mod organisations;
mod patient;
mod profile;
mod review;
mod strictness;
mod structure;
mod table;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, time::Duration};

use axle_model::{
    digest::Digest,
    envelope::Submission,
    facts::Facts,
    format::{self, Limits},
    ods::OdsCode,
    refusal::{Finding, Reason, Refusal},
    time::Timestamp,
};

pub use self::strictness::{NotARule, Overrides, RuleSet, Setting, Strictness};
use self::{case::Case, profile::Profile, review::Review, structure::Spaces};
use crate::{
    authorise::Authorised,
    snapshot::Snapshot,
    table::{Class, Subject},
};

/// How strictly documents are checked.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The largest body, in bytes (V-001).
    pub body_bytes_max: usize,
    /// The limits of a body's shape (V-005, V-008).
    pub limits: Limits,
    /// The codes of the events that are carried (V-108); all are when it is empty.
    pub events: BTreeSet<String>,
    /// How far ahead of this clock a document may be dated (V-107).
    pub clock_skew_max: Duration,
    /// How long ago a document may be dated (V-107).
    pub age_max: Duration,
    /// The types of attachments that are approved (V-212).
    pub attachment_types: BTreeSet<String>,
    /// The largest attachment, in bytes once decoded (V-211).
    pub attachment_bytes_max: usize,
    /// The ODS codes that are taken as known, whatever the register says (V-309).
    pub assume_known: BTreeSet<OdsCode>,
    /// The message definitions that are carried, each a URL (V-113); all are when it is empty.
    pub message_definitions: BTreeSet<String>,
    strictness: Strictness,
}

/// The types of attachments that GP Connect Send Document approves.
const ATTACHMENT_TYPES: [&str; 13] = [
    "application/msword",
    "application/pdf",
    "application/rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/xml",
    "image/jpeg",
    "image/jpg",
    "image/png",
    "image/tiff",
    "text/html",
    "text/plain",
    "text/rtf",
    "text/xml",
];

impl Default for Rules {
    fn default() -> Self {
        Self {
            body_bytes_max: 20 * 1024 * 1024,
            limits: Limits::default(),
            events: BTreeSet::new(),
            clock_skew_max: Duration::from_secs(5 * 60),
            age_max: Duration::from_secs(365 * 24 * 60 * 60),
            attachment_types: ATTACHMENT_TYPES.map(str::to_owned).into(),
            attachment_bytes_max: 20 * 1024 * 1024,
            assume_known: BTreeSet::new(),
            message_definitions: BTreeSet::new(),
            strictness: Strictness::default(),
        }
    }
}

impl Rules {
    /// The same rules with another severity for the rule `id`, for example `V-107`.
    ///
    /// # Errors
    /// An id that names no rule, or a rule that is always fatal because nothing could be checked
    /// after it.
    pub fn with(mut self, id: &str, setting: Setting) -> Result<Self, NotARule> {
        let mut overrides = Overrides::default();
        overrides.set(id, setting)?;
        self.strictness.overlay(&overrides);
        Ok(self)
    }

    /// The same rules for documents about nobody: an NHS number that fails its check digit (V-301) is
    /// warned of, unless it is set otherwise. National examples have such numbers on purpose.
    #[must_use]
    pub fn for_synthetic_data(mut self) -> Self {
        self.strictness.soften("V-301");
        self
    }

    /// The ids of all rules, in their order.
    pub fn ids() -> impl Iterator<Item = &'static str> {
        table::ids()
    }
}

/// A submission whose document keeps the rules. Only [`validate`] makes one.
#[derive(Debug)]
pub struct Checked<'s> {
    authorised: &'s Authorised,
    facts: Option<Facts<'s>>,
    warnings: Vec<Finding>,
}

/// Checks the document of a submission. An opaque payload is only weighed; whether it may be carried
/// is for routing to say.
///
/// # Errors
/// Every rule the document breaks, the leading one first: the lowest level, then the order of the
/// rules.
pub fn validate<'s>(
    snapshot: &Snapshot,
    authorised: &'s Authorised,
    now: Timestamp,
) -> Result<Checked<'s>, Refusal> {
    let rules = &snapshot.rules;
    let submission = authorised.submission();
    let mut review = Review::new(rules);
    if let Err(reason) = bytes::weigh(&mut review, submission.body.len()) {
        return Err(review.refusal(reason));
    }
    let mut facts = None;
    if submission.media_type.is_read() {
        match format::read(&submission.media_type, &submission.body, &rules.limits) {
            Ok(read) => facts = Some(read),
            Err(malformed) => review.stopped(malformed),
        }
    }
    if let Some(facts) = &facts {
        look(&mut review, snapshot, authorised, facts, now);
    }
    if review.refuses() {
        return Err(review.refusal(Reason::DocumentInvalid));
    }
    Ok(Checked {
        authorised,
        facts,
        warnings: review.into_findings(),
    })
}

/// Looks at a document that could be read, level by level; the last two only if its envelope holds.
fn look(
    review: &mut Review<'_>,
    snapshot: &Snapshot,
    authorised: &Authorised,
    facts: &Facts<'_>,
    now: Timestamp,
) {
    let subject = Subject::new(snapshot, authorised, Some(facts), now);
    let class = snapshot.table.classify(&subject);
    if let Some(strictness) = strictness(snapshot, authorised, class) {
        review.under(strictness);
    }
    bytes::flaws(review, facts);
    if facts.syntax.is_fhir() {
        envelope::check(review, facts, authorised, now);
    } else {
        carried::check(review, facts, authorised);
    }
    if review.is_stopped() {
        return;
    }
    let case = Case {
        snapshot,
        authorised,
        facts,
        spaces: Spaces::of(facts),
        class,
        exchange: envelope::exchange_of(facts),
        now,
    };
    let profile = Profile::of(facts, case.exchange);
    patient::check(review, &case);
    if facts.syntax.is_fhir() {
        structure::check(review, facts, &case.spaces, case.exchange);
        codes::check(review, &case, profile);
        organisations::check(review, &case);
        profile::check(review, &case, profile);
    } else {
        carried::coded(review, &case);
    }
}

/// What the rules weigh for this document; `None` when it is what they weigh for all.
fn strictness(
    snapshot: &Snapshot,
    authorised: &Authorised,
    class: Option<&Class>,
) -> Option<Strictness> {
    let (table, submission) = (&snapshot.table, authorised.submission());
    let required = class.map(|class| class.required_rules).unwrap_or_default();
    if table.severities().is_empty() && required == RuleSet::default() {
        return None;
    }
    let workflow = submission.workflow.as_ref();
    let workflow = workflow.or(class.map(|class| &class.workflow));
    let workflow = workflow.or(table.fallback());
    let mut strictness = snapshot.rules.strictness.clone();
    let severities = table.severities();
    severities.overlay(&mut strictness, workflow, authorised.sender());
    strictness.require(required);
    Some(strictness)
}

/// Checks an uploaded document of a kind that is not read: it is only weighed, at `size` bytes.
pub fn unread(
    authorised: &Authorised,
    size: u64,
    document_bytes_max: u64,
) -> Result<Checked<'_>, Refusal> {
    let refuse =
        |reason, what: String, remedy: &'static str| Err(Refusal::new(reason, what, remedy));
    if size == 0 {
        let what = "the document is empty".to_owned();
        return refuse(Reason::DocumentInvalid, what, "send a document");
    }
    if size > document_bytes_max {
        let what = format!("the document has {size} bytes; this broker takes {document_bytes_max}");
        return refuse(Reason::DocumentTooLarge, what, "send it in parts");
    }
    Ok(Checked {
        authorised,
        facts: None,
        warnings: Vec::new(),
    })
}

impl<'s> Checked<'s> {
    /// The submission with its sender.
    pub const fn authorised(&self) -> &'s Authorised {
        self.authorised
    }

    /// What was submitted.
    pub const fn submission(&self) -> &'s Submission {
        self.authorised.submission()
    }

    /// The organisation that sends it.
    pub const fn sender(&self) -> OdsCode {
        self.authorised.sender()
    }

    /// What is known of the document; `None` for an opaque payload.
    pub const fn facts(&self) -> Option<&Facts<'s>> {
        self.facts.as_ref()
    }

    /// What was found but is no reason to refuse, in the order of the rules.
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// What tells the document from every other of this sender (V-118): its own identifier, else its
    /// ids, else its bytes. `None` for an opaque payload, which is known by its submission id only.
    pub fn document_identity(&self) -> Option<Digest> {
        let facts = self.facts.as_ref()?;
        Some(facts.identity().unwrap_or(self.submission().digest))
    }
}
