//! `axle track`: one message and what has happened to each of its deliveries.

use axle_model::{answer::ResponseCode, id::MessageId};
use axle_proto::v1::{Delivery, DeliveryEvent, DeliveryEventKind, Message};

use super::{
    Outcome,
    print::Printer,
    report, route,
    view::{self, MessageView},
};
use crate::{
    connection::{self, Client},
    convert::{answer_word, event_word, priority_word, stage_word, state_word, timestamp},
    error::ClientError,
    profile::Profile,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// messages/UUID, the UUID alone, or your own submission id
    id: String,
}

/// Finds the message and prints it.
pub(super) async fn run(
    client: &Client,
    profile: &Profile,
    arguments: Arguments,
    printer: &mut Printer,
) -> Outcome {
    let caller = connection::own_identity(profile)?;
    let message = find(
        client,
        &arguments.id,
        caller.organisation.is_some(),
        caller.operator,
    )
    .await?;
    print(printer, &message);
    Ok(0)
}

/// As a message's name, then as a submission id: a UUID may be either. An operator sees every message.
pub(super) async fn find(
    client: &Client,
    id: &str,
    organisation: bool,
    operator: bool,
) -> Result<Message, ClientError> {
    let name = MessageId::parse(id).ok().map(|id| id.to_string());
    let unknown = |error: &ClientError| error.reason() == "MESSAGE_NOT_FOUND";
    if let Some(name) = &name {
        let found = if operator {
            client.message_timeline(name).await
        } else {
            client.message(name).await
        };
        match found {
            Err(error) if unknown(&error) && organisation => {}
            found => return found,
        }
    }
    client.message_of_submission(id).await
}

/// Prints a message and its timelines.
pub(super) fn print(printer: &mut Printer, message: &Message) {
    if printer.is_json() {
        printer.json(&MessageView::from(message));
        return;
    }
    printer.line(format!("{} from {}", message.name, message.sender));
    printer.line(format!(
        "  {}, {}, {}, {}",
        message.workflow,
        message.media_type,
        view::size(message.size_bytes),
        priority_word(message.priority()),
    ));
    printer.line(format!("  submission id  {}", message.submission_id));
    let class = match message.document_class.as_str() {
        "" => "no class".to_owned(),
        class => format!("class {class}"),
    };
    let register = match message.register_version.as_str() {
        "" => String::new(),
        version => format!(", register {version}"),
    };
    printer.line(format!(
        "  routed by      table version {}, {class}{register}",
        message.routing_table_version
    ));
    printer.line(format!(
        "  accepted       {}",
        view::clock(message.accept_time.as_ref())
    ));
    printer.line(format!(
        "  expires        {}",
        view::clock(message.expire_time.as_ref())
    ));
    for line in message.warnings.iter().flat_map(report::finding) {
        printer.line(line);
    }
    if !message.rerouted_from.is_empty() {
        printer.line(format!("  carries on     {}", message.rerouted_from));
    }
    if let Some(answer) = &message.answer {
        let code = answer.response_code;
        let (standing, delivery) = (&answer.standing, &answer.delivery);
        printer.line(format!(
            "  answers        {delivery} with {code}: {standing}"
        ));
    }
    for delivery in &message.deliveries {
        print_delivery(printer, delivery);
    }
}

fn print_delivery(printer: &mut Printer, delivery: &Delivery) {
    printer.line(format!(
        "\n{}: {} in {}",
        delivery.recipient,
        state_word(delivery.state()),
        delivery.mailbox
    ));
    if !delivery.basis.is_empty() {
        let because = route::because(&delivery.basis, &delivery.rule, &delivery.redirects);
        let died = if delivery.deceased {
            "; the patient has died"
        } else {
            ""
        };
        printer.line(format!("  {}: {because}{died}", delivery.recipient_type));
    }
    for answer in &delivery.answers {
        let until = match answer.until_time.as_ref() {
            None => String::new(),
            until => format!(", until {}", view::clock(until)),
        };
        let (stage, state) = (stage_word(answer.stage()), answer_word(answer.state()));
        printer.line(format!("  {stage} response {state}{until}"));
    }
    if !delivery.exchange_end.is_empty() {
        printer.line(format!("  answers end    {}", delivery.exchange_end));
    }
    let begun = delivery
        .events
        .first()
        .and_then(|event| timestamp(event.event_time.as_ref()));
    let rows = delivery.events.iter().map(|event| {
        let time = timestamp(event.event_time.as_ref());
        let after = match (begun, time) {
            (Some(begun), Some(time)) if time > begun => {
                format!("+{}", view::span(time.since(begun)))
            }
            (_, _) => String::new(),
        };
        [
            time.map_or_else(view::dash, |time| time.to_string()),
            after,
            event_word(event.kind()),
            event.actor.clone(),
            details(event),
        ]
    });
    printer.table(["Time", "After", "Event", "By", "Details"], rows);
}

/// What an answer says, or which did not come.
fn answer(event: &DeliveryEvent) -> Vec<String> {
    let mut parts = Vec::new();
    match ResponseCode::new(event.response_code) {
        Some(code) => {
            let said = code.display().unwrap_or_default();
            parts.push(format!("{code} {said}").trim_end().to_owned());
            parts.push(format!("in {}", event.response_message));
        }
        None if event.kind() == DeliveryEventKind::AnswerLapsed => {
            let stage = stage_word(event.answer_stage());
            parts.push(format!("no {stage} response in time"));
        }
        None => {}
    }
    if !event.rerouted_to.is_empty() {
        parts.push(format!("goes on as {}", event.rerouted_to));
    }
    parts
}

/// What else is known of an event, in words.
pub(super) fn details(event: &DeliveryEvent) -> String {
    let mut parts = Vec::new();
    if event.attempt > 0 {
        parts.push(format!("attempt {}", event.attempt));
    }
    if !event.consumer_id.is_empty() {
        parts.push(event.consumer_id.clone());
    }
    if !event.to_mailbox.is_empty() {
        parts.push(format!(
            "from {} to {}",
            event.from_mailbox, event.to_mailbox
        ));
    }
    if !event.superseded_by.is_empty() {
        parts.push(format!("by {}", event.superseded_by));
    }
    if !event.reason.is_empty() {
        parts.push(event.reason.clone());
    }
    parts.extend(answer(event));
    if event.lease_expire_time.is_some() {
        parts.push(format!(
            "lease until {}",
            view::clock(event.lease_expire_time.as_ref())
        ));
    }
    if event.retry_time.is_some() {
        parts.push(format!(
            "again at {}",
            view::clock(event.retry_time.as_ref())
        ));
    }
    parts.join(", ")
}
