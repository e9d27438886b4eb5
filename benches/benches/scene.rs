//! What the routing path is measured with: mailboxes, a routing table, and documents on their way.

use std::fmt::Write as _;

use axle_benches::{
    documents::{Sample, samples, submission},
    estate::TRUST,
};
use axle_broker::clock::{Clock as _, SystemClock};
use axle_core::{
    authorise::{Authorised, authorise},
    change::{Acceptance, Change},
    directory::Directory,
    registration::Registration,
    route::route,
    snapshot::Snapshot,
    table::RoutingTable,
    validate::validate,
};
use axle_model::{
    digest::Digest,
    envelope::Submission,
    id::{MessageId, SubmissionId},
    identity::Identity,
    ods::OdsCode,
    time::Timestamp,
};

pub(crate) const PRACTICE: &str = "P81000";

/// What a submit is decided by.
pub(crate) struct Scene {
    pub(crate) snapshot: Snapshot,
    caller: Identity,
    pub(crate) now: Timestamp,
}

impl Scene {
    /// With this many mailboxes, and this many rules of each kind of which the last is the one that
    /// counts.
    pub(crate) fn new(mailboxes: usize, rules: usize) -> Self {
        let mut directory = String::new();
        for number in 0..mailboxes {
            let code = format!("P{:05}", 81_000 + number);
            write!(directory, "[[mailbox]]\norganisation = {code:?}\n")
                .expect("a String takes all");
        }
        Self {
            snapshot: Snapshot {
                directory: Directory::parse(&directory).expect("a directory"),
                table: RoutingTable::parse(&table(rules)).expect("a routing table"),
                ..Snapshot::default()
            },
            caller: Identity {
                organisation: Some(ods(TRUST)),
                operator: false,
                serial: "01".to_owned(),
                fingerprint: Digest::from_bytes([0; 32]),
            },
            now: SystemClock.now(),
        }
    }

    pub(crate) fn samples(&self) -> [Sample; 4] {
        samples(ods(TRUST), ods(PRACTICE), self.now)
    }

    pub(crate) fn authorised(&self, submission: Submission) -> Authorised {
        authorise(self.snapshot.table.policy(), &self.caller, submission)
            .expect("a sender who may send")
    }

    /// The whole path, as the engine walks it.
    pub(crate) fn change(&self, submission: Submission) -> Change {
        let authorised = self.authorised(submission);
        let checked = validate(&self.snapshot, &authorised, self.now).expect("a valid document");
        let routed = route(&self.snapshot, &checked, Registration::NotAsked, self.now)
            .expect("a known mailbox");
        Change::from(Acceptance::new(&routed, MESSAGE, self.now))
    }
}

pub(crate) const MESSAGE: MessageId = MessageId::from_bytes([7; 16]);

pub(crate) fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).expect("an ODS code")
}

/// A routing table in which `rules` classes, rules and permissions are passed over before one fits.
fn table(rules: usize) -> String {
    let mut text = String::from("version = 1\n[[workflow]]\nid = \"LETTERS\"\n");
    for number in 1..rules {
        write!(
            text,
            r#"
[[class]]
id = "class-{number}"
workflow = "LETTERS"
match = {{ event = ["ITK{number:03}X"], type = ["snomed:{number}"] }}
[[rule]]
id = "rule-{number}"
when = {{ class = ["class-{number}", "letters"], sender = ["X{number:04}"], section = ["snomed:{number}"] }}
then = {{ copy_to = ["P{copied:05}"] }}
[[allow]]
sender = ["X{number:04}"]
workflow = ["LETTERS"]
recipient = "*"
"#,
            copied = 82_000 + number,
        )
        .expect("a String takes all");
    }
    text + r#"
[[class]]
id = "letters"
workflow = "LETTERS"
match = { type = ["snomed:823681000000100", "snomed:373942005"] }
[[allow]]
sender = ["RR8"]
workflow = "*"
recipient = "*"
"#
}

pub(crate) fn submission_of(sample: &Sample) -> Submission {
    let id = SubmissionId::parse("letter-1").expect("a submission id");
    submission(
        id,
        ods(PRACTICE),
        sample.media_type.clone(),
        sample.body.clone(),
    )
}
