//! What a run comes to: a table for people and a line of JSON for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{job::Job, latency::Quantiles, tally::Counts};

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What was done.
    #[serde(flatten)]
    pub job: Job,
    /// Documents acknowledged by their recipients.
    pub documents_per_second: f64,
    /// The same in MiB of documents.
    pub mib_per_second: f64,
    /// Documents accepted.
    pub submits_per_second: f64,
    /// From submit to receipt.
    pub submit_ms: Quantiles,
    /// From submit to delivery.
    pub end_to_end_ms: Quantiles,
    /// What 1,000 acknowledged documents cost the broker. This and what else is about its process is
    /// `None` for a broker that cannot be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_cpu_seconds_per_1000: Option<f64>,
    /// And what they cost its clients.
    pub client_cpu_seconds_per_1000: f64,
    /// How much of the machine the broker used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_cores: Option<f64>,
    /// The most memory it held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_memory_peak_bytes: Option<u64>,
    /// Bytes written to disk for each byte of accepted documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_per_payload_byte: Option<f64>,
    /// How long the rest took after the last submit.
    pub drain_seconds: f64,
    /// Documents accepted that never arrived.
    pub lost: u64,
    /// Documents that were due and that there was no time to send.
    pub unsent: u64,
    /// Counts of the whole run.
    #[serde(flatten)]
    pub whole_run: Counts,
}

impl Outcome {
    /// Whether every accepted document arrived, once, and every call was answered.
    pub fn is_clean(&self) -> bool {
        let Counts {
            duplicated,
            damaged,
            failed,
            ..
        } = self.whole_run;
        [self.lost, self.unsent, duplicated, damaged, failed] == [0; 5]
    }

    /// The outcome for people.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header([self.job.title().as_str(), ""]);
        for (name, value) in self.rows() {
            // What is not known is left out.
            if let Some(value) = value {
                table.add_row([name.to_owned(), value]);
            }
        }
        if let Some(values) = table.column_mut(1) {
            values.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    #[rustfmt::skip]
    fn rows(&self) -> [(&'static str, Option<String>); 13] {
        let Counts { duplicated, damaged, failed, .. } = self.whole_run;
        let decimals = |value: f64, places: usize| Some(format!("{value:.places$}"));
        let mib = |bytes: u64| format!("{:.0} MiB", bytes as f64 / (1024.0 * 1024.0));
        [
            ("documents/s", decimals(self.documents_per_second, 0)),
            ("MiB/s", decimals(self.mib_per_second, 1)),
            ("submits/s", decimals(self.submits_per_second, 0)),
            ("submit p50 / p90 / p99 / p99.9 / max", Some(self.submit_ms.to_string())),
            ("end to end p50 / p90 / p99 / p99.9 / max", Some(self.end_to_end_ms.to_string())),
            ("broker CPU s / 1,000 documents", self.broker_cpu_seconds_per_1000.and_then(|cpu| decimals(cpu, 4))),
            ("client CPU s / 1,000 documents", decimals(self.client_cpu_seconds_per_1000, 4)),
            ("broker cores", self.broker_cores.and_then(|cores| decimals(cores, 2))),
            ("broker memory, peak", self.broker_memory_peak_bytes.map(mib)),
            ("written / payload", self.written_per_payload_byte.and_then(|ratio| decimals(ratio, 3))),
            ("drain", Some(format!("{:.2} s", self.drain_seconds))),
            ("due and not sent", self.job.rate.map(|_| self.unsent.to_string())),
            ("lost / duplicated / damaged / failed", Some(format!("{} / {duplicated} / {damaged} / {failed}", self.lost))),
        ]
    }
}
