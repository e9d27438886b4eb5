//! Status: the one table from refusals to gRPC statuses with rich details (google.rpc.Status).

use std::{collections::HashMap, time::Duration};

use axle_model::refusal::{Finding, Reason, Refusal, Severity};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// Details travel in HTTP/2 trailers, which peers limit: this many findings fit.
const FINDINGS_MAX: usize = 20;
/// And this much of each of their texts, in characters.
const TEXT_CHARS_MAX: usize = 200;
/// How long that is.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The status a refusal travels as.
pub(super) fn status_of(refusal: Refusal) -> Status {
    let mut metadata = HashMap::from([("remedy".to_owned(), refusal.remedy.clone().into_owned())]);
    if !refusal.subject.is_empty() {
        metadata.insert("subject".to_owned(), refusal.subject.clone());
    }
    let leading = refusal
        .findings
        .iter()
        .find_map(|finding| finding.itk3_code);
    if let Some(code) = leading {
        metadata.insert("itk3_code".to_owned(), code.to_string());
    }
    // What is only warned of is not why it was refused.
    let grave = refusal
        .findings
        .iter()
        .filter(|finding| finding.severity < Severity::Warning);
    let told = grave.take(FINDINGS_MAX);
    let codes: Vec<_> = told.clone().map(codes).collect();
    let violations: Vec<_> = told.map(violation).collect();
    if !codes.is_empty() {
        metadata.insert("violation_codes".to_owned(), codes.join(" "));
    }
    let mut details = ErrorDetails::with_error_info(refusal.reason.as_str(), "axle", metadata);
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    if !refusal.subject.is_empty() {
        details.set_resource_info("", refusal.subject, "", "");
    }
    if let Some(delay) = retry_after(refusal.reason) {
        details.set_retry_info(Some(delay));
    }
    let code = code_of(refusal.reason);
    Status::with_error_details(code, refusal.what, details)
}

/// When a caller who can be helped by waiting should try again.
pub(super) fn retry_after(reason: Reason) -> Option<Duration> {
    let passing = [Reason::StorageLow, Reason::RateLimited].contains(&reason);
    (passing || code_of(reason) == Code::Unavailable).then_some(RETRY_AFTER)
}

/// The gRPC code of a reason. A client retries `UNAVAILABLE` blindly and nothing else.
pub(super) const fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::HeaderFieldInvalid
        | Reason::ChecksumMismatch
        | Reason::SizeMismatch
        | Reason::DocumentInvalid
        | Reason::MediaTypeNotAllowed
        | Reason::PageTokenInvalid
        | Reason::RequestMalformed
        | Reason::WorkflowUnknown
        | Reason::RecipientRequired
        | Reason::ChunkOutOfOrder
        | Reason::LeaseTokenInvalid => Code::InvalidArgument,
        Reason::IdentityNotInCertificate => Code::Unauthenticated,
        Reason::SenderNotAuthorised | Reason::MailboxNotYours | Reason::RoleRequired => {
            Code::PermissionDenied
        }
        Reason::RecipientUnknown
        | Reason::PatientNotFound
        | Reason::MessageNotFound
        | Reason::UploadNotFound => Code::NotFound,
        Reason::SubmissionConflict => Code::AlreadyExists,
        Reason::MailboxClosed
        | Reason::PatientMismatch
        | Reason::PatientNotRegistered
        | Reason::RestrictedNeedsRecipient
        | Reason::LeaseLost
        | Reason::DeliveryNotInState
        | Reason::AlreadyCollected => Code::FailedPrecondition,
        Reason::Conflict => Code::Aborted,
        Reason::MethodUnknown => Code::Unimplemented,
        Reason::RequestTimedOut => Code::DeadlineExceeded,
        Reason::DocumentTooLarge
        | Reason::TooManyStreams
        | Reason::RateLimited
        | Reason::StorageLow => Code::ResourceExhausted,
        Reason::Draining | Reason::StoreUnavailable | Reason::DemographicsUnavailable => {
            Code::Unavailable
        }
        Reason::StoredChecksumMismatch => Code::DataLoss,
    }
}

/// What a violation has no field for: `severity/issue/itk3_code`, with 0 where there is no code.
fn codes(finding: &Finding) -> String {
    let code = finding.itk3_code.unwrap_or_default();
    format!(
        "{}/{}/{code}",
        finding.severity.as_str(),
        finding.issue.as_str()
    )
}

fn violation(finding: &Finding) -> FieldViolation {
    let description = format!("{} - {}", finding.placed(), finding.remedy);
    let reason = finding.rule.unwrap_or(Reason::HeaderFieldInvalid.as_str());
    let mut violation = FieldViolation::new(short(&finding.path), short(&description));
    violation.reason = reason.to_owned();
    violation
}

fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
