//! Refusals: a caller's mistake, told so that the caller can mend it. A refusal never holds patient
//! data: it names fields, paths, rules and organisations only.

use std::{borrow::Cow, fmt};

use crate::format::Position;

/// Why a call was refused. The list is closed; each door has one table from it to its wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A field of the header is missing or malformed.
    HeaderFieldInvalid,
    /// The document's bytes are not those the header's checksum names.
    ChecksumMismatch,
    /// The document's length is not the one the header states.
    SizeMismatch,
    /// The document breaks one or more validation rules; see the findings.
    DocumentInvalid,
    /// The media type is not one this workflow carries.
    MediaTypeNotAllowed,
    /// The request cannot be read as a message of its call.
    RequestMalformed,
    /// There is no such call.
    MethodUnknown,
    /// The call took too long.
    RequestTimedOut,
    /// A page or resume token is not one of ours, or no longer usable.
    PageTokenInvalid,
    /// The certificate names no organisation and no role.
    IdentityNotInCertificate,
    /// The caller may not send this document.
    SenderNotAuthorised,
    /// The mailbox belongs to another organisation, or to none.
    MailboxNotYours,
    /// The call needs a role the certificate does not carry.
    RoleRequired,
    /// No mailbox for that recipient and workflow.
    RecipientUnknown,
    /// The recipient's mailbox is closed.
    MailboxClosed,
    /// No recipient is named, and the routing table finds none.
    RecipientRequired,
    /// No such patient is known to the demographics service.
    PatientNotFound,
    /// The demographics service knows that NHS number with another date of birth or family name.
    PatientMismatch,
    /// The patient is not registered with a practice.
    PatientNotRegistered,
    /// The document or its patient is restricted: only a named recipient may get it.
    RestrictedNeedsRecipient,
    /// The demographics service does not answer.
    DemographicsUnavailable,
    /// The workflow is not in the routing table, or none could be found for the document.
    WorkflowUnknown,
    /// No such message, or not the caller's.
    MessageNotFound,
    /// The submission id was used before for something else.
    SubmissionConflict,
    /// The lease is over and the delivery has moved on.
    LeaseLost,
    /// The lease token is not one of ours.
    LeaseTokenInvalid,
    /// The delivery is in a state that does not allow this.
    DeliveryNotInState,
    /// A recipient has the document, so that its sender cannot take it back.
    AlreadyCollected,
    /// The state changed between reading and writing; try again.
    Conflict,
    /// No such upload, or not the caller's.
    UploadNotFound,
    /// A piece of an upload does not follow what is there.
    ChunkOutOfOrder,
    /// The document is larger than the limit.
    DocumentTooLarge,
    /// Too many streams or connections for this caller.
    TooManyStreams,
    /// The caller asks for this more often than it is given.
    RateLimited,
    /// The store has no room left.
    StorageLow,
    /// The broker is shutting down.
    Draining,
    /// The store does not answer, or has stopped for safety.
    StoreUnavailable,
    /// A stored body no longer has its checksum.
    StoredChecksumMismatch,
}

impl Reason {
    /// Whether the same call may succeed later without being changed.
    pub const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Draining
                | Self::StoreUnavailable
                | Self::DemographicsUnavailable
                | Self::StorageLow
                | Self::TooManyStreams
                | Self::Conflict
                | Self::RequestTimedOut
        )
    }

    /// The reason on the wire (`google.rpc.ErrorInfo.reason`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HeaderFieldInvalid => "HEADER_FIELD_INVALID",
            Self::ChecksumMismatch => "CHECKSUM_MISMATCH",
            Self::SizeMismatch => "SIZE_MISMATCH",
            Self::DocumentInvalid => "DOCUMENT_INVALID",
            Self::MediaTypeNotAllowed => "MEDIA_TYPE_NOT_ALLOWED",
            Self::RequestMalformed => "REQUEST_MALFORMED",
            Self::MethodUnknown => "METHOD_UNKNOWN",
            Self::RequestTimedOut => "REQUEST_TIMED_OUT",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::IdentityNotInCertificate => "IDENTITY_NOT_IN_CERTIFICATE",
            Self::SenderNotAuthorised => "SENDER_NOT_AUTHORISED",
            Self::MailboxNotYours => "MAILBOX_NOT_YOURS",
            Self::RoleRequired => "ROLE_REQUIRED",
            Self::RecipientUnknown => "RECIPIENT_UNKNOWN",
            Self::MailboxClosed => "MAILBOX_CLOSED",
            Self::RecipientRequired => "RECIPIENT_REQUIRED",
            Self::PatientNotFound => "PATIENT_NOT_FOUND",
            Self::PatientMismatch => "PATIENT_MISMATCH",
            Self::PatientNotRegistered => "PATIENT_NOT_REGISTERED",
            Self::RestrictedNeedsRecipient => "RESTRICTED_NEEDS_RECIPIENT",
            Self::DemographicsUnavailable => "DEMOGRAPHICS_UNAVAILABLE",
            Self::WorkflowUnknown => "WORKFLOW_UNKNOWN",
            Self::MessageNotFound => "MESSAGE_NOT_FOUND",
            Self::SubmissionConflict => "SUBMISSION_CONFLICT",
            Self::LeaseLost => "LEASE_LOST",
            Self::LeaseTokenInvalid => "LEASE_TOKEN_INVALID",
            Self::DeliveryNotInState => "DELIVERY_NOT_IN_STATE",
            Self::AlreadyCollected => "ALREADY_COLLECTED",
            Self::Conflict => "CONFLICT",
            Self::UploadNotFound => "UPLOAD_NOT_FOUND",
            Self::ChunkOutOfOrder => "CHUNK_OUT_OF_ORDER",
            Self::DocumentTooLarge => "DOCUMENT_TOO_LARGE",
            Self::TooManyStreams => "TOO_MANY_STREAMS",
            Self::RateLimited => "RATE_LIMITED",
            Self::StorageLow => "STORAGE_LOW",
            Self::Draining => "DRAINING",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::StoredChecksumMismatch => "STORED_CHECKSUM_MISMATCH",
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Stop: nothing after it can be checked.
    Fatal,
    /// The document is refused once everything has been checked.
    Error,
    /// The document is delivered; the finding is recorded.
    Warning,
    /// Nothing is wrong.
    Info,
}

impl Severity {
    /// The severity in a word, as in FHIR's IssueSeverity.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "information",
        }
    }
}

/// What kind of trouble a finding is: FHIR's IssueType, as far as it is needed. Each is in STU3 and in
/// R4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Issue {
    /// The content breaks its format or an invariant of it.
    Invalid,
    /// The structure cannot be read, or is not the one expected.
    Structure,
    /// Something that must be there is missing.
    Required,
    /// A value is not one that is allowed.
    Value,
    /// An invariant of the format does not hold.
    Invariant,
    /// It is dangerous, or may not be told to everybody.
    Security,
    /// The sender may not say this.
    Forbidden,
    /// This broker does not carry it.
    NotSupported,
    /// It was there before.
    Duplicate,
    /// What it refers to is not there.
    NotFound,
    /// It is too large.
    TooLong,
    /// A code is not one, or means something else.
    CodeInvalid,
    /// It takes too much to check.
    TooCostly,
    /// It breaks a rule of the trade.
    BusinessRule,
    /// Nothing is wrong with it.
    Informational,
}

impl Issue {
    /// The code of FHIR's IssueType.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::Invariant => "invariant",
            Self::Security => "security",
            Self::Forbidden => "forbidden",
            Self::NotSupported => "not-supported",
            Self::Duplicate => "duplicate",
            Self::NotFound => "not-found",
            Self::TooLong => "too-long",
            Self::CodeInvalid => "code-invalid",
            Self::TooCostly => "too-costly",
            Self::BusinessRule => "business-rule",
            Self::Informational => "informational",
        }
    }
}

/// One thing found wrong: with a field of the header (`rule` is `None`) or by a validation rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id, for example `V-105`.
    pub rule: Option<&'static str>,
    /// How much it weighs.
    pub severity: Severity,
    /// Where: a header field (`header.recipients[1]`) or a path in the document
    /// (`Bundle.entry[0].resource`). Never a value.
    pub path: String,
    /// What is wrong, in a sentence without patient data.
    pub what: String,
    /// What to do about it.
    pub remedy: Cow<'static, str>,
    /// The ITK3 response code that says the same, where there is one.
    pub itk3_code: Option<u32>,
    /// What kind of trouble it is.
    pub issue: Issue,
    /// Where it is in the bytes of the document, where the reading stopped or stumbled.
    pub position: Option<Position>,
}

impl Finding {
    /// A finding about a field of the header.
    pub fn field(
        path: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            rule: None,
            severity: Severity::Error,
            path: path.into(),
            what: what.into(),
            remedy: remedy.into(),
            itk3_code: None,
            issue: Issue::Invalid,
            position: None,
        }
    }

    /// What is wrong, with its place in the bytes where that is known.
    pub fn placed(&self) -> Cow<'_, str> {
        match self.position {
            Some(position) => format!("{} ({position})", self.what).into(),
            None => self.what.as_str().into(),
        }
    }
}

/// A refusal: what happened, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, for programs.
    pub reason: Reason,
    /// What happened, in a sentence for people.
    pub what: String,
    /// What to do about it.
    pub remedy: Cow<'static, str>,
    /// The resource it is about: an ODS code, a mailbox, a message. Empty when there is none.
    pub subject: String,
    /// Everything found wrong, the leading finding first.
    pub findings: Vec<Finding>,
}

impl Refusal {
    /// A refusal without findings.
    pub fn new(
        reason: Reason,
        what: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            reason,
            what: what.into(),
            remedy: remedy.into(),
            subject: String::new(),
            findings: Vec::new(),
        }
    }

    /// The same refusal, about `subject`.
    #[must_use]
    pub fn about(mut self, subject: impl fmt::Display) -> Self {
        self.subject = subject.to_string();
        self
    }

    /// The same refusal with what was found.
    #[must_use]
    pub fn with(mut self, findings: Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    /// A refusal of one header field.
    pub fn field(
        path: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        let finding = Finding::field(path, what, remedy);
        Self::new(
            Reason::HeaderFieldInvalid,
            format!("{}: {}", finding.path, finding.what),
            finding.remedy.clone(),
        )
        .with(vec![finding])
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refusal {}
