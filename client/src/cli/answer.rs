//! `axle answer`: says whether the patients of collected documents are known, where the documents ask
//! for that.

use std::path::{Path, PathBuf};

use axle_model::answer::{ResponseCode, Stage};
use serde::Serialize;

use super::{
    Outcome, collect::send, local, outbox::Outbox, print::Printer, report, save::RealDisk, view,
};
use crate::{
    connection::Client,
    error::{Class, ClientError},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files that `axle collect` has put into a folder
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// 30001 patient known here, 30002 not known here, 30003 no longer here, 30004 known here and
    /// recently deceased, or another of ITK3's
    #[arg(long, value_name = "CODE", value_parser = business)]
    code: ResponseCode,
}

fn business(text: &str) -> Result<ResponseCode, String> {
    let code = ResponseCode::parse(text).filter(|code| code.stage() == Stage::Business);
    code.ok_or_else(|| "a business response has a code from 30001 to 39999".to_owned())
}

#[derive(Serialize)]
struct AnswerView<'a> {
    delivery: &'a str,
    code: u32,
    submission_id: &'a str,
}

/// Answers every file; what cannot be sent now stays in the outbox, for the next `axle collect`.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let mut worst = 0;
    for file in &arguments.files {
        if let Err(error) = answer(client, file, arguments.code, printer).await {
            worst = worst.max(error.class().exit_code());
            report::error(printer, &error.about(file.display().to_string()));
        }
    }
    Ok(worst)
}

async fn answer(
    client: &Client,
    file: &Path,
    code: ResponseCode,
    printer: &mut Printer,
) -> Result<(), ClientError> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    let outbox = Outbox::of(folder);
    let unusable = |error: std::io::Error| local(format!("the outbox: {error}"));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let uuid = name.split('.').next().unwrap_or_default();
    let question = outbox.asked(uuid).map_err(unusable)?.ok_or_else(|| {
        ClientError::new(
            Class::Refused,
            "NOTHING_ASKED",
            "nothing is known of a document here that still asks for a business response",
            "name a file that axle collect has put there",
        )
    })?;
    // What is not known to be negative is worded as positive; the code is what counts.
    let positive = !code.is_wrong_practice();
    let response = question.answer(code, positive, view::now());
    let waiting = outbox.put(&RealDisk, &response).map_err(unusable)?;
    if waiting.response.code != code.number() {
        let what = format!("the answer {} is on its way", waiting.response.code);
        let remedy = "an answer is given once: tell the sender by another way";
        return Err(ClientError::new(
            Class::Refused,
            "ANSWERED_ALREADY",
            what,
            remedy,
        ));
    }
    send(client, &waiting).await?;
    // It is answered for good; a file that stays is refused by the broker.
    let _ = outbox.forget(uuid);
    let response = &waiting.response;
    if printer.is_json() {
        printer.json_line(&AnswerView {
            delivery: &response.delivery,
            code: response.code,
            submission_id: &response.submission_id,
        });
    } else {
        let said = ResponseCode::new(response.code).and_then(ResponseCode::display);
        let said = said.unwrap_or_default();
        printer.line(format!("{}  {} {said}", response.delivery, response.code));
    }
    Ok(())
}
