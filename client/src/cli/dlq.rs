//! `axle dlq`: deliveries that did not reach their recipient, and offering them again.

use axle_model::{
    id::{DeliveryId, NotAName},
    ods::OdsCode,
};
use axle_proto::v1::{DeadLetter, ListDeadLettersRequest};
use serde::Serialize;

use super::{
    Outcome,
    print::Printer,
    report::{self, ErrorView},
    view::{self, DeadLetterView},
};
use crate::{
    connection::Client,
    convert::state_word,
    error::{Class, ClientError},
};

const PAGE_MAX: usize = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List them, newest first
    List(ListArguments),
    /// Offer dead letters to their recipients again
    Requeue(RequeueArguments),
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArguments {
    /// Only those for this organisation
    #[arg(long, value_name = "ODS")]
    recipient: Option<OdsCode>,
    /// Show at most about this many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(super) struct RequeueArguments {
    /// messages/UUID/deliveries/ODS
    #[arg(required = true, value_name = "NAME", value_parser = parse)]
    names: Vec<DeliveryId>,
    /// Why, in words; it goes into the timelines
    #[arg(long)]
    reason: String,
}

fn parse(text: &str) -> Result<DeliveryId, NotAName> {
    DeliveryId::parse(text)
}

/// Runs one of the two.
pub(super) async fn run(client: &Client, command: Command, printer: &mut Printer) -> Outcome {
    match command {
        Command::List(arguments) => list(client, arguments, printer).await,
        Command::Requeue(arguments) => requeue(client, arguments, printer).await,
    }
}

async fn list(client: &Client, arguments: ListArguments, printer: &mut Printer) -> Outcome {
    let mut letters: Vec<DeadLetter> = Vec::new();
    let mut request = ListDeadLettersRequest {
        recipient: arguments
            .recipient
            .map(|code| code.to_string())
            .unwrap_or_default(),
        ..ListDeadLettersRequest::default()
    };
    while letters.len() < arguments.limit {
        let missing = (arguments.limit - letters.len()).min(PAGE_MAX);
        request.page_size = i32::try_from(missing).unwrap_or(1);
        let page = client.dead_letters(request.clone()).await?;
        letters.extend(page.dead_letters);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if printer.is_json() {
        printer.json(&letters.iter().map(DeadLetterView::from).collect::<Vec<_>>());
        return Ok(0);
    }
    let rows = letters.iter().filter_map(|letter| {
        let delivery = letter.delivery.as_ref()?;
        let last = delivery
            .events
            .iter()
            .rev()
            .find(|event| !event.reason.is_empty());
        Some([
            delivery.name.clone(),
            letter.sender.clone(),
            letter.workflow.clone(),
            state_word(delivery.state()),
            view::clock(delivery.state_time.as_ref()),
            last.map(|event| event.reason.clone()).unwrap_or_default(),
            if letter.requeueable { "yes" } else { "no" }.to_owned(),
        ])
    });
    let headings = [
        "Delivery", "From", "Workflow", "State", "Since", "Reason", "Requeue",
    ];
    printer.table(headings, rows);
    Ok(0)
}

async fn requeue(client: &Client, arguments: RequeueArguments, printer: &mut Printer) -> Outcome {
    let names: Vec<String> = arguments.names.iter().map(DeliveryId::to_string).collect();
    let results = client.requeue(names.clone(), &arguments.reason).await?;
    let outcomes = results.into_iter().map(ClientError::of_result);
    let outcomes: Vec<_> = names.iter().zip(outcomes).collect();
    if printer.is_json() {
        #[derive(Serialize)]
        struct View<'a> {
            delivery: &'a str,
            requeued: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<ErrorView>,
        }
        let views = outcomes.iter().map(|(name, outcome)| View {
            delivery: name,
            requeued: outcome.is_ok(),
            error: outcome.as_ref().err().map(ErrorView::from),
        });
        printer.json(&views.collect::<Vec<_>>());
    } else {
        let rows = outcomes.iter().map(|(name, outcome)| {
            let what = outcome
                .as_ref()
                .map_or_else(ClientError::reason, |()| "requeued");
            [(*name).clone(), what.to_owned()]
        });
        printer.table(["Delivery", "Outcome"], rows);
    }
    let mut worst = None;
    for (name, outcome) in outcomes {
        if let Err(error) = outcome {
            worst = worst.max(Some(error.class()));
            report::error(printer, &error.about(name));
        }
    }
    Ok(worst.map_or(0, Class::exit_code))
}
