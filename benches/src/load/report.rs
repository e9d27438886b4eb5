//! What a run comes to: a table for people and a line of JSON for programs.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{job::Job, tally::Counts};

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
    /// What 1,000 acknowledged documents cost the broker.
    pub broker_cpu_seconds_per_1000: f64,
    /// And what they cost its clients.
    pub client_cpu_seconds_per_1000: f64,
    /// How much of the machine the broker used.
    pub broker_cores: f64,
    /// The most memory it held.
    pub broker_memory_peak_bytes: u64,
    /// Bytes written to disk for each byte of accepted documents.
    pub written_per_payload_byte: f64,
    /// How long the rest took after the last submit.
    pub drain_seconds: f64,
    /// Documents accepted that never arrived.
    pub lost: u64,
    /// Counts of the whole run.
    #[serde(flatten)]
    pub whole_run: Counts,
}

/// Quantiles of a latency, in milliseconds; zeros when there was none.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quantiles {
    /// Half were faster.
    pub p50: f64,
    /// 99 of 100 were.
    pub p99: f64,
    /// 999 of 1,000 were.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

impl Quantiles {
    /// Of latencies in microseconds.
    pub fn of(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        let at = |share: f64| {
            let rank = (micros.len() as f64 * share).ceil() as usize;
            let micros = micros.get(rank.saturating_sub(1));
            micros.map_or(0.0, |&micros| f64::from(micros) / 1000.0)
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50,
            p99,
            p999,
            max,
        } = self;
        write!(f, "{p50:.2} / {p99:.2} / {p999:.2} / {max:.2} ms")
    }
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
        [self.lost, duplicated, damaged, failed] == [0; 4]
    }

    /// The outcome for people.
    pub fn table(&self) -> Table {
        let mib = self.broker_memory_peak_bytes as f64 / (1024.0 * 1024.0);
        let Counts {
            duplicated,
            damaged,
            failed,
            ..
        } = self.whole_run;
        let rows = [
            ("documents/s", format!("{:.0}", self.documents_per_second)),
            ("MiB/s", format!("{:.1}", self.mib_per_second)),
            ("submits/s", format!("{:.0}", self.submits_per_second)),
            ("submit p50 / p99 / p99.9 / max", self.submit_ms.to_string()),
            (
                "end to end p50 / p99 / p99.9 / max",
                self.end_to_end_ms.to_string(),
            ),
            (
                "broker CPU s / 1,000 documents",
                format!("{:.4}", self.broker_cpu_seconds_per_1000),
            ),
            (
                "client CPU s / 1,000 documents",
                format!("{:.4}", self.client_cpu_seconds_per_1000),
            ),
            ("broker cores", format!("{:.2}", self.broker_cores)),
            ("broker memory, peak", format!("{mib:.0} MiB")),
            (
                "written / payload",
                format!("{:.3}", self.written_per_payload_byte),
            ),
            ("drain", format!("{:.2} s", self.drain_seconds)),
            (
                "lost / duplicated / damaged / failed",
                format!("{} / {duplicated} / {damaged} / {failed}", self.lost),
            ),
        ];
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        let name = format!(
            "{:?}, {:?}, {:?}",
            self.job.job, self.job.payload, self.job.submit
        );
        table.set_header([name.as_str(), ""]);
        for (name, value) in rows {
            table.add_row([name.to_owned(), value]);
        }
        if let Some(values) = table.column_mut(1) {
            values.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::Quantiles;

    #[test]
    fn quantiles_are_those_of_the_ranks_they_name() {
        let Quantiles {
            p50,
            p99,
            p999,
            max,
        } = Quantiles::of((1..=1000).rev().collect());
        assert_eq!([p50, p99, p999, max], [0.5, 0.99, 0.999, 1.0]);
        assert!(Quantiles::of(Vec::new()).max.abs() < f64::EPSILON);
    }
}
