//! Alarms and closing over the memory store, by a clock that stands until it is moved.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failure to prepare a test is its failure"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use axle_core::{alarm::Subject, directory::Directory, snapshot::Snapshot, table::RoutingTable};
use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority, Submission},
    id::{MessageId, SubmissionId},
    ods::OdsCode,
    time::Timestamp,
};
use axle_store::memory::Memory;

use super::*;
use crate::{
    engine::{collect::Room, settle::Settlement},
    view::{Limits, View},
};

const DIRECTORY: &str = r#"
[closing]
grace_minutes = 60

[[mailbox]]
organisation = "K81003"
silent_after_hours = 24

[[mailbox]]
organisation = "A83008"

[[sender]]
organisation = "RR8"
silent_after_hours = 12
"#;
const TABLE: &str = r#"
version = 1

[defaults]
workflow = "SCANS"

[[workflow]]
id = "SCANS"
opaque = true
warn_after_seconds = 7_200
warn_urgent_after_seconds = 60

[[allow]]
sender = "*"
workflow = "*"
recipient = "*"
"#;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

#[derive(Clone)]
struct Stands(Arc<AtomicU64>);

impl Clock for Stands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A broker whose time passes only as told.
struct Broker {
    engine: Arc<Engine<Memory, Stands>>,
    clock: Stands,
    closing: Closing,
}

impl Broker {
    fn start() -> Self {
        let clock = Stands(Arc::new(AtomicU64::new(1_795_000_000_000_000)));
        let store = Arc::new(Memory::default());
        let engine = Engine::new(store, clock.clone(), view(DIRECTORY), Arc::default());
        Self {
            engine: Arc::new(engine),
            clock,
            closing: Closing::default(),
        }
    }

    /// Lets time pass and does what the broker does by itself then; the alarms in force, in words.
    async fn after(&mut self, span: Duration) -> Vec<String> {
        let micros = u64::try_from(span.as_micros()).unwrap();
        self.clock.0.fetch_add(micros, Ordering::Relaxed);
        self.engine.move_due().await.unwrap();
        self.engine.look_around(&mut self.closing).await.unwrap();
        let word = |(subject, alarm): (&Subject, &axle_core::alarm::Alarm)| {
            format!("{} {subject} {}", subject.kind().as_str(), alarm.deliveries)
        };
        self.engine.alarms().iter().map(word).collect()
    }

    async fn send(&self, id: &str, priority: Priority, recipient: &str) -> MessageId {
        let body = id.as_bytes().to_vec();
        let submission = Submission {
            id: SubmissionId::parse(id).unwrap(),
            claimed_sender: None,
            recipients: vec![ods(recipient)],
            patient: None,
            restricted: false,
            workflow: None,
            media_type: MediaType::Opaque("image/tiff".into()),
            digest: Digest::of(&body),
            body: body.into(),
            priority,
            order_key: None,
            correlation_id: None,
            labels: Default::default(),
            time_to_live: None,
        };
        let accepted = self.engine.submit(&holder("RR8"), submission).await;
        accepted.unwrap().receipt.message
    }

    /// Asks for what waits for a practice, with leases of a minute.
    async fn ask(&self, practice: &str) -> Vec<axle_store::Claimed> {
        let collector = self
            .engine
            .collector(&holder(practice), vec![], "test".into(), MINUTE);
        let room = Room {
            deliveries: 1_000,
            bytes: u64::MAX,
        };
        self.engine.take(&collector.unwrap(), room).await.unwrap()
    }

    /// The events of a message's only delivery, in words.
    async fn events(&self, message: MessageId) -> Vec<String> {
        let message = self.engine.store().load(message).await.unwrap().unwrap();
        let timeline = message.deliveries[0].timeline.iter();
        let word = |event: &axle_core::event::Event| format!("{:?}", event.kind);
        timeline.map(word).collect()
    }
}

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

fn holder(organisation: &str) -> Identity {
    Identity {
        organisation: Some(ods(organisation)),
        operator: false,
        serial: "1".to_owned(),
        fingerprint: Digest::of(b"certificate"),
    }
}

fn view(directory: &str) -> View {
    View {
        snapshot: Snapshot {
            directory: Directory::parse(directory).unwrap(),
            table: RoutingTable::parse(TABLE).unwrap(),
            ..Snapshot::default()
        },
        limits: Limits::default(),
    }
}

#[tokio::test]
async fn silence_raises_an_alarm_and_a_sign_of_life_clears_it() {
    let mut broker = Broker::start();
    let sender = "sender_silent organisations/RR8 0";
    let collector = "collector_silent mailboxes/K81003 0";
    assert_eq!(broker.after(HOUR * 11).await, [] as [&str; 0]);
    assert_eq!(broker.after(HOUR).await, [sender]);
    assert_eq!(broker.after(HOUR * 12).await, [sender, collector]);
    // Nothing waits for the practice; to have asked is enough.
    assert!(broker.ask("K81003").await.is_empty());
    assert_eq!(broker.after(Duration::ZERO).await, [sender]);
    let message = broker.send("1", Priority::Routine, "A83008").await;
    assert_eq!(broker.after(Duration::ZERO).await, [] as [&str; 0]);
    // Another's documents are no sign of this practice, nor is a repeat one of the sender.
    assert_eq!(broker.ask("A83008").await.len(), 1);
    assert_eq!(broker.send("1", Priority::Routine, "A83008").await, message);
    assert!(broker.after(HOUR * 12).await.contains(&sender.to_owned()));
}

#[tokio::test]
async fn a_collector_that_waits_for_documents_is_not_silent_and_one_that_went_is() {
    let mut broker = Broker::start();
    let alarm = "collector_silent mailboxes/K81003 0".to_owned();
    let room = Room {
        deliveries: 1,
        bytes: 1,
    };
    let engine = Arc::clone(&broker.engine);
    let collector = engine.collector(&holder("K81003"), vec![], "test".into(), MINUTE);
    let collector = collector.unwrap();
    let mut waiting = Box::pin(engine.next(&collector, room, std::future::pending::<()>()));
    assert!(futures::poll!(&mut waiting).is_pending());
    assert!(!broker.after(HOUR * 100).await.contains(&alarm));
    drop(waiting);
    assert!(!broker.after(HOUR * 23).await.contains(&alarm));
    assert!(broker.after(HOUR).await.contains(&alarm));
}

#[tokio::test]
async fn what_waits_too_long_is_warned_of_once_and_an_alarm_until_it_is_settled() {
    let mut broker = Broker::start();
    let routine = broker.send("1", Priority::Routine, "A83008").await;
    let urgent = broker.send("2", Priority::Urgent, "A83008").await;
    let of_urgent = "aged workflows/SCANS/urgent 1";
    let of_routine = "aged workflows/SCANS/routine 1";
    assert_eq!(broker.after(MINUTE * 2).await, [of_urgent]);
    assert_eq!(broker.after(HOUR * 2).await, [of_urgent, of_routine]);
    // Leased or not: it is warned of once.
    let leased = broker.ask("A83008").await;
    assert_eq!(leased.len(), 2);
    assert_eq!(broker.after(HOUR).await, [of_urgent, of_routine]);
    for message in [routine, urgent] {
        let events = broker.events(message).await;
        let warned = events.iter().filter(|event| *event == "Aged").count();
        assert_eq!(warned, 1, "{events:?}");
    }
    // The leases ran out and the pause is over; this time they are acknowledged.
    assert_eq!(broker.after(MINUTE).await, [of_urgent, of_routine]);
    let (practice, acknowledge) = (holder("A83008"), &Settlement::Acknowledge);
    for one in broker.ask("A83008").await {
        let settled = broker.engine.settle(&practice, &one.token, acknowledge);
        settled.await.unwrap();
    }
    assert_eq!(broker.after(Duration::ZERO).await, [] as [&str; 0]);
    let told = broker.engine.metrics().render(&Default::default());
    for priority in ["routine", "urgent"] {
        let line = format!("axle_aged_warnings_total{{priority=\"{priority}\"}} 1\n");
        assert!(told.contains(&line), "{line}{told}");
    }
}

#[tokio::test]
async fn what_waits_in_a_closed_mailbox_is_set_aside_after_the_grace_and_not_before() {
    let mut broker = Broker::start();
    let message = broker.send("1", Priority::Routine, "A83008").await;
    let closed = DIRECTORY.replace("\"A83008\"\n", "\"A83008\"\nstatus = \"closed\"\n");
    broker.engine.replace_view(view(&closed));
    let closing = "closing mailboxes/A83008 1";
    assert_eq!(broker.after(MINUTE).await, [closing]);
    assert_eq!(broker.after(MINUTE * 59).await, [closing]);
    // A mistake that is mended in time has changed nothing, and its grace begins anew.
    broker.engine.replace_view(view(DIRECTORY));
    assert_eq!(broker.after(MINUTE).await, [] as [&str; 0]);
    assert_eq!(broker.events(message).await, ["Accepted"]);
    broker.engine.replace_view(view(&closed));
    assert_eq!(broker.after(MINUTE).await, [closing]);
    assert_eq!(
        broker.after(HOUR).await,
        [
            "aged workflows/SCANS/routine 1",
            "dead_letters mailboxes/A83008 1"
        ]
    );
    assert_eq!(
        broker.events(message).await,
        [
            "Accepted",
            "Aged",
            "DeadLettered { attempts: 0, cause: MailboxClosed }"
        ]
    );
}

#[tokio::test]
async fn what_is_leased_when_its_mailbox_goes_is_left_to_its_collector_until_the_lease_ends() {
    let mut broker = Broker::start();
    let message = broker.send("1", Priority::Routine, "A83008").await;
    assert_eq!(broker.ask("A83008").await.len(), 1);
    let gone = DIRECTORY.replace("organisation = \"A83008\"", "organisation = \"A83009\"");
    let at_once = gone.replace("grace_minutes = 60", "grace_minutes = 0");
    broker.engine.replace_view(view(&at_once));
    assert_eq!(broker.after(MINUTE / 2).await, [] as [&str; 0]);
    let dead = "dead_letters mailboxes/A83008 1";
    assert_eq!(broker.after(MINUTE).await, [dead]);
    let events = broker.events(message).await;
    let last = events.last().unwrap();
    assert_eq!(
        last,
        "DeadLettered { attempts: 1, cause: OrganisationWithdrawn }"
    );
    // The report waits for a trust that the directory does not list, and is left there.
    let trust = MailboxId::of(ods("RR8"));
    assert_eq!(broker.after(MINUTE).await, [dead]);
    assert_eq!(
        broker.engine.store().mailbox(&trust).await.unwrap().queued,
        1
    );
}
