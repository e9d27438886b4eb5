//! Errors, said the way a good compiler says them: what happened, where, what to do.

use axle_proto::v1::Finding;
use serde::Serialize;

use super::{print::Printer, view::FindingView};
use crate::error::ClientError;

/// An error as programs read it from standard error.
#[derive(Debug, Serialize)]
pub(super) struct ErrorView {
    reason: String,
    description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject: String,
    findings: Vec<FindingView>,
    retryable: bool,
    exit_code: u8,
}

impl From<&ClientError> for ErrorView {
    fn from(error: &ClientError) -> Self {
        Self {
            reason: error.reason().to_owned(),
            description: error.what().to_owned(),
            remedy: error.remedy().to_owned(),
            subject: error.subject().to_owned(),
            findings: error.findings().iter().map(FindingView::from).collect(),
            retryable: error.is_retryable(),
            exit_code: error.class().exit_code(),
        }
    }
}

/// Prints an error to standard error.
pub(super) fn error(printer: &mut Printer, error: &ClientError) {
    if printer.is_json() {
        #[derive(Serialize)]
        struct Line {
            error: ErrorView,
        }
        printer.json_error(&Line {
            error: error.into(),
        });
        return;
    }
    for line in lines(error, None) {
        printer.remark(line);
    }
}

/// An error in lines. `file` is the document it is about.
pub(super) fn lines(error: &ClientError, file: Option<&str>) -> Vec<String> {
    let mut lines = vec![format!("error[{}]: {}", error.reason(), error.what())];
    if let Some(file) = file {
        lines.push(format!("  --> {file}"));
    }
    if !error.subject().is_empty() {
        lines.push(format!("  about: {}", error.subject()));
    }
    lines.extend(error.findings().iter().flat_map(finding));
    let repeated = (error.findings().iter()).any(|finding| finding.remedy == error.remedy());
    if !error.remedy().is_empty() && !repeated {
        lines.push(format!("  = do: {}", error.remedy()));
    }
    lines
}

/// A finding in lines: rule, severity and place; what; what to do.
pub(super) fn finding(finding: &Finding) -> Vec<String> {
    let rule = match finding.rule.as_str() {
        "" => "header".to_owned(),
        rule => rule.to_owned(),
    };
    let place = match finding.path.as_str() {
        "" => String::new(),
        path => format!(" at {path}"),
    };
    let severity = match finding.severity.as_str() {
        "" => String::new(),
        severity => format!(" {severity}"),
    };
    let mut lines = vec![
        format!("  {rule}{severity}{place}"),
        format!("    {}", finding.description),
    ];
    if !finding.remedy.is_empty() {
        lines.push(format!("    = do: {}", finding.remedy));
    }
    lines
}
