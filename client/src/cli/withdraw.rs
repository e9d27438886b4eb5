//! `axle withdraw`: a message taken back while nobody has it.

use axle_model::{id::MessageId, ods::OdsCode};
use axle_proto::v1::{Message, WithdrawMessageRequest, withdraw_message_request::Key};

use super::{Outcome, print::Printer, track};
use crate::{connection::Client, error::ClientError};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// messages/UUID, the UUID alone, or your own submission id
    id: String,
    /// Why, in words; it goes into the timelines, which operators see
    #[arg(long)]
    reason: String,
    /// Only from these recipients [default: from all, or none]
    #[arg(long, value_name = "ODS", value_delimiter = ',')]
    recipient: Vec<OdsCode>,
}

/// Withdraws a message and prints how it stands.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let message = withdraw(client, arguments).await?;
    track::print(printer, &message);
    Ok(0)
}

/// By the message's name, then by the submission id: a UUID may be either.
async fn withdraw(client: &Client, arguments: Arguments) -> Result<Message, ClientError> {
    let Arguments {
        id,
        reason,
        recipient,
    } = arguments;
    let request = |key| WithdrawMessageRequest {
        key: Some(key),
        reason: reason.clone(),
        recipients: recipient.iter().map(OdsCode::to_string).collect(),
    };
    if let Ok(name) = MessageId::parse(&id) {
        let outcome = client.withdraw(request(Key::Name(name.to_string()))).await;
        match outcome {
            Err(error) if error.reason() == "MESSAGE_NOT_FOUND" => {}
            outcome => return outcome,
        }
    }
    client.withdraw(request(Key::SubmissionId(id))).await
}
