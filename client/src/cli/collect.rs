//! `axle collect`: documents into a folder. A document is acknowledged only when it is on disk; one
//! that could not be saved is given back.

use std::{path::PathBuf, time::Duration};

use axle_model::mailbox::{MailboxId, WorkflowId};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Outcome, local,
    outbox::{Outbox, Waiting},
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

mod answering;
mod show;

pub(super) use answering::send;
use answering::{Answering, NOT_SUPPORTED};
use show::{CollectedView, undelivered};

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
    /// Take only documents of this workflow, and refuse others as not supported [default: all]
    #[arg(long, value_name = "WORKFLOW", value_parser = WorkflowId::parse)]
    accept: Vec<WorkflowId>,
    /// Do not answer documents that ask whether they were taken in
    #[arg(long)]
    no_answers: bool,
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
    result: Result<Fate, ClientError>,
    /// Why its answer could not be sent yet.
    unanswered: Option<ClientError>,
}

/// Where a document is now.
enum Fate {
    Saved(Saved),
    /// With its sender again.
    Refused,
}

/// A run of the command.
struct Run<'a> {
    arguments: Arguments,
    folder: Folder,
    settler: Settler,
    answering: Answering,
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
    let outbox = (!arguments.no_answers).then(|| Outbox::of(&arguments.into));
    let answering = Answering::new(client.clone(), outbox, arguments.accept.clone());
    for error in answering.send_waiting().await {
        report::error(printer, &error);
    }
    let bar = downloads(printer);
    let mut run = Run {
        arguments,
        folder,
        settler: collector.settler().clone(),
        answering,
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
        let (answering, metadata) = (self.answering.clone(), self.arguments.metadata);
        self.saving.spawn(async move {
            let kept = keep(folder, answering.clone(), received.clone(), metadata).await;
            let (result, waiting) = settle(&settler, &received.token, kept).await;
            let unanswered = match (&result, waiting) {
                (Ok(_), Some(waiting)) => answering.send(&waiting).await.err(),
                (Ok(_) | Err(_), _) => None,
            };
            Done {
                received,
                result,
                unanswered,
            }
        });
    }

    fn done(&mut self, done: Result<Done, tokio::task::JoinError>) {
        self.active = Instant::now();
        let Ok(Done {
            received,
            result,
            unanswered,
        }) = done
        else {
            self.failed += 1;
            return;
        };
        if let Some(error) = unanswered {
            report::error(self.printer, &error);
        }
        let saved = match result {
            Ok(Fate::Saved(saved)) => saved,
            Ok(Fate::Refused) => {
                let workflow = &received.message.workflow;
                let what = format!("{}  refused: {workflow} is not taken here", received.name);
                self.printer.remark(what);
                return;
            }
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

/// Puts a document on disk, if it is taken here, and what is to be answered.
async fn keep(
    folder: Folder,
    answering: Answering,
    received: Received,
    metadata: bool,
) -> Result<(Fate, Option<Waiting>), ClientError> {
    let keeping = tokio::task::spawn_blocking(move || {
        let taken = answering.takes(&received);
        let fate = match taken {
            true => Fate::Saved(folder.save(&RealDisk, &received, metadata)?),
            false => Fate::Refused,
        };
        Ok((fate, answering.prepare(&received, taken)?))
    });
    match keeping.await {
        Ok(kept) => kept.map_err(|error: std::io::Error| local(format!("not saved: {error}"))),
        Err(_) => Err(local("not saved: the program failed at it".to_owned())),
    }
}

/// Tells the broker what became of a document, and hands on what is to be answered then.
async fn settle(
    settler: &Settler,
    token: &str,
    kept: Result<(Fate, Option<Waiting>), ClientError>,
) -> (Result<Fate, ClientError>, Option<Waiting>) {
    let (fate, waiting) = match kept {
        Ok(kept) => kept,
        Err(error) => {
            // Best effort: otherwise it is offered again when its lease runs out.
            let _ = settler.release(token, UNSAVED_DELAY).await;
            return (Err(error), None);
        }
    };
    let settled = match &fate {
        Fate::Saved(_) => settler.acknowledge(token).await,
        Fate::Refused => {
            let code = NOT_SUPPORTED.to_string();
            settler.reject(token, &code, false).await
        }
    };
    (settled.map(|()| fate), waiting)
}

#[cfg(test)]
mod tests;
