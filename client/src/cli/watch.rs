//! `axle watch`: what happens to a sender's deliveries, a line each, as it happens.

use axle_proto::v1::DeliveryEventKind;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Outcome, local,
    print::Printer,
    track,
    view::{self, EventView},
};
use crate::{
    connection::Client,
    convert::{event_word, state_word},
    watch::Watched,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only what needs you to act: rejections, dead letters, expiries, returns, long waits,
    /// negative answers, answers that did not come
    #[arg(long)]
    notices: bool,
    /// Go on after this token, printed when a watch ends and in every line of JSON
    #[arg(long, value_name = "TOKEN")]
    resume: Option<String>,
}

/// Watches until a signal comes.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let no_signals = |error| local(format!("signals cannot be heard: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let resume = arguments.resume.unwrap_or_default();
    let mut watch = client.watch(&resume, arguments.notices).await?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            watched = watch.next() => print(printer, &watched?),
        }
    }
    if !printer.is_json() && !watch.resume_token().is_empty() {
        printer.remark(format!(
            "to go on from here: --resume {}",
            watch.resume_token()
        ));
    }
    Ok(0)
}

fn print(printer: &mut Printer, watched: &Watched) {
    let update = &watched.update;
    let Some(event) = &update.event else { return };
    if printer.is_json() {
        #[derive(Serialize)]
        struct View<'a> {
            delivery: &'a str,
            state: String,
            notice: bool,
            #[serde(flatten)]
            event: EventView,
            resume_token: &'a str,
        }
        printer.json_line(&View {
            delivery: &update.delivery,
            state: state_word(update.state()),
            notice: update.notice,
            event: event.into(),
            resume_token: &watched.resume_token,
        });
        return;
    }
    let (aged, answered, unanswered) = (
        event.kind() == DeliveryEventKind::Aged,
        event.kind() == DeliveryEventKind::Answered,
        event.kind() == DeliveryEventKind::AnswerLapsed,
    );
    let notice = match update.notice {
        false => "",
        true if aged => "  WAITS TOO LONG",
        true if answered => "  ANSWERED NO",
        true if unanswered => "  NOT ANSWERED",
        true => "  NOT DELIVERED",
    };
    printer.line(format!(
        "{}  {}  {}  {}{notice}",
        view::clock(event.event_time.as_ref()),
        update.delivery,
        event_word(event.kind()),
        track::details(event),
    ));
}
