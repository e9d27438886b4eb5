//! What a reconciliation found, for people and for programs.

use axle_proto::v1::{
    OpenDelivery, ReconciliationFinding, ReconciliationOutcome, ReconciliationSummary,
};
use serde::Serialize;

use crate::{
    cli::{
        print::Printer,
        view::{self, rfc3339},
    },
    convert::{outcome_word, state_word},
    reconcile::Reconciliation,
};

/// No table for people is longer.
const ROWS_MAX: usize = 500;

/// Prints counts, then findings by what is to be done about them.
pub(super) fn print(printer: &mut Printer, answer: &Reconciliation) {
    if printer.is_json() {
        printer.json(&View::from(answer));
        return;
    }
    let summary = &answer.summary;
    printer.line(format!(
        "{} entries, held against what was accepted from {} to {}",
        summary.entry_count,
        view::clock(summary.from_time.as_ref()),
        view::clock(summary.to_time.as_ref()),
    ));
    for (count, what) in [
        (summary.delivered_count, "delivered"),
        (summary.never_submitted_count, "never submitted"),
        (summary.refused_count, "refused"),
        (summary.pending_count, "pending"),
        (summary.undelivered_count, "undelivered"),
        (
            summary.unknown_to_manifest_count,
            "delivered, but not in the list",
        ),
    ] {
        printer.line(format!("{count:>8} {what}"));
    }
    for (outcome, remedy) in REMEDIES {
        let of_it = answer.findings.iter();
        let of_it = of_it.filter(|finding| finding.outcome() == outcome);
        let mut rows: Vec<_> = of_it.flat_map(rows).collect();
        if rows.is_empty() {
            continue;
        }
        let heading = outcome_word(outcome).replace('_', " ");
        printer.line(format!("\n{}: {remedy}", heading.to_uppercase()));
        let more = rows.len().saturating_sub(ROWS_MAX);
        rows.truncate(ROWS_MAX);
        let headings = ["Entry", "Message", "Recipient", "State", "Since", "Reason"];
        printer.table(headings, rows);
        if more > 0 {
            printer.line(format!("and {more} more; --output json lists them all"));
        }
    }
}

/// What to do about each outcome, the gravest first.
const REMEDIES: [(ReconciliationOutcome, &str); 5] = [
    (
        ReconciliationOutcome::NeverSubmitted,
        "the broker knows nothing of these; send them",
    ),
    (
        ReconciliationOutcome::Refused,
        "these were refused; mend what the reason names (axle validate says more) and send them",
    ),
    (
        ReconciliationOutcome::Undelivered,
        "these will not arrive by themselves; see axle track, tell the recipient another way or send again",
    ),
    (
        ReconciliationOutcome::UnknownToManifest,
        "these were delivered in your name and are not in your list; find out who sent them",
    ),
    (
        ReconciliationOutcome::Pending,
        "these wait to be collected; ask again later, or ask the recipient",
    ),
];

/// A row for each delivery that is open, or one for the whole.
fn rows(finding: &ReconciliationFinding) -> Vec<[String; 6]> {
    let entry = match finding.submission_id.as_str() {
        "" => hexadecimal(&finding.sha256),
        id => id.to_owned(),
    };
    let message = match finding.message.as_str() {
        "" => view::dash(),
        name => name.to_owned(),
    };
    if finding.deliveries.is_empty() {
        let since = view::clock(finding.refuse_time.as_ref());
        let (none, reason) = (view::dash(), finding.reason.clone());
        return vec![[entry, message, none.clone(), none, since, reason]];
    }
    let of_delivery = |delivery: &OpenDelivery| {
        [
            entry.clone(),
            message.clone(),
            delivery.recipient.clone(),
            state_word(delivery.state()),
            view::clock(delivery.state_time.as_ref()),
            delivery.reason.clone(),
        ]
    };
    finding.deliveries.iter().map(of_delivery).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Serialize)]
struct View {
    summary: SummaryView,
    findings: Vec<FindingView>,
}

#[derive(Serialize)]
struct SummaryView {
    from_time: Option<String>,
    to_time: Option<String>,
    entry_count: u64,
    delivered_count: u64,
    never_submitted_count: u64,
    refused_count: u64,
    pending_count: u64,
    undelivered_count: u64,
    unknown_to_manifest_count: u64,
}

#[derive(Serialize)]
struct FindingView {
    outcome: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    submission_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    sha256: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refuse_time: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deliveries: Vec<OpenView>,
}

#[derive(Serialize)]
struct OpenView {
    name: String,
    recipient: String,
    state: String,
    state_time: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

impl From<&Reconciliation> for View {
    fn from(answer: &Reconciliation) -> Self {
        Self {
            summary: SummaryView::from(&answer.summary),
            findings: answer.findings.iter().map(FindingView::from).collect(),
        }
    }
}

impl From<&ReconciliationSummary> for SummaryView {
    fn from(summary: &ReconciliationSummary) -> Self {
        Self {
            from_time: rfc3339(summary.from_time.as_ref()),
            to_time: rfc3339(summary.to_time.as_ref()),
            entry_count: summary.entry_count,
            delivered_count: summary.delivered_count,
            never_submitted_count: summary.never_submitted_count,
            refused_count: summary.refused_count,
            pending_count: summary.pending_count,
            undelivered_count: summary.undelivered_count,
            unknown_to_manifest_count: summary.unknown_to_manifest_count,
        }
    }
}

impl From<&ReconciliationFinding> for FindingView {
    fn from(finding: &ReconciliationFinding) -> Self {
        Self {
            outcome: outcome_word(finding.outcome()),
            submission_id: finding.submission_id.clone(),
            sha256: hexadecimal(&finding.sha256),
            message: finding.message.clone(),
            reason: finding.reason.clone(),
            refuse_time: rfc3339(finding.refuse_time.as_ref()),
            deliveries: finding.deliveries.iter().map(OpenView::from).collect(),
        }
    }
}

impl From<&OpenDelivery> for OpenView {
    fn from(delivery: &OpenDelivery) -> Self {
        Self {
            name: delivery.name.clone(),
            recipient: delivery.recipient.clone(),
            state: state_word(delivery.state()),
            state_time: rfc3339(delivery.state_time.as_ref()),
            reason: delivery.reason.clone(),
        }
    }
}
