//! Reload: the files an operator may change while the broker runs, read again. A bad file changes
//! nothing and is told; a good set is swapped in whole.

use std::sync::{Arc, atomic::Ordering};

use axle_core::{
    organisations::{Organisations, register::Register},
    snapshot::Snapshot,
};

use super::App;
use crate::{
    clock::{Clock, SystemClock},
    config::{Config, ConfigError},
    service,
    view::{Limits, View},
};

impl App {
    /// Reads directory, routing table, register and certificates again. Connections of certificates
    /// that are now revoked are closed.
    pub(super) async fn reload(&self) {
        service::reloading();
        self.read_register().await;
        let register = self
            .engine
            .view()
            .snapshot
            .organisations
            .register()
            .cloned();
        let view = view_of(&self.config, register).map_err(|error| error.to_string());
        let trust = self
            .trust
            .reload(SystemClock.now())
            .map_err(|error| error.to_string());
        let good = view.is_ok() && trust.is_ok();
        match view {
            Ok(view) => {
                tracing::info!(
                    table = view.snapshot.table.version(),
                    "directory and routing table in force"
                );
                self.engine.replace_view(view);
            }
            Err(error) => {
                tracing::error!(%error, "the directory and routing table stay as they were")
            }
        }
        match trust {
            Ok(()) => {
                self.door.close_revoked(self.trust.revoked().iter());
            }
            Err(error) => tracing::error!(%error, "the certificates stay as they were"),
        }
        // Read on its own: what is wrong with it is logged, and an alarm.
        self.demographics_due.notify_one();
        self.reload_successful.store(good, Ordering::Relaxed);
        service::ready();
    }
}

/// The view that the configuration and its files come to, with the register as it was read.
pub(super) fn view_of(
    config: &Config,
    register: Option<Arc<Register>>,
) -> Result<View, ConfigError> {
    let (directory, table) = config.routing.load()?;
    let mut rules = config.validation.clone();
    rules.events = table.events().map(str::to_owned).collect();
    let limits = Limits {
        body_bytes_max: config.limits.body_bytes_max,
        document_bytes_max: config.limits.document_bytes_max,
        fhir_bytes_max: config.limits.fhir_bytes_max,
        upload_idle: config.limits.upload_idle,
        recipients_max: config.limits.recipients_max,
        streams_per_organisation_max: config.limits.streams_per_organisation_max,
        ..Limits::default()
    };
    rules.body_bytes_max = limits.fhir_bytes_max.max(limits.body_bytes_max);
    let age_max = config.routing.organisations_age_max;
    let snapshot = Snapshot {
        directory,
        organisations: Organisations::new(register, age_max, table.successors().clone()),
        table,
        rules,
        positive: config.answers.clone(),
    };
    Ok(View { snapshot, limits })
}
