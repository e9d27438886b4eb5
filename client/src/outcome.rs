//! The OperationOutcome: what FHIR systems make of a refusal. The same resource is right in STU3 and
//! in R4. It holds what a finding holds, so no patient data.

use axle_model::answer::{ResponseCode, SYSTEM};
use axle_proto::v1::{Finding, ValidateDocumentResponse};
use serde::Serialize;

use crate::error::ClientError;

/// FHIR's OperationOutcome: serialised, it is the resource in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationOutcome {
    resource_type: &'static str,
    issue: Vec<Issue>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Issue {
    severity: &'static str,
    code: String,
    details: Details,
    #[serde(skip_serializing_if = "String::is_empty")]
    diagnostics: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    location: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expression: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Details {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coding: Vec<Coding>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Coding {
    system: &'static str,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'static str>,
}

impl From<&ValidateDocumentResponse> for OperationOutcome {
    fn from(answer: &ValidateDocumentResponse) -> Self {
        let mut issues: Vec<Issue> = answer.findings.iter().map(Issue::from).collect();
        if answer.acceptable {
            let text = format!(
                "acceptable: would travel as {} to {}",
                answer.workflow,
                answer.mailboxes.join(", ")
            );
            issues.push(Issue::plain("information", "informational", text));
        } else if issues.is_empty() {
            let text = format!("{}: {}", answer.reason, answer.description);
            issues.push(Issue::plain("error", "processing", text));
        }
        Self::of(issues)
    }
}

/// The refusal of a call. Of a document with a great many mistakes it names the first; what
/// [`Client::validate`](crate::Client::validate) answers names all.
impl From<&ClientError> for OperationOutcome {
    fn from(error: &ClientError) -> Self {
        let mut issues: Vec<Issue> = error.findings().iter().map(Issue::from).collect();
        if issues.is_empty() {
            let code = if error.is_retryable() {
                "transient"
            } else {
                "processing"
            };
            let mut issue = Issue::plain(
                "error",
                code,
                format!("{}: {}", error.reason(), error.what()),
            );
            error.remedy().clone_into(&mut issue.diagnostics);
            issues.push(issue);
        }
        Self::of(issues)
    }
}

impl OperationOutcome {
    const fn of(issue: Vec<Issue>) -> Self {
        Self {
            resource_type: "OperationOutcome",
            issue,
        }
    }
}

impl Issue {
    fn plain(severity: &'static str, code: &str, text: String) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            details: Details {
                coding: Vec::new(),
                text,
            },
            diagnostics: String::new(),
            location: Vec::new(),
            expression: Vec::new(),
        }
    }
}

impl From<&Finding> for Issue {
    fn from(finding: &Finding) -> Self {
        let severity = match finding.severity.as_str() {
            "fatal" => "fatal",
            "warning" => "warning",
            "info" => "information",
            _ => "error",
        };
        let code = match finding.issue.as_str() {
            "" => "processing",
            issue => issue,
        };
        let name = match finding.rule.as_str() {
            "" => &finding.path,
            rule => rule,
        };
        let text = format!("{name}: {}", finding.description);
        let mut issue = Self::plain(severity, code, text);
        finding.remedy.clone_into(&mut issue.diagnostics);
        if finding.itk3_code != 0 {
            let display = ResponseCode::new(finding.itk3_code);
            issue.details.coding.push(Coding {
                system: SYSTEM,
                code: finding.itk3_code.to_string(),
                display: display.and_then(|code| code.display()),
            });
        }
        if finding.line != 0 {
            let place = format!("line {}, column {}", finding.line, finding.column);
            issue.location.push(place);
        }
        // An expression is FHIRPath from the resource; what points elsewhere is a location.
        if finding.path.starts_with("Bundle") {
            issue.expression.push(fhir_path(&finding.path));
        } else if !finding.path.is_empty() {
            issue.location.push(finding.path.clone());
        }
        issue
    }
}

/// `extension(Name)` of our paths, as FHIRPath says it.
fn fhir_path(path: &str) -> String {
    let mut parts = path.split("extension(");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(')').unwrap_or((part, ""));
        out.push_str("extension.where(url.endsWith('");
        out.push_str(name);
        out.push_str("'))");
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests;
