//! The one error of the SDK: what happened, where, what to do about it, and whether trying again can
//! help. It is read from the details every Axle error carries on the wire, and holds no patient data
//! because those never do.

use std::{error::Error, fmt, time::Duration};

use axle_proto::v1::{CommandResult, Finding, SubmissionRefusal};
use tonic::{Code, Status};
use tonic_types::{FieldViolation, StatusExt};

use crate::tls::{self, ConnectError};

const DOMAIN: &str = "axle";

/// What kind of failure it is; it decides the exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The broker cannot be reached, or has failed.
    Unavailable,
    /// Nothing is wrong with the call; later it may succeed.
    TryAgain,
    /// The document, its header or the call was refused: it must be changed first.
    Refused,
    /// The profile or a certificate is not usable: the set-up must be changed first.
    Configuration,
}

impl Class {
    /// The exit code, as in sysexits.h: 65, 69, 75 or 78.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 65,
            Self::Unavailable => 69,
            Self::TryAgain => 75,
            Self::Configuration => 78,
        }
    }
}

/// Why a call failed.
#[derive(Clone)]
pub struct ClientError(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    class: Class,
    reason: String,
    what: String,
    remedy: String,
    subject: String,
    findings: Vec<Finding>,
    retryable: bool,
    retry_after: Option<Duration>,
    from_broker: bool,
}

impl ClientError {
    /// An error of this side: `reason` for programs, `what` happened and `remedy` for people.
    pub fn new(
        class: Class,
        reason: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self(Box::new(Details {
            class,
            reason: reason.into(),
            what: what.into(),
            remedy: remedy.into(),
            subject: String::new(),
            findings: Vec::new(),
            retryable: false,
            retry_after: None,
            from_broker: false,
        }))
    }

    /// An error of the profile or the files it names.
    pub(crate) fn configuration(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Class::Configuration, "CONFIGURATION_INVALID", what, remedy)
    }

    /// The transport failed before the broker could answer: worth another try.
    pub(crate) fn unreachable(what: impl Into<String>) -> Self {
        let mut error = Self::new(
            Class::Unavailable,
            "BROKER_UNREACHABLE",
            what,
            "check the broker's address in the profile, and that the broker runs and the network \
             lets you through",
        );
        error.0.retryable = true;
        error
    }

    /// The same error, about `subject`.
    #[must_use]
    pub(crate) fn about(mut self, subject: impl fmt::Display) -> Self {
        self.0.subject = subject.to_string();
        self
    }

    /// What a command of a stream, or one item of a batch, came to.
    pub(crate) fn of_result(result: CommandResult) -> Result<(), Self> {
        let code = Code::from(result.code);
        if code == Code::Ok {
            return Ok(());
        }
        let mut error = Self::new(
            class(code, &result.reason),
            result.reason,
            result.description,
            "",
        );
        error.0.retryable = code == Code::Unavailable;
        error.0.from_broker = true;
        Err(error)
    }

    /// Why a document on a stream of many is not accepted.
    pub(crate) fn of_refusal(refusal: SubmissionRefusal) -> Self {
        let code = Code::from(refusal.code);
        let delay = refusal.retry_delay;
        let retry_after = delay.map(|delay| Duration::try_from(delay).unwrap_or_default());
        Self(Box::new(Details {
            class: passing(class(code, &refusal.reason), retry_after),
            reason: refusal.reason,
            what: refusal.description,
            remedy: refusal.remedy,
            subject: refusal.subject,
            findings: refusal.findings,
            retryable: code == Code::Unavailable || retry_after.is_some(),
            retry_after,
            from_broker: true,
        }))
    }

    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// The reason for programs: `google.rpc.ErrorInfo.reason`, for example `RECIPIENT_UNKNOWN`.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What happened, in words.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// What to do about it, in words; may be empty.
    pub fn remedy(&self) -> &str {
        &self.0.remedy
    }

    /// What it is about: an ODS code, a mailbox, a message, a file; may be empty.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Everything found wrong with a header or a document.
    pub fn findings(&self) -> &[Finding] {
        &self.0.findings
    }

    /// Whether the same call may be made again as it is, under the same submission id.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long the broker asks to wait before that.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the broker said so itself, and not the transport or this side.
    pub fn is_from_broker(&self) -> bool {
        self.0.from_broker
    }
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let Some(info) = details.error_info().filter(|info| info.domain == DOMAIN) else {
            return without_details(&status);
        };
        let metadata = |key: &str| info.metadata.get(key).cloned().unwrap_or_default();
        let retry_after = details
            .retry_info()
            .map(|retry| retry.retry_delay.unwrap_or_default());
        let mut subject = metadata("subject");
        if subject.is_empty()
            && let Some(resource) = details.resource_info()
        {
            subject.clone_from(&resource.resource_name);
        }
        let violations = details
            .bad_request()
            .map(|bad| bad.field_violations.as_slice());
        // What a violation has no field for, one word for each: severity/issue/itk3_code.
        let codes = metadata("violation_codes");
        let codes = codes.split(' ').chain(std::iter::repeat(""));
        let violations = violations.unwrap_or_default().iter().zip(codes);
        let findings = violations
            .map(|(violation, codes)| finding(violation, codes))
            .collect();
        let code = status.code();
        Self(Box::new(Details {
            class: passing(class(code, &info.reason), retry_after),
            reason: info.reason.clone(),
            what: status.message().to_owned(),
            remedy: metadata("remedy"),
            subject,
            findings,
            retryable: code == Code::Unavailable || retry_after.is_some(),
            retry_after,
            from_broker: true,
        }))
    }
}

/// An error that did not come from an Axle broker: the transport's, a proxy's, or this library's.
fn without_details(status: &Status) -> ClientError {
    let source = Error::source(status);
    if let Some(error) = source.and_then(not_connected) {
        return error;
    }
    let code = status.code();
    // A connection that broke under a call is told in several codes, always with a local source.
    let broke =
        source.is_some() && matches!(code, Code::Unknown | Code::Internal | Code::Cancelled);
    if code == Code::Unavailable || broke {
        return ClientError::unreachable(format!(
            "the broker cannot be reached: {}",
            root_cause(status)
        ));
    }
    let (reason, remedy) = if code == Code::DeadlineExceeded {
        (
            "DEADLINE_EXCEEDED",
            "try again later; a submission repeated under the same submission id is never \
             delivered twice",
        )
    } else {
        (
            "UNKNOWN",
            "check that the address is an Axle broker's, of a version this client knows",
        )
    };
    let what = match status.message() {
        "" => format!("the call ended with {code:?}"),
        message => message.to_owned(),
    };
    ClientError::new(class(code, reason), reason, what, remedy)
}

/// The connection was refused or never made, in the words of [`tls`](crate::tls).
fn not_connected(source: &(dyn Error + 'static)) -> Option<ClientError> {
    let what = tls::explain(source)?;
    let mut cause = Some(source);
    let mut found = None;
    while let Some(error) = cause {
        found = found.or(error.downcast_ref::<ConnectError>());
        cause = error.source();
    }
    Some(match found {
        Some(
            ConnectError::Unreachable { .. }
            | ConnectError::Closed { .. }
            | ConnectError::Silent { .. }
            | ConnectError::Handshake { .. },
        ) => ClientError::unreachable(what),
        Some(ConnectError::Address(_)) => ClientError::configuration(
            what,
            "set broker to https://HOST:PORT in the profile, or pass --broker",
        ),
        Some(ConnectError::NotTrusted { .. }) => ClientError::new(
            Class::Configuration,
            "BROKER_NOT_TRUSTED",
            what,
            "set ca to the certificate of the broker's authority, and server_name to a name in the \
             broker's certificate",
        ),
        // A refusal; outside of a `ConnectError` it is the alert of a connection long open.
        Some(ConnectError::Refused(_)) | None => ClientError::new(
            Class::Configuration,
            "CERTIFICATE_REFUSED",
            what,
            "set certificate and key to a valid certificate of an authority the broker trusts",
        ),
    })
}

fn root_cause(status: &Status) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = Error::source(status);
    let mut deepest = status.message().to_owned();
    while let Some(error) = cause {
        deepest = error.to_string();
        cause = error.source();
    }
    deepest
}

/// A refusal that says when to come back is none.
fn passing(class: Class, retry_after: Option<Duration>) -> Class {
    if class == Class::Refused && retry_after.is_some() {
        Class::TryAgain
    } else {
        class
    }
}

fn class(code: Code, reason: &str) -> Class {
    match code {
        Code::Unavailable
        | Code::Internal
        | Code::Unknown
        | Code::DataLoss
        | Code::Unimplemented => Class::Unavailable,
        Code::DeadlineExceeded | Code::Aborted | Code::Cancelled => Class::TryAgain,
        Code::ResourceExhausted if reason != "DOCUMENT_TOO_LARGE" => Class::TryAgain,
        Code::Unauthenticated => Class::Configuration,
        Code::PermissionDenied if reason == "ROLE_REQUIRED" => Class::Configuration,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange => Class::Refused,
    }
}

/// A finding as it travels in `google.rpc.BadRequest`: the rule as the reason or before a colon, the
/// remedy after a dash; and its codes, which are empty where an older broker tells none.
fn finding(violation: &FieldViolation, codes: &str) -> Finding {
    let text = violation.description.as_str();
    let (rule, text) = match text.split_once(": ") {
        Some((rule, rest)) if is_rule(rule) => (rule, rest),
        Some(_) | None if is_rule(&violation.reason) => (violation.reason.as_str(), text),
        Some(_) | None => ("", text),
    };
    let (what, remedy) = text.split_once(" - ").unwrap_or((text, ""));
    let mut codes = codes.splitn(3, '/');
    let [severity, issue, code] = [(); 3].map(|()| codes.next().unwrap_or_default());
    Finding {
        rule: rule.to_owned(),
        severity: severity.to_owned(),
        path: violation.field.clone(),
        description: what.to_owned(),
        remedy: remedy.to_owned(),
        itk3_code: code.parse().unwrap_or_default(),
        issue: issue.to_owned(),
        ..Finding::default()
    }
}

fn is_rule(text: &str) -> bool {
    let digits = text.strip_prefix("V-");
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        if self.0.remedy.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.0.remedy)
        }
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for ClientError {}

#[cfg(test)]
mod tests;
