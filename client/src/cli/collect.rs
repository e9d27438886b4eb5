//! `axle collect`: documents into a folder. A document is acknowledged only when it is on disk; one
//! that could not be saved is given back.

use std::{path::PathBuf, time::Duration};

use axle_model::mailbox::{MailboxId, REPORT_WORKFLOW};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Outcome, local,
    print::Printer,
    report,
    save::{Folder, RealDisk, Saved},
    view,
};
use crate::{
    collect::{CollectOptions, Collector, Connection, Received, Settler},
    connection::Client,
    error::{Class, ClientError},
};

/// Documents being written at once: disks like company, but not a crowd.
const SAVING_MAX: usize = 8;
/// Nothing new for this long, with all that was announced in hand, means there is no more.
const QUIET: Duration = Duration::from_millis(500);
/// The same while some that were announced have not come: they may be resting after a failure.
const QUIET_SHORT_OF: Duration = Duration::from_secs(3);
/// How long a document that could not be saved rests before it is offered again.
const UNSAVED_DELAY: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder; created if missing
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Go on collecting as documents arrive, until interrupted
    #[arg(long, conflicts_with = "wait")]
    follow: bool,
    /// A mailbox, mailboxes/ODS or mailboxes/ODS/WORKFLOW [default: all of your organisation's]
    #[arg(long, value_name = "NAME", value_parser = MailboxId::parse)]
    mailbox: Vec<MailboxId>,
    /// Collect at most this many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
    /// If nothing is there, wait this long for a first document
    #[arg(
        long,
        visible_alias = "once",
        value_name = "SECONDS",
        default_value_t = 0
    )]
    wait: u64,
    /// Write what is known of each document beside it, as UUID.meta.json
    #[arg(long)]
    metadata: bool,
    /// How long you may take to store a document
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=43_200))]
    lease_seconds: u64,
    /// What to call this collector in timelines
    #[arg(long, value_name = "NAME", default_value = "axle collect")]
    consumer: String,
}

/// What is fetched of documents too large to come along, for who watches.
fn downloads(printer: &Printer) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {bytes} fetched, {bytes_per_sec}");
    match style {
        Ok(style) if printer.is_watched() => ProgressBar::no_length().with_style(style),
        Ok(_) | Err(_) => ProgressBar::hidden(),
    }
}

/// What became of one document.
struct Done {
    received: Received,
    result: Result<Saved, ClientError>,
}

/// A run of the command.
struct Run<'a> {
    arguments: Arguments,
    folder: Folder,
    settler: Settler,
    printer: &'a mut Printer,
    saving: JoinSet<Done>,
    /// Documents received.
    taken: u64,
    /// Of those, how many could not be saved or acknowledged.
    failed: u64,
    /// Deliveries without a document.
    damaged: u64,
    /// What the broker said would come.
    announced: Option<u64>,
    active: Instant,
    bar: ProgressBar,
}

/// Collects until there is nothing more, the maximum is reached, or a signal comes.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let folder = Folder::open(&arguments.into).map_err(|error| {
        local(format!(
            "{} cannot be used: {error}",
            arguments.into.display()
        ))
    })?;
    let outstanding = arguments.max.unwrap_or(u64::MAX).min(16);
    let options = CollectOptions {
        mailboxes: arguments.mailbox.iter().map(MailboxId::to_string).collect(),
        consumer_id: arguments.consumer.clone(),
        lease: Duration::from_secs(arguments.lease_seconds),
        outstanding_max: u32::try_from(outstanding).unwrap_or(16),
        reconnect_for: (!arguments.follow).then_some(client.retry().total),
        ..CollectOptions::default()
    };
    let mut collector = client.collector(options);
    let bar = downloads(printer);
    let mut run = Run {
        arguments,
        folder,
        settler: collector.settler().clone(),
        printer,
        saving: JoinSet::new(),
        taken: 0,
        failed: 0,
        damaged: 0,
        announced: None,
        active: Instant::now(),
        bar,
    };
    let ended = run.collect(&mut collector).await;
    // What is being saved is finished and acknowledged; what waits is given back.
    while let Some(done) = run.saving.join_next().await {
        run.done(done);
    }
    collector.close().await;
    run.bar.finish_and_clear();
    ended?;
    run.finish()
}

impl Run<'_> {
    async fn collect(&mut self, collector: &mut Collector) -> Result<(), ClientError> {
        let (mut connection, mut downloaded) = (collector.connection(), collector.downloaded());
        let no_signals = |error| local(format!("signals cannot be heard: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
        loop {
            let open = self.arguments.max.is_none_or(|max| self.taken < max);
            if !open && self.saving.is_empty() {
                return Ok(());
            }
            let quiet = self.quiet();
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                Some(done) = self.saving.join_next() => self.done(done),
                item = collector.next(), if open && self.saving.len() < SAVING_MAX => match item {
                    Some(Ok(received)) => self.take(received),
                    Some(Err(error)) if error.subject().is_empty() => return Err(error),
                    Some(Err(error)) => {
                        self.damaged += 1;
                        self.active = Instant::now();
                        report::error(self.printer, &error);
                    }
                    None => return Ok(()),
                },
                // A large document on its way is as good as one that has come.
                Ok(()) = downloaded.changed() => {
                    self.active = Instant::now();
                    self.bar.set_position(*downloaded.borrow_and_update());
                }
                Ok(()) = connection.changed() => {
                    let state = connection.borrow_and_update().clone();
                    self.connection(state);
                }
                () = sleep_until(quiet.unwrap_or(self.active)), if quiet.is_some() => {
                    return Ok(());
                }
            }
        }
    }

    /// When to stop for want of documents, unless something happens before.
    fn quiet(&self) -> Option<Instant> {
        let announced = self.announced?;
        if self.arguments.follow || !self.saving.is_empty() {
            return None;
        }
        let wait = Duration::from_secs(self.arguments.wait);
        let pause = match self.taken + self.damaged {
            seen if seen < announced => QUIET_SHORT_OF.max(wait),
            0 => QUIET.max(wait),
            _ => QUIET,
        };
        Some(self.active + pause)
    }

    fn connection(&mut self, state: Connection) {
        self.active = Instant::now();
        match state {
            Connection::Connecting => {}
            Connection::Open { announced } => self.announced = Some(announced),
            Connection::Lost(error) => {
                self.announced = None;
                if !self.printer.is_json() {
                    self.printer
                        .remark(format!("{}; trying again", error.what()));
                }
            }
        }
    }

    fn take(&mut self, received: Received) {
        self.taken += 1;
        self.active = Instant::now();
        let (folder, settler) = (self.folder.clone(), self.settler.clone());
        let metadata = self.arguments.metadata;
        self.saving.spawn(async move {
            let (token, document) = (received.token.clone(), received.clone());
            let saving =
                tokio::task::spawn_blocking(move || folder.save(&RealDisk, &document, metadata));
            let saved = match saving.await {
                Ok(saved) => saved.map_err(|error| local(format!("not saved: {error}"))),
                Err(_) => Err(local("not saved: the program failed at it".to_owned())),
            };
            let result = match saved {
                Ok(saved) => settler.acknowledge(&token).await.map(|()| saved),
                Err(error) => {
                    // Best effort: otherwise it is offered again when its lease runs out.
                    let _ = settler.release(&token, UNSAVED_DELAY).await;
                    Err(error)
                }
            };
            Done { received, result }
        });
    }

    fn done(&mut self, done: Result<Done, tokio::task::JoinError>) {
        self.active = Instant::now();
        let Ok(Done { received, result }) = done else {
            self.failed += 1;
            return;
        };
        let saved = match result {
            Ok(saved) => saved,
            Err(error) => {
                self.failed += 1;
                report::error(self.printer, &error.about(&received.name));
                return;
            }
        };
        if self.printer.is_json() {
            self.printer
                .json_line(&CollectedView::new(&received, &saved));
        } else {
            let message = &received.message;
            let note = if saved.again { ", had it already" } else { "" };
            let what = undelivered(&received).unwrap_or_else(|| {
                let size = view::size(message.size_bytes);
                format!("from {}, {}, {size}", message.sender, message.workflow)
            });
            self.printer
                .line(format!("{}  {what}{note}", saved.path.display()));
        }
    }

    fn finish(self) -> Outcome {
        if !self.printer.is_json() {
            let count = self.taken - self.failed;
            let noun = if count == 1 { "document" } else { "documents" };
            self.printer
                .remark(format!("{count} {noun} collected and acknowledged"));
        }
        Ok(if self.failed + self.damaged == 0 {
            0
        } else {
            Class::TryAgain.exit_code()
        })
    }
}

/// What a report of the broker's says, in a line; `None` when it is none.
fn undelivered(received: &Received) -> Option<String> {
    if received.message.workflow != REPORT_WORKFLOW {
        return None;
    }
    let report: serde_json::Value = serde_json::from_slice(&received.content).ok()?;
    let text = |field: &str| report.get(field)?.as_str().map(str::to_owned);
    Some(format!(
        "NOT DELIVERED: your {} to {} is {}: {}",
        text("submission_id")?,
        text("recipient")?,
        text("state")?,
        text("reason")?,
    ))
}

#[derive(Serialize)]
struct CollectedView {
    delivery: String,
    mailbox: String,
    attempt: u32,
    file: String,
    already_there: bool,
    message: view::MessageView,
}

impl CollectedView {
    fn new(received: &Received, saved: &Saved) -> Self {
        Self {
            delivery: received.name.clone(),
            mailbox: received.mailbox.clone(),
            attempt: received.attempt,
            file: saved.path.display().to_string(),
            already_there: saved.again,
            message: (&received.message).into(),
        }
    }
}

#[cfg(test)]
mod tests;
