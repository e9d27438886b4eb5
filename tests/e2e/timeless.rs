//! A broker's engine over the store in memory, under a clock that is told the time: months pass at
//! once, and nothing is waited for.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axle_broker::{
    clock::Clock,
    demographics::Demographics,
    engine::Engine,
    view::{Limits, View},
};
use axle_core::{directory::Directory, snapshot::Snapshot, table::RoutingTable, totals::Totals};
use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority, Submission},
    id::SubmissionId,
    identity::Identity,
    mailbox::WorkflowId,
    time::Timestamp,
};
use axle_store::{Store as _, memory::Memory};
use axle_tests::{
    documents::{now, ods, small},
    estate::{DIRECTORY, OPERATOR, ROUTING, TRUST},
};

/// A clock that is told the time, in microseconds.
#[derive(Clone)]
pub(crate) struct Told(Arc<AtomicU64>);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// The engine with what it stands on.
pub(crate) struct Timeless {
    pub(crate) engine: Engine<Memory, Told>,
    pub(crate) store: Arc<Memory>,
    clock: Told,
}

impl Timeless {
    pub(crate) fn new() -> Self {
        Self::of(DIRECTORY, ROUTING)
    }

    /// The same with this directory and this routing table.
    pub(crate) fn of(directory: &str, routing: &str) -> Self {
        let clock = Told(Arc::new(AtomicU64::new(now().as_micros())));
        let view = View {
            snapshot: Snapshot {
                directory: Directory::parse(directory).unwrap(),
                table: RoutingTable::parse(routing).unwrap(),
                ..Snapshot::default()
            },
            limits: Limits::default(),
        };
        let store = Arc::new(Memory::default());
        let engine = Engine::new(Arc::clone(&store), clock.clone(), view, Arc::default());
        Self {
            engine,
            store,
            clock,
        }
    }

    /// The same broker, which asks this service for patients.
    pub(crate) fn asking(mut self, demographics: Arc<dyn Demographics>) -> Self {
        self.engine = self.engine.with_demographics(demographics);
        self
    }

    /// The clock it goes by.
    pub(crate) fn clock(&self) -> Told {
        self.clock.clone()
    }

    /// Lets time pass, and what is due then happen.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.clock
            .0
            .fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        self.engine.move_due().await.unwrap();
    }

    /// How many deliveries there were and how they ended.
    ///
    /// # Panics
    /// When the equation of the ledger does not hold.
    pub(crate) fn books(&self) -> Totals {
        let totals = self.store.totals();
        assert_eq!(totals.pending(), self.store.health().deliveries_pending);
        totals
    }
}

/// The caller with the certificate of `who`, an ODS code or [`OPERATOR`].
pub(crate) fn identity(who: &str) -> Identity {
    Identity {
        organisation: (who != OPERATOR).then(|| ods(who)),
        operator: who == OPERATOR,
        serial: "1".to_owned(),
        fingerprint: Digest::of(who.as_bytes()),
    }
}

/// A small document under this id from the trust.
pub(crate) fn letter(id: &str, workflow: &str, recipients: &[&str]) -> Submission {
    let text = small(id, TRUST, 0);
    Submission {
        id: SubmissionId::parse(id).unwrap(),
        claimed_sender: None,
        recipients: recipients.iter().map(|code| ods(code)).collect(),
        patient: None,
        restricted: false,
        workflow: Some(WorkflowId::parse(workflow).unwrap()),
        media_type: MediaType::FhirJson,
        digest: Digest::of(text.as_bytes()),
        body: text.into(),
        priority: Priority::Routine,
        order_key: None,
        correlation_id: None,
        labels: Default::default(),
        time_to_live: None,
    }
}
