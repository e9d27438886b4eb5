//! What load is put on: a broker of its own with its estate, or a user's broker with the user's profiles.

use std::path::{Path, PathBuf};

use axle_client::{
    connection::own_identity,
    error::ClientError,
    profile::{Overrides, Profile},
};
use axle_model::ods::OdsCode;

use super::{account::Account, process::BrokerProcess};
use crate::estate::{Estate, EstateError, Mailbox, TRUST};

/// Whom a load sends as, whom it collects as, and what of the broker can be looked at.
#[derive(Clone, Debug)]
pub struct Target {
    /// The organisation that sends.
    pub sender: Party,
    /// The practices that collect.
    pub practices: Vec<Party>,
    /// The mailboxes, by their practice's place in `practices`.
    pub mailboxes: Vec<Mailbox>,
    /// What can be looked at.
    pub host: Host,
}

/// An organisation and how it reaches the broker.
#[derive(Clone, Debug)]
pub struct Party {
    /// The organisation.
    pub code: OdsCode,
    /// How it reaches the broker.
    pub profile: Profile,
}

/// What of a broker is on this machine.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// The id of its process.
    pub process: Option<u32>,
    /// The folder of its store.
    pub store: Option<PathBuf>,
}

/// A user's broker, as it is told on the command line.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// `HOST:PORT`, whatever the profiles say.
    pub endpoint: String,
    /// The profile of the organisation that sends.
    pub sender: PathBuf,
    /// The profiles of those that collect.
    pub collectors: Vec<PathBuf>,
    /// The workflow the documents travel under; `None` for what the broker's table says.
    pub workflow: Option<String>,
    /// What of it is on this machine.
    pub host: Host,
}

impl Target {
    /// A broker of its own that serves `estate`.
    pub fn of_estate(estate: &Estate, broker: &BrokerProcess) -> Result<Self, EstateError> {
        let party = |code: OdsCode| Party {
            code,
            profile: estate.profile(code.as_str(), broker.address()),
        };
        Ok(Self {
            sender: party(OdsCode::parse(TRUST)?),
            practices: estate.practices().iter().copied().map(party).collect(),
            mailboxes: (0..estate.mailboxes())
                .map(|number| estate.mailbox(number))
                .collect(),
            host: Host {
                process: Some(broker.id()),
                store: Some(broker.store().to_owned()),
            },
        })
    }

    /// A user's broker: a mailbox for each profile that collects, of the organisation that its
    /// certificate names.
    pub fn of_user(users: &Users) -> Result<Self, EstateError> {
        let host = &users.host;
        if let Some(id) = host.process.filter(|&id| Account::of(id).is_none()) {
            return Err(EstateError::Wish(format!(
                "there is no process {id} on this machine; leave --broker-pid out when the broker runs \
                 on another"
            )));
        }
        let folder = host.store.as_ref();
        if let Some(folder) = folder.filter(|folder| !folder.join("journal").is_dir()) {
            let folder = folder.display();
            let why = format!("{folder} is not the folder of a store: there is no journal in it");
            return Err(EstateError::Wish(why));
        }
        let party = |file: &PathBuf| party(file, &users.endpoint);
        let practices: Vec<Party> = users
            .collectors
            .iter()
            .map(party)
            .collect::<Result<_, _>>()?;
        let mailbox = |(practice, party): (usize, &Party)| Mailbox {
            practice,
            recipient: party.code,
            workflow: users.workflow.clone().unwrap_or_default(),
        };
        Ok(Self {
            sender: party(&users.sender)?,
            mailboxes: practices.iter().enumerate().map(mailbox).collect(),
            practices,
            host: host.clone(),
        })
    }
}

fn party(file: &Path, endpoint: &str) -> Result<Party, EstateError> {
    let beginning = |error: ClientError| EstateError::Beginning {
        what: file.display().to_string(),
        error,
    };
    let overrides = Overrides {
        broker: Some(format!("https://{endpoint}")),
        ..Overrides::default()
    };
    let profile = Profile::load(Some(file), overrides).map_err(beginning)?;
    let identity = own_identity(&profile).map_err(beginning)?;
    let code = identity.organisation.ok_or_else(|| {
        let file = file.display();
        EstateError::Wish(format!(
            "the certificate of {file} names no organisation: an operator neither sends nor collects"
        ))
    })?;
    Ok(Party { code, profile })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{fs, path::PathBuf};

    use axle_broker::clock::{Clock as _, SystemClock};
    use axle_pki::issue::{Authority, Request};

    use super::{Estate, Host, Target, Users};
    use crate::estate::default_parent;

    /// An estate with the profiles a user would have, and what that user would ask for.
    fn users() -> (Estate, Users) {
        let estate = Estate::new(&default_parent(), 2, 2).unwrap();
        let profile = |who: &str| {
            let file = estate.path().join(format!("{who}.toml"));
            let elsewhere = ([127, 0, 0, 1], 1).into();
            fs::write(&file, estate.profile(who, elsewhere).to_toml()).unwrap();
            file
        };
        let users = Users {
            endpoint: "broker.example:7443".to_owned(),
            sender: profile("RR8"),
            collectors: vec![profile("P81000"), profile("P81001")],
            workflow: Some("LETTERS".to_owned()),
            host: Host::default(),
        };
        (estate, users)
    }

    #[test]
    fn mailboxes_are_those_of_the_organisations_that_the_certificates_name() {
        let (_estate, users) = users();
        let target = Target::of_user(&users).unwrap();
        assert_eq!(target.sender.code.as_str(), "RR8");
        assert_eq!(target.sender.profile.broker, "https://broker.example:7443");
        let mailboxes = target.mailboxes.iter();
        let named: Vec<_> = mailboxes
            .map(|mailbox| (mailbox.recipient.as_str(), mailbox.workflow.as_str()))
            .collect();
        assert_eq!(named, [("P81000", "LETTERS"), ("P81001", "LETTERS")]);
    }

    #[test]
    fn what_is_no_use_is_said_by_name() {
        let (estate, users) = users();
        let refused = |users: Users| Target::of_user(&users).unwrap_err().to_string();
        let missing = refused(Users {
            sender: PathBuf::from("nowhere.toml"),
            ..users.clone()
        });
        assert!(missing.contains("nowhere.toml"), "{missing}");

        let operator = Request {
            operator: true,
            days: 1,
            ..Request::default()
        };
        fs::remove_file(estate.path().join("pki/P81001.pem")).unwrap();
        fs::remove_file(estate.path().join("pki/P81001.key")).unwrap();
        let authority = Authority::open(&estate.path().join("pki")).unwrap();
        authority
            .issue("P81001", &operator, SystemClock.now())
            .unwrap();
        let operator = refused(users.clone());
        assert!(operator.contains("names no organisation"), "{operator}");

        let host = |process, store| Users {
            host: Host { process, store },
            ..users.clone()
        };
        let gone = refused(host(Some(u32::MAX), None));
        assert!(gone.contains("no process 4294967295"), "{gone}");
        let empty = refused(host(None, Some(estate.path().to_owned())));
        assert!(empty.contains("no journal"), "{empty}");
    }
}
