//! `axle send`: every file's outcome is told, and a failure of one stops no other.

use std::path::{Path, PathBuf};

use axle_model::{mailbox::WorkflowId, ods::OdsCode, patient::PatientHint};
use axle_proto::v1::{DocumentHeader, PatientAddress, Priority};
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{
    Outcome,
    print::Printer,
    report::{self, ErrorView},
    view::ReceiptView,
};
use crate::{
    connection::Client,
    error::{Class, ClientError},
    outcome::OperationOutcome,
    send::{DOCUMENT_BYTES_MAX, FileOutcome},
};

/// Documents on their way at once.
const IN_FLIGHT_MAX: usize = 64;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files, or folders whose files are sent
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    header: HeaderArguments,
    /// Your own name for the submission: repeating the command with it delivers nothing twice. With
    /// several files each is named ID/DIGEST
    #[arg(long, value_name = "ID")]
    submission_id: Option<String>,
    /// How soon it should be collected
    #[arg(long, value_enum, default_value_t = Urgency::Routine)]
    priority: Urgency,
    /// Your reference to a conversation, handed on as it is
    #[arg(long, value_name = "TEXT")]
    correlation_id: Option<String>,
    /// Print a FHIR OperationOutcome for each document that is not accepted, a line each (NDJSON),
    /// and nothing else
    #[arg(long)]
    operation_outcome: bool,
}

/// What `axle send` and `axle validate` are told about a document.
#[derive(Debug, clap::Args)]
pub(super) struct HeaderArguments {
    /// The ODS codes of the recipients; left out where the broker's routing table finds them
    #[arg(long, value_name = "ODS", value_delimiter = ',')]
    to: Vec<OdsCode>,
    /// The patient whose registered practice gets it, instead of recipients: NHS number, date of birth
    /// (YYYYMMDD) and surname
    #[arg(
        long,
        conflicts_with = "to",
        value_name = "NUMBER_BIRTH_SURNAME",
        value_parser = patient
    )]
    patient: Option<PatientHint>,
    /// The document or its patient is restricted: it goes to the named recipients and nobody else
    #[arg(long, conflicts_with = "patient")]
    restricted: bool,
    /// The workflow, for example TOC_FHIR_IP_DISCH; the broker can often tell it from the document
    #[arg(long, value_parser = WorkflowId::parse)]
    workflow: Option<WorkflowId>,
    /// The media type, when the content does not tell it
    #[arg(long, value_name = "TYPE")]
    media_type: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Urgency {
    Routine,
    Urgent,
}

impl HeaderArguments {
    pub(super) fn header(&self) -> DocumentHeader {
        DocumentHeader {
            recipients: self.to.iter().map(OdsCode::to_string).collect(),
            workflow: self
                .workflow
                .as_ref()
                .map(WorkflowId::to_string)
                .unwrap_or_default(),
            media_type: self.media_type.clone().unwrap_or_default(),
            patient: self.patient.as_ref().map(|patient| PatientAddress {
                nhs_number: format!("{:010}", patient.nhs_number.expose()),
                birth_date: patient.birth_date.expose(),
                family_name: patient.family.to_string(),
            }),
            restricted: self.restricted,
            ..DocumentHeader::default()
        }
    }

    /// Whom it is for, in words that name no patient.
    fn recipients(&self) -> String {
        if self.patient.is_some() {
            return "the patient's practice".to_owned();
        }
        let recipients: Vec<String> = self.to.iter().map(OdsCode::to_string).collect();
        recipients.join(", ")
    }
}

/// A patient as MESH writes the address of their practice, with or without the word before it.
fn patient(text: &str) -> Result<PatientHint, axle_model::patient::NotAPatient> {
    if PatientHint::is_address(text) {
        return PatientHint::parse(text);
    }
    PatientHint::parse(&format!("GPPROVIDER_{text}"))
}

/// Sends the files and prints what became of each, in their order.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let paths = expanded(arguments.files)?;
    let priority = match arguments.priority {
        Urgency::Routine => Priority::Routine,
        Urgency::Urgent => Priority::Urgent,
    };
    let recipients = arguments.header.recipients();
    let header = DocumentHeader {
        submission_id: arguments.submission_id.unwrap_or_default(),
        correlation_id: arguments.correlation_id.unwrap_or_default(),
        priority: priority.into(),
        ..arguments.header.header()
    };
    let bar = progress(&paths, printer);
    let mut outcomes = Vec::with_capacity(paths.len());
    let counting = bar.clone();
    let hears = std::sync::Arc::new(move |bytes| counting.inc(bytes));
    let mut sending = client.submit_files(paths.clone(), header, IN_FLIGHT_MAX, hears);
    while let Some(outcome) = sending.next().await {
        outcomes.push(outcome);
        bar.set_message(format!("{}/{}", outcomes.len(), paths.len()));
    }
    bar.finish_and_clear();
    outcomes.sort_by_key(|outcome| paths.iter().position(|path| *path == outcome.path));
    if arguments.operation_outcome {
        for error in outcomes.iter().filter_map(|o| o.result.as_ref().err()) {
            printer.json_line(&OperationOutcome::from(error));
        }
    } else {
        print(printer, &outcomes, &recipients);
    }
    // The failure that needs the most doing decides.
    let worst = outcomes
        .iter()
        .filter_map(|outcome| outcome.result.as_ref().err());
    Ok(worst
        .map(ClientError::class)
        .max()
        .map_or(0, Class::exit_code))
}

/// Folders replaced by the files in them, by name; hidden files and folders within are left out.
fn expanded(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, ClientError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        let unreadable = |error: std::io::Error| {
            ClientError::new(
                Class::Refused,
                "FOLDER_UNREADABLE",
                format!("{} cannot be read: {error}", path.display()),
                "name a folder that you may read",
            )
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if !hidden && entry.path().is_file() {
                found.push(entry.path());
            }
        }
        if found.is_empty() {
            return Err(ClientError::new(
                Class::Refused,
                "FOLDER_EMPTY",
                format!("{} holds no files", path.display()),
                "name a folder with documents in it",
            ));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

/// A bar for what takes long enough to be watched: several files, or a large one.
fn progress(paths: &[PathBuf], printer: &Printer) -> ProgressBar {
    let sizes = paths.iter().map(|path| path.metadata());
    let bytes = sizes
        .map(|found| found.map_or(0, |found| found.len()))
        .sum();
    if !printer.is_watched() || (paths.len() < 2 && bytes <= DOCUMENT_BYTES_MAX as u64) {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes).with_message(format!("0/{}", paths.len()));
    let style = ProgressStyle::with_template(
        "{bar:40} {msg} sent, {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    );
    style.map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style))
}

fn print(printer: &mut Printer, outcomes: &[FileOutcome], recipients: &str) {
    if printer.is_json() {
        print_json(printer, outcomes);
        return;
    }
    for outcome in outcomes {
        match &outcome.result {
            Ok(receipt) => {
                for parked in &receipt.parked {
                    let (delivery, reason) = (&parked.delivery, &parked.reason);
                    printer.remark(format!(
                        "parked[{reason}]: {delivery} waits for the broker's operator"
                    ));
                }
                for line in receipt.warnings.iter().flat_map(report::finding) {
                    printer.remark(line);
                }
            }
            Err(error) => {
                let file = outcome.path.display().to_string();
                for line in report::lines(error, Some(&file)) {
                    printer.remark(line);
                }
                // Nobody knows whether it arrived; under its id it may be sent again in any case.
                if error.class() < Class::Refused && !outcome.submission_id.is_empty() {
                    printer.remark(format!("  submission id: {}", outcome.submission_id));
                }
            }
        }
    }
    let rows = outcomes.iter().map(|outcome| {
        let (message, what) = match &outcome.result {
            Ok(receipt) if receipt.duplicate => (receipt.message.as_str(), "accepted before"),
            Ok(receipt) => (receipt.message.as_str(), "accepted"),
            Err(error) => ("-", error.reason()),
        };
        let file = Path::file_name(&outcome.path).unwrap_or(outcome.path.as_os_str());
        [
            message.to_owned(),
            what.to_owned(),
            recipients.to_owned(),
            file.to_string_lossy().into_owned(),
        ]
    });
    printer.table(["Message", "Outcome", "For", "File"], rows);
}

fn print_json(printer: &mut Printer, outcomes: &[FileOutcome]) {
    #[derive(Serialize)]
    struct DocumentView<'a> {
        file: String,
        submission_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        receipt: Option<ReceiptView>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorView>,
    }
    #[derive(Serialize)]
    struct View<'a> {
        accepted_count: usize,
        documents: Vec<DocumentView<'a>>,
    }
    let documents = outcomes.iter().map(|outcome| DocumentView {
        file: outcome.path.display().to_string(),
        submission_id: &outcome.submission_id,
        receipt: outcome.result.as_ref().ok().map(ReceiptView::from),
        error: outcome.result.as_ref().err().map(ErrorView::from),
    });
    printer.json(&View {
        accepted_count: outcomes
            .iter()
            .filter(|outcome| outcome.result.is_ok())
            .count(),
        documents: documents.collect(),
    });
    for outcome in outcomes {
        if let Err(error) = &outcome.result {
            report::error(printer, &error.clone().about(outcome.path.display()));
        }
    }
}
