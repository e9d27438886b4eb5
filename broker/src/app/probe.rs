//! Probe: what the door of health and metrics is told about the broker.

use std::sync::atomic::Ordering;

use axle_store::Store;

use super::App;
use crate::{
    doors::health::{Check, Probe},
    metrics::{self, Backlog, RegisterState, Snapshot, StoreCounters},
};

impl Probe for App {
    fn checks(&self) -> Vec<Check> {
        let failing = self.engine.failing_checks();
        let check = |name| {
            let problem = failing.iter().find(|(of, _)| *of == name);
            Check {
                name,
                problem: problem.map(|(_, what)| what.clone()),
            }
        };
        vec![check("store"), check("drain")]
    }

    async fn metrics(&self) -> String {
        let store = self.engine.store();
        let mailboxes = store.mailboxes().await.unwrap_or_default();
        let (health, counters) = (store.health(), store.counters());
        self.metrics.render(&Snapshot {
            backlog: Backlog::of(mailboxes.iter().map(|(_, state)| state), self.engine.now()),
            totals: health.totals,
            pending: health.deliveries_pending,
            aged: store.aged(),
            alarms: self.engine.alarms(),
            store_stopped: health.stopped.is_some(),
            store_free_bytes: health.free_bytes,
            store: StoreCounters {
                commits: counters.commits.load(Ordering::Relaxed),
                groups: counters.groups.load(Ordering::Relaxed),
                syncs: counters.syncs.load(Ordering::Relaxed),
                bytes: counters.bytes_appended.load(Ordering::Relaxed),
            },
            clock: self.clock.state(),
            tls: self.door.counts(),
            expiries: self.trust.expiries(),
            demographics: self.engine.demographics_standing(),
            reload_successful: self.reload_successful.load(Ordering::Relaxed)
                && self.engine.register_refused().is_none(),
            register: self.register_state(),
        })
    }

    async fn mailboxes(&self) -> String {
        let states = self.engine.store().mailboxes().await.unwrap_or_default();
        metrics::render_mailboxes(
            states.iter().map(|(id, state)| (id, state)),
            self.engine.now(),
        )
    }
}

impl App {
    fn register_state(&self) -> Option<RegisterState> {
        let view = self.engine.view();
        let organisations = &view.snapshot.organisations;
        organisations.register().map(|register| RegisterState {
            organisations: register.len(),
            left_out: register.faults().count(),
            taken: register.taken(),
            stale: register.taken().after(organisations.age_max()),
        })
    }
}
