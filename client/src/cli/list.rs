//! `axle list`: a sender's own messages, newest first.

use axle_model::ods::OdsCode;
use axle_proto::v1::{DeliveryState, ListMessagesRequest, Message};

use super::{
    Outcome,
    print::Printer,
    view::{self, MessageView},
};
use crate::{connection::Client, convert::state_word};

const PAGE_MAX: usize = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Only messages with a delivery in one of these states
    #[arg(long, value_enum, value_delimiter = ',')]
    state: Vec<State>,
    /// Only messages with a delivery for this organisation
    #[arg(long, value_name = "ODS")]
    recipient: Option<OdsCode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum State {
    Queued,
    Leased,
    DeadLettered,
    Acknowledged,
    Rejected,
    Expired,
    Withdrawn,
}

impl State {
    const fn on_wire(self) -> DeliveryState {
        match self {
            Self::Queued => DeliveryState::Queued,
            Self::Leased => DeliveryState::Leased,
            Self::DeadLettered => DeliveryState::DeadLettered,
            Self::Acknowledged => DeliveryState::Acknowledged,
            Self::Rejected => DeliveryState::Rejected,
            Self::Expired => DeliveryState::Expired,
            Self::Withdrawn => DeliveryState::Withdrawn,
        }
    }
}

/// Lists messages, page by page up to the limit.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let mut messages: Vec<Message> = Vec::new();
    let mut request = ListMessagesRequest {
        states: arguments
            .state
            .iter()
            .map(|state| state.on_wire().into())
            .collect(),
        recipient: arguments
            .recipient
            .map(|code| code.to_string())
            .unwrap_or_default(),
        ..ListMessagesRequest::default()
    };
    while messages.len() < arguments.limit {
        let missing = (arguments.limit - messages.len()).min(PAGE_MAX);
        request.page_size = i32::try_from(missing).unwrap_or(1);
        let page = client.messages(request.clone()).await?;
        messages.extend(page.messages);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if printer.is_json() {
        printer.json(&messages.iter().map(MessageView::from).collect::<Vec<_>>());
        return Ok(0);
    }
    let rows = messages.iter().map(|message| {
        let states = message
            .deliveries
            .iter()
            .map(|delivery| format!("{} {}", delivery.recipient, state_word(delivery.state())));
        [
            message.name.clone(),
            view::clock(message.accept_time.as_ref()),
            message.workflow.clone(),
            states.collect::<Vec<_>>().join("\n"),
        ]
    });
    printer.table(["Message", "Accepted", "Workflow", "Deliveries"], rows);
    Ok(0)
}
