//! `axle validate`: what the broker would say of documents, told the way a good compiler tells it:
//! severity and rule, what is wrong, where, what to do; or as FHIR's OperationOutcome. Nothing is sent.

use std::path::{Path, PathBuf};

use axle_proto::v1::{Finding, ValidateDocumentResponse};
use serde::Serialize;

use super::{Outcome, print::Printer, report, send::HeaderArguments, view::FindingView};
use crate::{
    connection::Client,
    error::{Class, ClientError},
    outcome::OperationOutcome,
    send::{media_type, read_document},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The documents
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    header: HeaderArguments,
    /// Print a FHIR OperationOutcome for each document instead; of several, a line each (NDJSON)
    #[arg(long)]
    operation_outcome: bool,
}

/// What was said of one file; an error when nobody could say anything.
struct Answer {
    file: PathBuf,
    result: Result<ValidateDocumentResponse, ClientError>,
}

impl Answer {
    fn is_acceptable(&self) -> bool {
        self.result.as_ref().is_ok_and(|answer| answer.acceptable)
    }

    /// What it calls for: nothing, or the class of the failure.
    fn class(&self) -> Option<Class> {
        match &self.result {
            Ok(answer) => (!answer.acceptable).then_some(Class::Refused),
            Err(error) => Some(error.class()),
        }
    }
}

/// Asks about the documents, one after the other, and prints the answers. Exit code 65 when one of
/// them would be refused.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let mut answers = Vec::with_capacity(arguments.files.len());
    let several = arguments.files.len() > 1;
    for file in arguments.files {
        let result = ask(client, &arguments.header, &file).await;
        let answer = Answer { file, result };
        // Without a broker there is nobody to ask about the others either.
        let stop = answer.class().is_some_and(|class| class != Class::Refused);
        if arguments.operation_outcome {
            print_outcome(printer, &answer, several);
        } else if !printer.is_json() {
            print(printer, &answer);
        }
        answers.push(answer);
        if stop {
            break;
        }
    }
    if printer.is_json() && !arguments.operation_outcome {
        print_json(printer, &answers);
    } else if several && !arguments.operation_outcome {
        summarise(printer, &answers);
    }
    let worst = answers.iter().filter_map(Answer::class).max();
    Ok(worst.map_or(0, Class::exit_code))
}

async fn ask(
    client: &Client,
    header: &HeaderArguments,
    file: &Path,
) -> Result<ValidateDocumentResponse, ClientError> {
    let content = read_document(file).await?;
    let mut header = header.header();
    if header.media_type.is_empty() {
        let found = media_type(&content, Some(file));
        header.media_type = found.unwrap_or_default().to_owned();
    }
    client.validate(header, content).await
}

fn print(printer: &mut Printer, answer: &Answer) {
    let file = answer.file.display().to_string();
    match &answer.result {
        Ok(found) => {
            let mut lines: Vec<_> = (found.findings.iter())
                .flat_map(|finding| diagnosis(finding, &file, printer))
                .collect();
            // What no rule says and no field: the recipient, the workflow, the permission.
            if !found.acceptable && counts(found).0 == 0 {
                lines.extend(refused(found, &file, printer));
            }
            for line in lines {
                printer.line(line);
            }
            printer.line(format!("{file}: {}", verdict(found)));
        }
        Err(error) => {
            for line in report::lines(error, Some(&file)) {
                printer.remark(line);
            }
        }
    }
}

/// A finding in lines.
fn diagnosis(finding: &Finding, file: &str, printer: &Printer) -> Vec<String> {
    let severity = match finding.severity.as_str() {
        "" => "error",
        severity => severity,
    };
    let name = match finding.rule.as_str() {
        "" => "header",
        rule => rule,
    };
    let label = printer.severity(severity, &format!("{severity}[{name}]"));
    let position = match (finding.line, finding.column) {
        (0, _) => String::new(),
        (line, column) => format!(":{line}:{column}"),
    };
    let place = match finding.path.as_str() {
        "" => String::new(),
        path => format!(": {path}"),
    };
    let mut lines = vec![
        format!("{label}: {}", finding.description),
        format!("  --> {file}{position}{place}"),
    ];
    if !finding.remedy.is_empty() {
        lines.push(format!("  = do: {}", finding.remedy));
    }
    if finding.itk3_code != 0 {
        let display = axle_model::answer::ResponseCode::new(finding.itk3_code);
        let display = display.and_then(|code| code.display()).unwrap_or_default();
        lines.push(format!("  = ITK3: {} {display}", finding.itk3_code));
    }
    lines
}

/// A refusal that no rule is the cause of, in lines.
fn refused(found: &ValidateDocumentResponse, file: &str, printer: &Printer) -> Vec<String> {
    let label = printer.severity("error", &format!("error[{}]", found.reason));
    let (what, remedy) = (found.description.split_once(" - ")).unwrap_or((&found.description, ""));
    let mut lines = vec![format!("{label}: {what}"), format!("  --> {file}")];
    if !remedy.is_empty() {
        lines.push(format!("  = do: {remedy}"));
    }
    lines
}

fn verdict(found: &ValidateDocumentResponse) -> String {
    let (errors, warnings) = counts(found);
    let warnings = match warnings {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        several => format!(", {several} warnings"),
    };
    if found.acceptable {
        let mailboxes = found.mailboxes.join(", ");
        return format!(
            "acceptable: would travel as {} to {mailboxes}{warnings}",
            found.workflow
        );
    }
    match errors {
        0 | 1 => format!("refused: 1 error{warnings}"),
        several => format!("refused: {several} errors{warnings}"),
    }
}

/// How many findings are reasons to refuse, and how many are warnings.
fn counts(found: &ValidateDocumentResponse) -> (usize, usize) {
    let is_mild = |finding: &&Finding| matches!(finding.severity.as_str(), "warning" | "info");
    let mild = found.findings.iter().filter(is_mild).count();
    let warnings = found.findings.iter().filter(|f| f.severity == "warning");
    (found.findings.len() - mild, warnings.count())
}

fn summarise(printer: &mut Printer, answers: &[Answer]) {
    let acceptable = answers.iter().filter(|a| a.is_acceptable()).count();
    let unknown = answers.iter().filter(|a| a.result.is_err()).count();
    let refused = answers.len() - acceptable - unknown;
    let unknown = match unknown {
        0 => String::new(),
        unknown => format!(", {unknown} not checked"),
    };
    printer.line(format!(
        "{} documents: {acceptable} acceptable, {refused} refused{unknown}",
        answers.len()
    ));
}

fn print_outcome(printer: &mut Printer, answer: &Answer, several: bool) {
    let outcome = match &answer.result {
        Ok(found) => OperationOutcome::from(found),
        Err(error) => OperationOutcome::from(error),
    };
    if several {
        printer.json_line(&outcome);
    } else {
        printer.json(&outcome);
    }
}

fn print_json(printer: &mut Printer, answers: &[Answer]) {
    #[derive(Serialize)]
    struct DocumentView<'a> {
        file: String,
        acceptable: bool,
        reason: &'a str,
        description: &'a str,
        findings: Vec<FindingView>,
        workflow: &'a str,
        mailboxes: &'a [String],
    }
    #[derive(Serialize)]
    struct View<'a> {
        acceptable_count: usize,
        documents: Vec<DocumentView<'a>>,
    }
    let documents = answers.iter().map(|answer| {
        let file = answer.file.display().to_string();
        match &answer.result {
            Ok(found) => DocumentView {
                file,
                acceptable: found.acceptable,
                reason: &found.reason,
                description: &found.description,
                findings: found.findings.iter().map(FindingView::from).collect(),
                workflow: &found.workflow,
                mailboxes: &found.mailboxes,
            },
            Err(error) => DocumentView {
                file,
                acceptable: false,
                reason: error.reason(),
                description: error.what(),
                findings: error.findings().iter().map(FindingView::from).collect(),
                workflow: "",
                mailboxes: &[],
            },
        }
    });
    printer.json(&View {
        acceptable_count: answers.iter().filter(|a| a.is_acceptable()).count(),
        documents: documents.collect(),
    });
}
