//! `axle alarms`: what somebody must look at.

use axle_proto::v1::Alarm;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Outcome, local,
    print::Printer,
    view::{self, rfc3339},
};
use crate::{alarms::AlarmTurn, connection::Client, convert::alarm_word};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Go on, with a line for each alarm that is raised or cleared
    #[arg(long)]
    watch: bool,
}

#[derive(Serialize)]
struct AlarmView {
    kind: String,
    subject: String,
    since_time: Option<String>,
    delivery_count: u64,
    description: String,
}

impl From<&Alarm> for AlarmView {
    fn from(alarm: &Alarm) -> Self {
        Self {
            kind: alarm_word(alarm.kind()),
            subject: alarm.subject.clone(),
            since_time: rfc3339(alarm.since_time.as_ref()),
            delivery_count: alarm.delivery_count,
            description: alarm.description.clone(),
        }
    }
}

/// Lists the alarms in force, or watches them until a signal comes.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    if arguments.watch {
        return watch(client, printer).await;
    }
    let alarms = client.alarms().await?;
    if printer.is_json() {
        printer.json(&alarms.iter().map(AlarmView::from).collect::<Vec<_>>());
        return Ok(0);
    }
    if alarms.is_empty() {
        printer.line("no alarms");
        return Ok(0);
    }
    let rows = alarms.iter().map(|alarm| {
        [
            format!("{} {}", alarm_word(alarm.kind()), alarm.subject),
            view::ago(alarm.since_time.as_ref()),
            count(alarm),
            alarm.description.clone(),
        ]
    });
    printer.table(["Alarm", "For", "Deliveries", "What to do"], rows);
    Ok(0)
}

async fn watch(client: &Client, printer: &mut Printer) -> Outcome {
    let no_signals = |error| local(format!("signals cannot be heard: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut watch = client.watch_alarms();
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(0),
            _ = terminate.recv() => return Ok(0),
            turn = watch.next() => print(printer, &turn?),
        }
    }
}

fn print(printer: &mut Printer, turn: &AlarmTurn) {
    let (word, alarm) = match turn {
        AlarmTurn::Raised(alarm) => ("raised", alarm),
        AlarmTurn::Cleared(alarm) => ("cleared", alarm),
    };
    if printer.is_json() {
        #[derive(Serialize)]
        struct View {
            turn: &'static str,
            #[serde(flatten)]
            alarm: AlarmView,
        }
        printer.json_line(&View {
            turn: word,
            alarm: alarm.into(),
        });
        return;
    }
    printer.line(format!(
        "{word:<7}  {}  {}  since {}  {}",
        alarm_word(alarm.kind()),
        alarm.subject,
        view::clock(alarm.since_time.as_ref()),
        match turn {
            AlarmTurn::Raised(_) => alarm.description.as_str(),
            AlarmTurn::Cleared(_) => "",
        }
    ));
}

fn count(alarm: &Alarm) -> String {
    match alarm.delivery_count {
        0 => view::dash(),
        count => count.to_string(),
    }
}
