//! `axle pki`: the development authority, and profiles for the certificates it issues. It works on
//! files alone and talks to no broker.

use std::{
    fs,
    path::{Path, PathBuf},
};

use axle_model::ods::OdsCode;
use axle_pki::issue::{Authority, IssueError, Request};
use serde::Serialize;

use super::{Outcome, local, print::Printer, view::now};
use crate::{
    error::{Class, ClientError},
    profile::Profile,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create an authority in a folder
    Init(InitArguments),
    /// Issue a certificate; with --broker URL also write a profile for it
    Issue(IssueArguments),
    /// Revoke a certificate, and sign the revocation list anew
    Revoke(RevokeArguments),
}

#[derive(Debug, clap::Args)]
pub(super) struct InitArguments {
    /// The folder; created if missing
    dir: PathBuf,
    /// What the authority calls itself
    #[arg(long, default_value = "Axle development authority")]
    name: String,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("holder").required(true).multiple(true))]
pub(super) struct IssueArguments {
    /// The authority's folder; the certificate is written there too
    #[arg(long)]
    dir: PathBuf,
    /// For the organisation with this ODS code
    #[arg(long, value_name = "CODE", group = "holder")]
    ods: Option<OdsCode>,
    /// For an operator of the broker
    #[arg(long, group = "holder")]
    operator: bool,
    /// For a broker that serves under these DNS names and addresses
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', group = "holder")]
    server: Vec<String>,
    /// How long it is valid
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// What the files are called [default: the code, operator, or server]
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct RevokeArguments {
    /// The authority's folder
    #[arg(long)]
    dir: PathBuf,
    /// The certificate's file or its serial number
    certificate: String,
}

/// Runs one of the three.
pub(super) fn run(command: Command, broker: Option<String>, printer: &mut Printer) -> Outcome {
    match command {
        Command::Init(arguments) => init(&arguments, printer),
        Command::Issue(arguments) => issue(arguments, broker, printer),
        Command::Revoke(arguments) => revoke(&arguments, printer),
    }
}

fn init(arguments: &InitArguments, printer: &mut Printer) -> Outcome {
    let authority = Authority::init(&arguments.dir, &arguments.name, now()).map_err(failed)?;
    #[derive(Serialize)]
    struct View {
        ca: PathBuf,
        crl: PathBuf,
    }
    let view = View {
        ca: authority.certificate_path(),
        crl: authority.revocations_path(),
    };
    if printer.is_json() {
        printer.json(&view);
    } else {
        printer.line(format!("authority        {}", view.ca.display()));
        printer.line(format!("revocation list  {}", view.crl.display()));
    }
    Ok(0)
}

fn issue(arguments: IssueArguments, broker: Option<String>, printer: &mut Printer) -> Outcome {
    let name = arguments
        .name
        .unwrap_or_else(|| match (&arguments.ods, arguments.operator) {
            (Some(code), _) => code.to_string(),
            (None, true) => "operator".to_owned(),
            (None, false) => "server".to_owned(),
        });
    let authority = Authority::open(&arguments.dir).map_err(failed)?;
    let request = Request {
        organisation: arguments.ods,
        operator: arguments.operator,
        server_names: arguments.server,
        days: arguments.days,
    };
    let issued = authority.issue(&name, &request, now()).map_err(failed)?;
    let profile = match broker {
        Some(broker) => {
            let path = arguments.dir.join(format!("{name}.toml"));
            let profile = Profile {
                broker,
                server_name: None,
                ca: file_name(&authority.certificate_path()),
                certificate: file_name(&issued.certificate),
                key: file_name(&issued.key),
            };
            fs::write(&path, profile.to_toml())
                .map_err(|error| local(format!("{} cannot be written: {error}", path.display())))?;
            Some(path)
        }
        None => None,
    };
    #[derive(Serialize)]
    struct View {
        certificate: PathBuf,
        key: PathBuf,
        serial: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        profile: Option<PathBuf>,
    }
    if printer.is_json() {
        printer.json(&View {
            certificate: issued.certificate,
            key: issued.key,
            serial: issued.serial,
            profile,
        });
    } else {
        printer.line(format!("certificate  {}", issued.certificate.display()));
        printer.line(format!("key          {}", issued.key.display()));
        printer.line(format!("serial       {}", issued.serial));
        if let Some(profile) = profile {
            printer.line(format!("profile      {}", profile.display()));
        }
    }
    Ok(0)
}

fn revoke(arguments: &RevokeArguments, printer: &mut Printer) -> Outcome {
    let authority = Authority::open(&arguments.dir).map_err(failed)?;
    let serial = authority
        .revoke(&arguments.certificate, now())
        .map_err(failed)?;
    #[derive(Serialize)]
    struct View {
        serial: String,
        crl: PathBuf,
    }
    let crl = authority.revocations_path();
    if printer.is_json() {
        printer.json(&View { serial, crl });
    } else {
        printer.line(format!(
            "revoked {serial}; give brokers the new {}",
            crl.display()
        ));
    }
    Ok(0)
}

/// The profile lies beside the files it names.
fn file_name(path: &Path) -> PathBuf {
    path.file_name()
        .map_or_else(|| path.to_owned(), PathBuf::from)
}

fn failed(error: IssueError) -> ClientError {
    let mut what = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        what = format!("{what}: {cause}");
        source = cause.source();
    }
    let (class, remedy) = match &error {
        IssueError::Exists(_) | IssueError::Name | IssueError::ServerName(_) => {
            (Class::Refused, "")
        }
        IssueError::UnknownCertificate(_) => (
            Class::Refused,
            "name the certificate's file, or its serial number as in issued.tsv",
        ),
        IssueError::File { .. } | IssueError::Unusable { .. } | IssueError::Signing(_) => (
            Class::Configuration,
            "name the folder of an authority, made by `axle pki init DIR`",
        ),
    };
    ClientError::new(class, "AUTHORITY_REFUSED", what, remedy)
}
