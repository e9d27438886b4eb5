//! `axle dlq`: deliveries that did not reach their recipient, and what an operator does about them.

use axle_model::{
    id::{DeliveryId, NotAName},
    mailbox::{MailboxId, NotAMailbox},
    ods::OdsCode,
};
use axle_proto::v1::{
    CommandResult, DeadLetter, ListDeadLettersRequest, RerouteDeliveryRequest,
    reroute_delivery_request::Destination,
};
use serde::Serialize;
use serde_json::json;

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
    Requeue(BatchArguments),
    /// Send a delivery that nobody holds to another mailbox
    Reroute(RerouteArguments),
    /// Give deliveries that nobody holds back to their senders
    Return(BatchArguments),
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
pub(super) struct BatchArguments {
    /// messages/UUID/deliveries/ODS
    #[arg(required = true, value_name = "NAME", value_parser = parse)]
    names: Vec<DeliveryId>,
    #[command(flatten)]
    order: Order,
}

#[derive(Debug, clap::Args)]
pub(super) struct RerouteArguments {
    /// messages/UUID/deliveries/ODS
    #[arg(value_name = "NAME", value_parser = parse)]
    name: DeliveryId,
    /// Where to: an ODS code, or a mailbox, mailboxes/ODS or mailboxes/ODS/WORKFLOW
    #[arg(long, value_name = "MAILBOX", value_parser = destination)]
    to: Destination,
    #[command(flatten)]
    order: Order,
}

#[derive(Debug, clap::Args)]
struct Order {
    /// Why, in words; it goes into the timelines, which senders see
    #[arg(long)]
    reason: String,
    /// Only ask whether it could be done; nothing is changed
    #[arg(long)]
    dry_run: bool,
}

fn parse(text: &str) -> Result<DeliveryId, NotAName> {
    DeliveryId::parse(text)
}

fn destination(text: &str) -> Result<Destination, NotAMailbox> {
    match OdsCode::parse(text) {
        Ok(code) => Ok(Destination::Organisation(code.to_string())),
        Err(_) => MailboxId::parse(text).map(|id| Destination::Mailbox(id.to_string())),
    }
}

/// Runs one of them.
pub(super) async fn run(client: &Client, command: Command, printer: &mut Printer) -> Outcome {
    match command {
        Command::List(arguments) => list(client, arguments, printer).await,
        Command::Requeue(BatchArguments { names, order }) => {
            let names: Vec<String> = names.iter().map(DeliveryId::to_string).collect();
            let results = client.requeue(names.clone(), &order.reason, order.dry_run);
            let done = Done::of("requeued", &order);
            Ok(print(printer, done, &names, results.await?))
        }
        Command::Return(BatchArguments { names, order }) => {
            let names: Vec<String> = names.iter().map(DeliveryId::to_string).collect();
            let results = client.return_to_senders(names.clone(), &order.reason, order.dry_run);
            let done = Done::of("returned", &order);
            Ok(print(printer, done, &names, results.await?))
        }
        Command::Reroute(arguments) => reroute(client, arguments, printer).await,
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

/// What is done to the deliveries of a call, in a word.
#[derive(Clone, Copy)]
struct Done {
    word: &'static str,
    dry_run: bool,
}

impl Done {
    const fn of(word: &'static str, order: &Order) -> Self {
        let dry_run = order.dry_run;
        Self { word, dry_run }
    }

    fn words(self) -> String {
        let would = if self.dry_run { "would be " } else { "" };
        format!("{would}{}", self.word)
    }
}

/// Prints what became of each delivery; the exit code of the worst.
fn print(printer: &mut Printer, done: Done, names: &[String], results: Vec<CommandResult>) -> u8 {
    let outcomes = results.into_iter().map(ClientError::of_result);
    let outcomes: Vec<_> = names.iter().zip(outcomes).collect();
    if printer.is_json() {
        let view = |(name, outcome): &(&String, Result<(), ClientError>)| {
            let mut view = json!({"delivery": name, done.word: outcome.is_ok()});
            if done.dry_run {
                view["dry_run"] = json!(true);
            }
            if let Err(error) = outcome {
                view["error"] = json!(ErrorView::from(error));
            }
            view
        };
        printer.json(&outcomes.iter().map(view).collect::<Vec<_>>());
    } else {
        let words = done.words();
        let rows = outcomes.iter().map(|(name, outcome)| {
            let what = outcome
                .as_ref()
                .map_or_else(ClientError::reason, |()| words.as_str());
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
    worst.map_or(0, Class::exit_code)
}

async fn reroute(client: &Client, arguments: RerouteArguments, printer: &mut Printer) -> Outcome {
    let RerouteArguments { name, to, order } = arguments;
    let delivery = name.to_string();
    let request = RerouteDeliveryRequest {
        delivery: delivery.clone(),
        destination: Some(to),
        reason: order.reason.clone(),
        validate_only: order.dry_run,
    };
    let moved = client.reroute(request).await?;
    let done = Done::of("rerouted", &order);
    if printer.is_json() {
        #[derive(Serialize)]
        struct View {
            delivery: String,
            from_mailbox: String,
            to_mailbox: String,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            dry_run: bool,
        }
        printer.json(&View {
            delivery,
            from_mailbox: moved.from_mailbox,
            to_mailbox: moved.to_mailbox,
            dry_run: done.dry_run,
        });
    } else {
        let (from, to) = (moved.from_mailbox, moved.to_mailbox);
        let rows = [[delivery, done.words(), from, to]];
        printer.table(["Delivery", "Outcome", "From", "To"], rows);
    }
    Ok(0)
}
