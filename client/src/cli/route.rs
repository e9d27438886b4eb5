//! `axle route explain`: how a document would find its recipients, and which line of the routing table
//! decides each step. The broker's own function tells it; nothing is decided here.

use std::path::PathBuf;

use axle_proto::v1::{ExplainRouteResponse, PlannedDelivery, Redirect, RouteStep};
use serde::Serialize;

use super::{Outcome, print::Printer, report, send::HeaderArguments, view::FindingView};
use crate::{
    connection::Client,
    error::Class,
    send::{media_type, read_document},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show how a document would find its recipients, step by step; nothing is sent on
    Explain(ExplainArguments),
}

#[derive(Debug, clap::Args)]
pub(super) struct ExplainArguments {
    /// The document
    file: PathBuf,
    #[command(flatten)]
    header: HeaderArguments,
}

/// Runs one of them.
pub(super) async fn run(client: &Client, command: Command, printer: &mut Printer) -> Outcome {
    let Command::Explain(ExplainArguments { file, header }) = command;
    let content = read_document(&file).await?;
    let mut header = header.header();
    if header.media_type.is_empty() {
        let found = media_type(&content, Some(&file));
        header.media_type = found.unwrap_or_default().to_owned();
    }
    let explained = client.explain_route(header, content).await?;
    if printer.is_json() {
        printer.json(&View::from(&explained));
    } else {
        print(printer, &explained);
        if !explained.routable {
            printer.line(format!("  --> {}", file.display()));
        }
        for line in explained.findings.iter().flat_map(report::finding) {
            printer.line(line);
        }
    }
    Ok(match explained.routable {
        true => 0,
        false => Class::Refused.exit_code(),
    })
}

fn print(printer: &mut Printer, explained: &ExplainRouteResponse) {
    if !explained.steps.is_empty() {
        let register = match explained.register_version.as_str() {
            "" => "no register of organisations".to_owned(),
            version => format!("register of organisations {version}"),
        };
        let table = explained.routing_table_version;
        printer.line(format!("routing table version {table}, {register}\n"));
        let rows = explained.steps.iter().map(|step| {
            let line = match step.table_line {
                0 => String::new(),
                line => line.to_string(),
            };
            [step.stage.clone(), step.description.clone(), line]
        });
        printer.table(["Step", "Found", "Line"], rows);
    }
    if explained.routable {
        printer.line("\nit would come to:");
        deliveries(printer, &explained.deliveries);
    } else {
        let (reason, description) = (&explained.reason, &explained.description);
        printer.line(format!("\nrefused[{reason}]: {description}"));
    }
}

/// Prints the deliveries that a document would come to.
pub(super) fn deliveries(printer: &mut Printer, deliveries: &[PlannedDelivery]) {
    let rows = deliveries.iter().map(|delivery| {
        [
            delivery.recipient.clone(),
            delivery.mailbox.clone(),
            delivery.recipient_type.clone(),
            because(&delivery.basis, &delivery.rule, &delivery.redirects),
        ]
    });
    printer.table(["For", "Mailbox", "Type", "Because"], rows);
}

/// Why somebody gets a document, in words.
pub(super) fn because(basis: &str, rule: &str, redirects: &[Redirect]) -> String {
    let mut words = match basis {
        "named" => "its sender names it".to_owned(),
        "registered-practice" => "the patient is registered there".to_owned(),
        "header-receiver" => "the message's header names it".to_owned(),
        "default" => "its class has no other recipient".to_owned(),
        "distribution-list" => "it is on the distribution list".to_owned(),
        "copy-rule" => format!("rule {rule} copies to it"),
        "replace-rule" => format!("rule {rule} puts it there"),
        other => other.to_owned(),
    };
    for redirect in redirects {
        words.push_str(&format!("; {} {}", redirect.to, redirect.reason));
    }
    words
}

#[derive(Serialize)]
struct View {
    routable: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    findings: Vec<FindingView>,
    steps: Vec<StepView>,
    deliveries: Vec<PlannedView>,
    routing_table_version: u32,
    register_version: String,
}

#[derive(Serialize)]
struct StepView {
    stage: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    table_line: Option<u32>,
}

/// One organisation standing for another, for programs.
#[derive(Debug, Serialize)]
pub(super) struct RedirectView {
    from: String,
    to: String,
    reason: String,
}

impl From<&Redirect> for RedirectView {
    fn from(redirect: &Redirect) -> Self {
        Self {
            from: redirect.from.clone(),
            to: redirect.to.clone(),
            reason: redirect.reason.clone(),
        }
    }
}

/// A delivery that a document would come to, for programs.
#[derive(Serialize)]
pub(super) struct PlannedView {
    recipient: String,
    mailbox: String,
    recipient_type: String,
    basis: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    rule: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redirects: Vec<RedirectView>,
    #[serde(skip_serializing_if = "String::is_empty")]
    parked_reason: String,
}

impl From<&ExplainRouteResponse> for View {
    fn from(explained: &ExplainRouteResponse) -> Self {
        Self {
            routable: explained.routable,
            reason: explained.reason.clone(),
            description: explained.description.clone(),
            findings: explained.findings.iter().map(FindingView::from).collect(),
            steps: explained.steps.iter().map(StepView::from).collect(),
            deliveries: explained.deliveries.iter().map(PlannedView::from).collect(),
            routing_table_version: explained.routing_table_version,
            register_version: explained.register_version.clone(),
        }
    }
}

impl From<&RouteStep> for StepView {
    fn from(step: &RouteStep) -> Self {
        Self {
            stage: step.stage.clone(),
            description: step.description.clone(),
            table_line: (step.table_line != 0).then_some(step.table_line),
        }
    }
}

impl From<&PlannedDelivery> for PlannedView {
    fn from(delivery: &PlannedDelivery) -> Self {
        Self {
            recipient: delivery.recipient.clone(),
            mailbox: delivery.mailbox.clone(),
            recipient_type: delivery.recipient_type.clone(),
            basis: delivery.basis.clone(),
            rule: delivery.rule.clone(),
            redirects: delivery.redirects.iter().map(RedirectView::from).collect(),
            parked_reason: delivery.parked_reason.clone(),
        }
    }
}
