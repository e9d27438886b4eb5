//! Tell: what a person wants to see of the demo.

use std::{
    env, io,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use axle_proto::v1::{Delivery, DeliveryEvent, DeliveryEventKind};

use super::{
    cast::Played,
    script::{HEALTH_CENTRE, SURGERY, TRUST},
    stage::Stage,
};

/// Tells the demo to a person.
pub(super) struct Teller<'o, W> {
    out: &'o mut W,
}

impl<'o, W: Write> Teller<'o, W> {
    pub(super) const fn new(out: &'o mut W) -> Self {
        Self { out }
    }

    pub(super) fn opening(&mut self, stage: &Stage) -> io::Result<()> {
        writeln!(
            self.out,
            "A broker on https://{}, over mutual TLS; its store is in {}.\n\
             Trust {TRUST} (Northbridge Hospitals) sends to the practices {SURGERY} (Riverside Surgery)\n\
             and {HEALTH_CENTRE} (Hilltop Health Centre).\n",
            stage.address(),
            stage.folder().display()
        )
    }

    pub(super) fn refusals(&mut self, played: &Played<'_>) -> io::Result<()> {
        writeln!(self.out, "Refused, with the reason, and nothing stored:")?;
        for outcome in &played.outcomes {
            let Err(error) = &outcome.sent else { continue };
            writeln!(self.out, "  {}", outcome.scene.title)?;
            writeln!(self.out, "    {}: {}", error.reason(), error.what())?;
            for finding in error
                .findings()
                .iter()
                .filter(|finding| !finding.rule.is_empty())
            {
                writeln!(
                    self.out,
                    "    {} at {}: {}",
                    finding.rule, finding.path, finding.description
                )?;
            }
            writeln!(self.out, "    what to do: {}", error.remedy())?;
        }
        writeln!(self.out)
    }

    pub(super) fn deliveries(&mut self, played: &Played<'_>) -> io::Result<()> {
        writeln!(
            self.out,
            "Accepted, durable before the sender heard of it, and delivered:"
        )?;
        for outcome in &played.outcomes {
            let Some(message) = &outcome.message else {
                continue;
            };
            let kib = outcome.scene.content.len() / 1024;
            writeln!(self.out, "  {}, {kib} KiB", outcome.scene.title)?;
            writeln!(
                self.out,
                "    {}  workflow {}",
                message.name, message.workflow
            )?;
            for delivery in &message.deliveries {
                let equal = match outcome.arrived.get(delivery.recipient.as_str()) {
                    Some(true) => "byte for byte as sent",
                    Some(false) => "NOT THE BYTES THAT WERE SENT",
                    None => "DID NOT ARRIVE",
                };
                writeln!(self.out, "    {TRUST} → {}: {equal}", delivery.recipient)?;
                self.timeline(delivery)?;
            }
        }
        writeln!(self.out)
    }

    fn timeline(&mut self, delivery: &Delivery) -> io::Result<()> {
        let mut before = None;
        for event in &delivery.events {
            let micros = micros_of(event);
            let since = before.map_or(String::new(), |before: i64| {
                let passed = micros.saturating_sub(before);
                format!("+{}.{:01} ms", passed / 1_000, passed % 1_000 / 100)
            });
            before = Some(micros);
            writeln!(
                self.out,
                "      {:<14}{}  {since:>11}  {}",
                word_of(event.kind()),
                clock_of(micros),
                by_of(event)
            )?;
        }
        Ok(())
    }

    pub(super) fn verdict(
        &mut self,
        played: &Played<'_>,
        failures: &[String],
        took: Duration,
    ) -> io::Result<()> {
        for failure in failures {
            writeln!(self.out, "FAILED: {failure}")?;
        }
        let arrived: usize = played
            .outcomes
            .iter()
            .map(|outcome| outcome.arrived.len())
            .sum();
        let refused = played
            .outcomes
            .iter()
            .filter(|outcome| outcome.sent.is_err())
            .count();
        writeln!(
            self.out,
            "{} documents: {arrived} deliveries arrived, {refused} documents were refused; {} from the \
             start of the process to the last acknowledgement.\n",
            played.outcomes.len(),
            seconds(took)
        )
    }

    /// The commands to repeat it by hand.
    pub(super) fn commands(
        &mut self,
        stage: &Stage,
        played: &Played<'_>,
        next: &[PathBuf],
        keep: bool,
    ) -> io::Result<()> {
        if !keep {
            return writeln!(
                self.out,
                "To repeat it by hand, leave the broker running:\n  cargo run --release -- demo --keep\n\
                 It prints the `axle send`, `axle collect` and `axle track` commands to paste."
            );
        }
        let axle = axle_command();
        let with = |name: &str| format!("{axle} --profile {}", stage.profile_path(name).display());
        let [summary, letter] = next else {
            return Ok(());
        };
        writeln!(
            self.out,
            "The broker goes on running until Ctrl-C. In another terminal:\n"
        )?;
        writeln!(
            self.out,
            "  {} send {} --to {SURGERY}",
            with(TRUST),
            summary.display()
        )?;
        writeln!(
            self.out,
            "  {} send {} --to {SURGERY},{HEALTH_CENTRE}",
            with(TRUST),
            letter.display()
        )?;
        for practice in [SURGERY, HEALTH_CENTRE] {
            let into = stage.folder().join("collected").join(practice);
            writeln!(
                self.out,
                "  {} collect --into {}",
                with(practice),
                into.display()
            )?;
        }
        let tracked = played
            .outcomes
            .iter()
            .find_map(|outcome| outcome.message.as_ref());
        if let Some(message) = tracked {
            writeln!(self.out, "  {} track {}", with(TRUST), message.name)?;
        }
        writeln!(self.out, "  {} mailbox", with("operator"))?;
        self.out.flush()
    }
}

/// The client's command: the binary beside this one when it has been built, otherwise through cargo.
fn axle_command() -> String {
    let beside = env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join("axle")));
    match beside.filter(|path| path.is_file()) {
        Some(path) => path.display().to_string(),
        None => {
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml");
            let manifest = manifest.display();
            format!(
                "cargo run --quiet --release --manifest-path {manifest} --package axle-client --bin axle --"
            )
        }
    }
}

fn micros_of(event: &DeliveryEvent) -> i64 {
    let time = event.event_time.unwrap_or_default();
    time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000
}

/// The time of day in UTC.
fn clock_of(micros: i64) -> String {
    let of_day = micros.rem_euclid(86_400_000_000);
    let (seconds, millis) = (of_day / 1_000_000, of_day % 1_000_000 / 1_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{millis:03}", seconds % 60)
}

fn seconds(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

fn word_of(kind: DeliveryEventKind) -> String {
    kind.as_str_name()
        .trim_start_matches("DELIVERY_EVENT_KIND_")
        .to_lowercase()
        .replace('_', "-")
}

fn by_of(event: &DeliveryEvent) -> String {
    let actor = event.actor.trim_start_matches("organisations/");
    if event.consumer_id.is_empty() {
        format!("by {actor}")
    } else {
        format!("by {actor} ({})", event.consumer_id)
    }
}
