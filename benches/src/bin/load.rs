//! `load`: plays a job against a broker in a process of its own, or against a user's, and prints what it
//! came to. Exit 0 only if nothing was lost, duplicated or refused, and everything due was sent.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use axle_benches::{
    estate::{Estate, EstateError, default_parent},
    load::{
        job::{Job, Name, Payload, Submit},
        process::{self, BrokerProcess},
        report::Outcome,
        run,
        sample::Sampler,
        target::{Host, Target, Users},
    },
};
use clap::{Parser, value_parser};
use tikv_jemallocator::Jemalloc;

// As in the daemon, which this program stands in for.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Puts load on a broker: real mutual TLS, a real disk, practices that verify and acknowledge every
/// document. It starts a broker for that, unless --endpoint names one that runs.
#[derive(Debug, Parser)]
struct Arguments {
    /// The job.
    job: Name,
    /// What the documents are.
    #[arg(long, value_enum, default_value_t = Payload::Opaque)]
    payload: Payload,
    /// How they are submitted.
    #[arg(long, value_enum, default_value_t = Submit::Stream)]
    submit: Submit,
    /// Send this many documents a second in all, whether or not the broker keeps up, and count latencies
    /// from when each was due; otherwise each producer sends as fast as it gets receipts.
    #[arg(long, value_name = "DOCUMENTS", value_parser = value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How long to measure, after a second of warm-up.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Add a sample to this file again and again while measuring, as JSON, one a line.
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
    /// Seconds from sample to sample.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, requires = "samples",
        value_parser = value_parser!(u64).range(1..))]
    every: u64,

    /// How many practices share the mailboxes, each with a connection of its own.
    #[arg(long, help_heading = "A broker of its own")]
    practices: Option<usize>,
    /// Where it keeps its documents meanwhile: a folder on the disk to be measured.
    #[arg(long, default_value_os_t = default_parent(), help_heading = "A broker of its own")]
    folder: PathBuf,
    /// Whether it encrypts what it keeps.
    #[arg(long, help_heading = "A broker of its own")]
    encrypted: bool,
    /// How long it keeps the documents of what is settled: a day unless set.
    #[arg(long, value_name = "SECONDS", help_heading = "A broker of its own")]
    retention_seconds: Option<u64>,

    /// Its address. Nobody else's documents should wait in the mailboxes meanwhile.
    #[arg(long, value_name = "HOST:PORT", help_heading = "A broker that runs",
        requires_all = ["sender", "collectors"],
        conflicts_with_all = ["practices", "folder", "encrypted", "retention_seconds"])]
    endpoint: Option<String>,
    /// The profile of the organisation that sends, as for `axle --profile`.
    #[arg(
        long,
        value_name = "PROFILE",
        requires = "endpoint",
        help_heading = "A broker that runs"
    )]
    sender: Option<PathBuf>,
    /// The profile of one that collects, and that documents are sent to; may be repeated.
    #[arg(
        long = "collector",
        value_name = "PROFILE",
        requires = "endpoint",
        help_heading = "A broker that runs"
    )]
    collectors: Vec<PathBuf>,
    /// The workflow of the documents; the broker's table decides unless set. Opaque ones need one.
    #[arg(
        long,
        value_name = "NAME",
        requires = "endpoint",
        help_heading = "A broker that runs"
    )]
    workflow: Option<String>,
    /// Its process, when it is on this machine: then what it cost is told.
    #[arg(
        long,
        value_name = "PID",
        requires = "endpoint",
        help_heading = "A broker that runs"
    )]
    broker_pid: Option<u32>,
    /// The folder of its store, when it is on this machine: then samples tell what it takes.
    #[arg(
        long,
        value_name = "FOLDER",
        requires = "endpoint",
        help_heading = "A broker that runs"
    )]
    broker_store: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match process::serve_if_asked().await {
        Some(served) => served.map(|()| true),
        None => play(&Arguments::parse()).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody to tell when even that fails.
            let _ = writeln!(io::stderr(), "load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(arguments: &Arguments) -> Result<bool, EstateError> {
    let sampler = (arguments.samples.clone())
        .map(|file| Sampler::new(file, Duration::from_secs(arguments.every)));
    let outcome = match arguments.users() {
        Some(users) => {
            let target = Target::of_user(&users)?;
            let job = arguments.job().to_practices(target.practices.len());
            run::run(&job, &target, sampler.as_ref()).await?
        }
        None => on_a_broker_of_its_own(arguments, sampler.as_ref()).await?,
    };
    let line = serde_json::to_string(&outcome).map_err(io::Error::from)?;
    let mut out = io::stdout();
    writeln!(out, "{}\n{line}", outcome.table())?;
    Ok(outcome.is_clean())
}

async fn on_a_broker_of_its_own(
    arguments: &Arguments,
    sampler: Option<&Sampler>,
) -> Result<Outcome, EstateError> {
    let job = arguments.job();
    let job = match arguments.practices {
        Some(practices) => job.over_practices(practices),
        None => job,
    };
    let estate = Estate::new(&arguments.folder, job.practices, job.mailboxes)?;
    if job.encrypted {
        estate.encrypt()?;
    }
    let retention = arguments.retention_seconds.map(Duration::from_secs);
    let broker = BrokerProcess::start(&estate, retention)?;
    let target = Target::of_estate(&estate, &broker)?;
    let outcome = run::run(&job, &target, sampler).await?;
    broker.stop()?;
    Ok(outcome)
}

impl Arguments {
    fn job(&self) -> Job {
        let measured = Duration::from_secs(self.seconds);
        let job = Job::new(self.job, self.payload, self.submit, measured);
        let job = Job {
            encrypted: self.encrypted,
            ..job
        };
        match self.rate {
            Some(rate) => job.at_rate(rate),
            None => job,
        }
    }

    fn users(&self) -> Option<Users> {
        Some(Users {
            endpoint: self.endpoint.clone()?,
            sender: self.sender.clone()?,
            collectors: self.collectors.clone(),
            workflow: self.workflow.clone(),
            host: Host {
                process: self.broker_pid,
                store: self.broker_store.clone(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use clap::{CommandFactory as _, Parser as _};

    use super::Arguments;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(["load"].into_iter().chain(line.split(' ')))
    }

    #[test]
    fn a_users_broker_needs_somebody_who_sends_and_somebody_who_collects() {
        Arguments::command().debug_assert();
        let users = "--endpoint broker:7443 --sender RR8.toml --collector A.toml";
        let found = parse(&format!("W2 {users} --collector B.toml")).unwrap();
        let found = found.users().unwrap();
        assert_eq!(found.collectors.len(), 2);
        for (mistake, named) in [
            ("W2 --endpoint broker:7443".to_owned(), "--sender"),
            (
                "W2 --endpoint broker:7443 --sender RR8.toml".to_owned(),
                "--collector",
            ),
            ("W2 --broker-pid 7".to_owned(), "--endpoint"),
            (
                format!("W2 {users} --retention-seconds 7"),
                "--retention-seconds",
            ),
            (format!("W2 {users} --folder elsewhere"), "--folder"),
            (format!("W2 {users} --encrypted"), "--encrypted"),
        ] {
            let told = parse(&mistake).unwrap_err().to_string();
            assert!(told.contains(named), "{mistake}: {told}");
        }
        assert!(parse("W2").unwrap().users().is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for mistake in [
            "W5",
            "W2 --rate 0",
            "W2 --seconds 0",
            "W2 --every 5",
            "W2 --every 0 --samples x",
        ] {
            assert!(parse(mistake).is_err(), "{mistake}");
        }
        let job = parse("W2 --rate 100 --seconds 600").unwrap().job();
        assert_eq!(job.rate, Some(100));
        assert!((job.measured_seconds - 600.0).abs() < 1e-9);
    }
}
