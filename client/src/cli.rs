//! The `axle` command line: arguments in, tables or JSON out, and an exit code a script can rely on
//! (0 ok, 2 usage, 65 bad data, 69 unavailable, 75 try again, 78 bad configuration). It decides
//! nothing about documents: it calls the SDK and prints what came of it.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};

use crate::{
    connection::Client,
    error::{Class, ClientError},
    profile::{Overrides, Profile},
    retry::Retry,
};

mod alarms;
mod answer;
mod collect;
mod dlq;
mod inbox;
mod list;
mod mailbox;
mod organisation;
mod outbox;
mod pki;
mod print;
mod reconcile;
mod report;
mod route;
mod save;
mod send;
mod status;
mod track;
mod validate;
mod view;
mod watch;
mod withdraw;

use print::{Format, Printer};

/// Sends documents to GP practices and collects them, with proof.
#[derive(Debug, Parser)]
#[command(name = "axle", version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    connection: ConnectionArguments,
    /// Tables for people, or JSON for programs: one document, or a line each for streams
    #[arg(long, global = true, value_enum, default_value_t = Format::Table, help_heading = "Output")]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
struct ConnectionArguments {
    /// File with broker, ca, certificate and key [default: ~/.config/axle/profile.toml]
    #[arg(long, global = true, value_name = "FILE", env = crate::profile::PROFILE_VARIABLE)]
    profile: Option<PathBuf>,
    /// The broker, https://HOST:PORT
    #[arg(long, global = true, value_name = "URL")]
    broker: Option<String>,
    /// The name in the broker's certificate, when it is not HOST
    #[arg(long, global = true, value_name = "NAME")]
    server_name: Option<String>,
    /// The certificates of the authorities whose brokers are trusted, PEM
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Your certificate, PEM
    #[arg(long, global = true, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The private key of your certificate, PEM
    #[arg(long, global = true, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How long to try again when the broker is not available
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 15)]
    retry_seconds: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send documents
    Send(send::Arguments),
    /// Ask whether documents would be accepted, and what is wrong with them; nothing is sent on
    Validate(validate::Arguments),
    /// How documents find their recipients
    #[command(subcommand)]
    Route(route::Command),
    /// Collect the documents that wait for you into a folder
    Collect(collect::Arguments),
    /// Say whether the patients of collected documents are known, as the documents ask
    Answer(answer::Arguments),
    /// Show a message and the timeline of each delivery
    Track(track::Arguments),
    /// List your own messages, newest first
    List(list::Arguments),
    /// Hold your own list of what you sent against what the broker knows
    Reconcile(reconcile::Arguments),
    /// Watch what happens to your deliveries
    Watch(watch::Arguments),
    /// Take a message back while nobody has collected it
    Withdraw(withdraw::Arguments),
    /// Show how your own mailbox stands
    Inbox(inbox::Arguments),
    /// Show mailboxes: for operators all, oldest unread first; otherwise your own
    Mailbox(mailbox::Arguments),
    /// Documents that did not reach their recipient (operators)
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// How the broker stands (operators)
    Status,
    /// What somebody must look at: silence, long waits, dead letters (operators)
    Alarms(alarms::Arguments),
    /// Show an organisation of the register, and whom a document for it reaches today (operators)
    Organisation(organisation::Arguments),
    /// A development authority: certificates for brokers, organisations and operators
    #[command(subcommand)]
    Pki(pki::Command),
}

/// How a command ended that printed what there was to say: the exit code.
type Outcome = Result<u8, ClientError>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let coloured = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (out, err) = (Box::new(io::stdout().lock()), Box::new(io::stderr()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let line = std::env::args_os();
            ExitCode::from(runtime.block_on(execute(line, out, err, coloured)))
        }
        Err(error) => {
            let mut printer = Printer::new(Format::Table, out, err);
            let error = local(format!("the system gives no threads: {error}"));
            report::error(&mut printer, &error);
            ExitCode::from(error.class().exit_code())
        }
    }
}

/// Runs one command line, its first word being the program's name, and returns the exit code. Help and
/// usage errors go to this process's own output whatever `out` and `err` are.
pub async fn execute(
    line: impl IntoIterator<Item = OsString>,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    coloured: bool,
) -> u8 {
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        // clap knows where they go and what they exit with.
        Err(error) => {
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let mut printer = Printer::new(arguments.output, out, err).with_colours(coloured);
    match run(arguments, &mut printer).await {
        Ok(code) => code,
        Err(error) => {
            report::error(&mut printer, &error);
            error.class().exit_code()
        }
    }
}

async fn run(arguments: Arguments, printer: &mut Printer) -> Outcome {
    let connection = arguments.connection;
    match arguments.command {
        Command::Pki(command) => pki::run(command, connection.broker, printer),
        Command::Send(command) => send::run(&connection.client()?, command, printer).await,
        Command::Validate(command) => validate::run(&connection.client()?, command, printer).await,
        Command::Route(command) => route::run(&connection.client()?, command, printer).await,
        Command::Collect(command) => collect::run(&connection.client()?, command, printer).await,
        Command::Answer(command) => answer::run(&connection.client()?, command, printer).await,
        Command::Track(command) => {
            let (profile, client) = connection.profile_and_client()?;
            track::run(&client, &profile, command, printer).await
        }
        Command::List(command) => list::run(&connection.client()?, command, printer).await,
        Command::Reconcile(command) => {
            reconcile::run(&connection.client()?, command, printer).await
        }
        Command::Watch(command) => watch::run(&connection.client()?, command, printer).await,
        Command::Withdraw(command) => withdraw::run(&connection.client()?, command, printer).await,
        Command::Inbox(command) => {
            let (profile, client) = connection.profile_and_client()?;
            inbox::run(&client, &profile, command, printer).await
        }
        Command::Mailbox(command) => {
            let (profile, client) = connection.profile_and_client()?;
            mailbox::run(&client, &profile, command, printer).await
        }
        Command::Dlq(command) => dlq::run(&connection.client()?, command, printer).await,
        Command::Alarms(command) => alarms::run(&connection.client()?, command, printer).await,
        Command::Organisation(command) => {
            organisation::run(&connection.client()?, command, printer).await
        }
        Command::Status => status::run(&connection.client()?, printer).await,
    }
}

impl ConnectionArguments {
    fn client(self) -> Result<Client, ClientError> {
        Ok(self.profile_and_client()?.1)
    }

    fn profile_and_client(self) -> Result<(Profile, Client), ClientError> {
        let overrides = Overrides {
            broker: self.broker,
            server_name: self.server_name,
            ca: self.ca,
            certificate: self.cert,
            key: self.key,
        };
        let profile = Profile::load(self.profile.as_deref(), overrides)?;
        let retry = Retry {
            total: Duration::from_secs(self.retry_seconds),
            ..Retry::default()
        };
        let client = Client::connect(&profile)?.with_retry(retry);
        Ok((profile, client))
    }
}

/// A failure of this machine, not of the broker: files, threads, the terminal.
fn local(what: String) -> ClientError {
    ClientError::new(
        Class::TryAgain,
        "LOCAL_FAILURE",
        what,
        "mend that and try again",
    )
}

#[cfg(test)]
mod tests;
