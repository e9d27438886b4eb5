//! Reports: whoever is told of a document that was given up is sent one report of it.

use axle_core::{
    change::{LedgerEntry, Recorded},
    event::EventKind,
};
use axle_model::ods::OdsCode;

use super::Model;

impl Model {
    /// What is given up, and what is not answered, is reported to its sender, in the same change and once.
    pub(super) fn reported(&mut self, entry: &LedgerEntry) {
        let records = entry.records.iter();
        let given_up = records.clone().filter(|record| match record {
            Recorded::Advanced { event, sender, .. } => {
                let unanswered = matches!(event.kind, EventKind::AnswerLapsed { .. });
                (event.is_undelivered() || unanswered) && *sender != OdsCode::BROKER
            }
            Recorded::Accepted { .. } | Recorded::Refused(_) => false,
        });
        let reports = records.filter(|record| match record {
            Recorded::Accepted { sender, .. } => *sender == OdsCode::BROKER,
            Recorded::Advanced { .. } | Recorded::Refused(_) => false,
        });
        let (given_up, reports) = (given_up.count(), reports.count());
        self.require(given_up == reports, || {
            let sequence = entry.sequence;
            format!("entry {sequence} gives {given_up} up and makes {reports} reports")
        });
    }
}
