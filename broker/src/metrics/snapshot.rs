//! How the broker stands at the moment of a scrape. Gathering it is the wiring's business; here it
//! gets its names.

use std::{
    collections::BTreeMap,
    hash::Hash,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axle_core::{
    alarm::{AgedDeliveries, Alarms},
    totals::Totals,
};
use axle_model::time::Timestamp;
use axle_pki::trust::{Expiring, Expiry};
use axle_store::MailboxState;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::ConstCounter, family::Family, gauge::ConstGauge, gauge::Gauge, info::Info},
    registry::Registry,
};

use crate::{clock::ClockState, demographics::Standing, doors::tls::TlsCounts};

mod demographics;
mod life;

/// How the broker stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// What is not settled, of all mailboxes.
    pub backlog: Backlog,
    /// What was accepted and how it ended, since the store was begun.
    pub totals: Totals,
    /// Deliveries that are not settled, counted one by one.
    pub pending: u64,
    /// What has waited longer than its workflow allows without a warning.
    pub aged: Vec<AgedDeliveries>,
    /// The alarms in force.
    pub alarms: Arc<Alarms>,
    /// Whether the store has stopped taking changes.
    pub store_stopped: bool,
    /// Bytes free on the store's disk, if it has one.
    pub store_free_bytes: Option<u64>,
    /// What the store did since it was opened.
    pub store: StoreCounters,
    /// How the time stands to the wall clock.
    pub clock: ClockState,
    /// What became of connections.
    pub tls: TlsCounts,
    /// When certificates and revocation lists expire.
    pub expiries: Vec<Expiry>,
    /// How what tells the practice of patients stands; `None` when nobody is asked.
    pub demographics: Option<Standing>,
    /// Whether the files read last, at the start or at a reload, are in force.
    pub reload_successful: bool,
    /// The register of organisations in force.
    pub register: Option<RegisterState>,
}

/// How the register of organisations stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterState {
    /// Organisations in it.
    pub organisations: usize,
    /// Records that were left out.
    pub left_out: usize,
    /// When it was taken.
    pub taken: Timestamp,
    /// From when on it is too old.
    pub stale: Timestamp,
}

/// Deliveries that are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Waiting for a collector.
    pub queued: u64,
    /// Out on a lease.
    pub leased: u64,
    /// Set aside.
    pub dead_lettered: u64,
    /// How long the oldest has waited; zero when there is none.
    pub oldest_age: Duration,
}

/// What a store did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounters {
    /// Changes made durable.
    pub commits: u64,
    /// Groups in which they were written.
    pub groups: u64,
    /// Calls of fdatasync.
    pub syncs: u64,
    /// Bytes written to the journal.
    pub bytes: u64,
}

/// Gauges of one name that differ in their labels.
pub(super) type Gauges<L> = Family<L, Gauge<f64, AtomicU64>>;

pub(super) fn gauge<L: Clone + Eq + Hash>(gauges: &Gauges<L>, labels: L, value: u64) {
    // Exact up to 2^53: nine thousand terabytes.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge of OpenMetrics is a float"
    )]
    gauges.get_or_create(&labels).set(value as f64);
}

impl Backlog {
    /// Of these mailboxes, at `now`.
    pub fn of<'s>(states: impl IntoIterator<Item = &'s MailboxState>, now: Timestamp) -> Self {
        let mut all = Self::default();
        for state in states {
            all.queued += state.queued;
            all.leased += state.leased;
            all.dead_lettered += state.dead_lettered;
            let age = state.oldest_time.map(|oldest| now.since(oldest));
            all.oldest_age = all.oldest_age.max(age.unwrap_or_default());
        }
        all
    }

    /// The counts by the words of the states.
    pub(super) const fn states(&self) -> [(&'static str, u64); 3] {
        [
            ("queued", self.queued),
            ("leased", self.leased),
            ("dead-lettered", self.dead_lettered),
        ]
    }
}

impl Snapshot {
    /// The names.
    pub(super) fn register(&self, registry: &mut Registry) {
        let build = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The broker's version", Info::new(build));
        one(
            registry,
            "config_last_reload_successful",
            "Whether the files read last are in force (1) or were refused (0)",
            u64::from(self.reload_successful),
        );
        self.register_backlog(registry);
        self.register_equation(registry);
        self.register_alarms(registry);
        self.register_store(registry);
        self.register_clock(registry);
        self.register_tls(registry);
        self.register_expiries(registry);
        self.register_demographics(registry);
        if let Some(register) = self.register {
            register.register(registry);
        }
    }

    fn register_backlog(&self, registry: &mut Registry) {
        let deliveries = gauges("state", self.backlog.states());
        let help = "Deliveries that are not settled, by state";
        registry.register("deliveries", help, deliveries);
        let age = ConstGauge::new(self.backlog.oldest_age.as_secs_f64());
        registry.register(
            "oldest_queued_age_seconds",
            "How long the oldest delivery that is not settled has waited",
            age,
        );
        one(
            registry,
            "dead_letters",
            "Deliveries set aside for an operator",
            self.backlog.dead_lettered,
        );
    }

    fn register_store(&self, registry: &mut Registry) {
        one(
            registry,
            "store_stopped",
            "Whether the store has stopped taking changes until the next start",
            u64::from(self.store_stopped),
        );
        if let Some(free) = self.store_free_bytes {
            one(
                registry,
                "store_free_bytes",
                "Bytes free on the store's disk",
                free,
            );
        }
        let StoreCounters {
            commits,
            groups,
            syncs,
            bytes,
        } = self.store;
        for (name, help, value) in [
            ("store_commits", "Changes made durable", commits),
            ("store_groups", "Groups of changes written together", groups),
            (
                "store_syncs",
                "Synchronisations of the journal to its disk",
                syncs,
            ),
            ("store_written_bytes", "Bytes written to the journal", bytes),
        ] {
            registry.register(name, help, ConstCounter::new(value));
        }
    }

    fn register_clock(&self, registry: &mut Registry) {
        let ClockState {
            jumps,
            offset_micros,
            rests,
        } = self.clock;
        let help = "Times the machine's clock jumped by more than five minutes";
        registry.register("clock_jumps", help, ConstCounter::new(jumps));
        one(
            registry,
            "clock_frozen",
            "Whether nothing expires, because the time is in doubt or the broker was away",
            u64::from(rests),
        );
        // To the millisecond: exact for a quarter of a million years.
        #[expect(
            clippy::cast_precision_loss,
            reason = "a gauge of OpenMetrics is a float"
        )]
        let offset = ConstGauge::new((offset_micros / 1_000) as f64 / 1e3);
        let help = "How far the machine's clock is ahead of the broker's time";
        registry.register("clock_offset_seconds", help, offset);
    }

    fn register_tls(&self, registry: &mut Registry) {
        let TlsCounts {
            accepted,
            refused,
            timed_out,
            turned_away,
            open,
        } = self.tls;
        let handshakes: Family<_, prometheus_client::metrics::counter::Counter> = Family::default();
        for (outcome, count) in [
            ("accepted", accepted),
            ("refused", refused),
            ("timed_out", timed_out),
            ("turned_away", turned_away),
        ] {
            handshakes
                .get_or_create(&[("outcome", outcome)])
                .inc_by(count);
        }
        let help = "Connections by what became of their TLS handshake";
        registry.register("tls_handshakes", help, handshakes);
        one(registry, "connections_open", "Connections open now", open);
    }

    /// Of several certificates in one role the first to expire counts.
    fn register_expiries(&self, registry: &mut Registry) {
        let mut first: BTreeMap<Expiring, u64> = BTreeMap::new();
        for expiry in &self.expiries {
            let seconds = expiry.time.as_millis() / 1_000;
            let earliest = first.entry(expiry.kind).or_insert(seconds);
            *earliest = seconds.min(*earliest);
        }
        if let Some(next_update) = first.remove(&Expiring::RevocationList) {
            one(
                registry,
                "crl_next_update_timestamp_seconds",
                "When the first revocation list is due to be replaced",
                next_update,
            );
        }
        let certificates = first
            .iter()
            .map(|(kind, seconds)| (kind.as_str(), *seconds));
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When the first certificate in a role expires",
            gauges("role", certificates),
        );
    }
}

impl RegisterState {
    fn register(self, registry: &mut Registry) {
        let seconds = |time: Timestamp| time.as_millis() / 1_000;
        for (name, help, value) in [
            (
                "organisations",
                "Organisations in the register in force",
                self.organisations as u64,
            ),
            (
                "organisations_left_out",
                "Records of the register that could not be read",
                self.left_out as u64,
            ),
            (
                "organisations_taken_timestamp_seconds",
                "When the register in force was taken",
                seconds(self.taken),
            ),
            (
                "organisations_stale_timestamp_seconds",
                "From when on it is too old to route by",
                seconds(self.stale),
            ),
        ] {
            one(registry, name, help, value);
        }
    }
}

pub(super) fn one(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstGauge::new(value));
}

fn gauges(
    label: &'static str,
    values: impl IntoIterator<Item = (&'static str, u64)>,
) -> Gauges<[(&'static str, &'static str); 1]>
where
    [(&'static str, &'static str); 1]: EncodeLabelSet,
{
    let gauges = Gauges::default();
    for (word, value) in values {
        gauge(&gauges, [(label, word)], value);
    }
    gauges
}
