//! The metrics as Prometheus reads them.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to prepare a test is its failure"
)]

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use axle_core::{
    alarm::{AgedDeliveries, Alarm, Subject},
    totals::Totals,
};
use axle_model::{
    envelope::Priority,
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
    time::Timestamp,
};
use axle_pki::trust::{Expiring, Expiry};
use axle_store::MailboxState;

use super::{Backlog, Metrics, RegisterState, Snapshot, render_mailboxes};
use crate::{clock::ClockState, demographics::Standing};

const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);

fn expiry(kind: Expiring, seconds: u64) -> Expiry {
    Expiry {
        kind,
        file: PathBuf::from("any.pem"),
        time: Timestamp::from_micros(seconds * 1_000_000),
    }
}

fn snapshot() -> Snapshot {
    let waiting = MailboxState {
        queued: 2,
        leased: 1,
        dead_lettered: 3,
        oldest_time: Some(Timestamp::from_micros(NOW.as_micros() - 90_000_000)),
    };
    Snapshot {
        backlog: Backlog::of([&waiting, &MailboxState::default()], NOW),
        store_free_bytes: Some(5_000),
        expiries: vec![
            expiry(Expiring::Authority, 9),
            expiry(Expiring::Authority, 7),
            expiry(Expiring::Certificate, 8),
            expiry(Expiring::RevocationList, 6),
        ],
        totals: Totals {
            accepted: 9,
            acknowledged: 3,
            rejected: 1,
            expired: 1,
            withdrawn: 1,
        },
        pending: 4,
        aged: vec![AgedDeliveries {
            workflow: WorkflowId::parse("LETTERS").unwrap(),
            priority: Priority::Urgent,
            count: 2,
            oldest: NOW,
        }],
        alarms: Arc::new(BTreeMap::from([alarm("K81003"), alarm("A83008")])),
        reload_successful: true,
        clock: ClockState {
            jumps: 2,
            offset_micros: -3_250_000,
            rests: true,
        },
        register: Some(RegisterState {
            organisations: 50_000,
            left_out: 3,
            taken: NOW,
            stale: NOW,
        }),
        demographics: Some(Standing::default()),
        ..Snapshot::default()
    }
}

fn alarm(code: &str) -> (Subject, Alarm) {
    let subject = Subject::SenderSilent(OdsCode::parse(code).unwrap());
    let alarm = Alarm {
        since: NOW,
        deliveries: 0,
    };
    (subject, alarm)
}

/// A text in which everything was counted once.
fn rendered() -> String {
    let metrics = Metrics::default();
    metrics.submission("accepted", "", Duration::from_millis(3));
    metrics.submission("refused", "RECIPIENT_UNKNOWN", Duration::from_millis(1));
    metrics.delivered(Duration::from_secs(2));
    metrics.lease_expired();
    metrics.notice("expired");
    metrics.aged("urgent");
    metrics.committed(Duration::from_micros(150));
    metrics.render(&snapshot())
}

#[test]
fn what_happened_and_how_things_stand_is_told_in_one_text() {
    let text = rendered();
    for line in [
        "axle_submissions_total{outcome=\"accepted\",reason=\"\"} 1",
        "axle_submissions_total{outcome=\"duplicate\",reason=\"\"} 0",
        "axle_submissions_total{outcome=\"refused\",reason=\"RECIPIENT_UNKNOWN\"} 1",
        "axle_submit_duration_seconds_count 2",
        "axle_submit_duration_seconds_bucket{le=\"0.002\"} 1",
        "axle_delivery_latency_seconds_bucket{le=\"5.0\"} 1",
        "axle_lease_expirations_total 1",
        "axle_notices_total{state=\"expired\"} 1",
        "axle_store_commit_seconds_count 1",
        "axle_deliveries{state=\"queued\"} 2.0",
        "axle_deliveries{state=\"dead-lettered\"} 3.0",
        "axle_oldest_queued_age_seconds 90.0",
        "axle_dead_letters 3",
        "axle_organisations 50000",
        "axle_organisations_left_out 3",
        "axle_demographics_breaker_open 0",
        "axle_store_free_bytes 5000",
        "axle_clock_jumps_total 2",
        "axle_clock_frozen 1",
        "axle_clock_offset_seconds -3.25",
        "axle_certificate_expiry_timestamp_seconds{role=\"authority\"} 7.0",
        "axle_certificate_expiry_timestamp_seconds{role=\"certificate\"} 8.0",
        "axle_crl_next_update_timestamp_seconds 6",
        "axle_deliveries_accepted_total 9",
        "axle_deliveries_ended_total{outcome=\"acknowledged\"} 3",
        "axle_deliveries_ended_total{outcome=\"withdrawn\"} 1",
        "axle_deliveries_pending 4",
        "axle_ledger_imbalance -1",
        "axle_deliveries_aged{priority=\"urgent\"} 2.0",
        "axle_deliveries_aged{priority=\"routine\"} 0.0",
        "axle_aged_warnings_total{priority=\"urgent\"} 1",
        "axle_aged_warnings_total{priority=\"routine\"} 0",
        "axle_alarms{kind=\"sender_silent\"} 2.0",
        "axle_alarms{kind=\"closing\"} 0.0",
        "axle_config_last_reload_successful 1",
        concat!(
            "axle_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert_eq!(text.matches("# EOF\n").count(), 1);
}

fn rendered_mailboxes() -> String {
    let id = MailboxId::parse("mailboxes/K81003").unwrap();
    let state = MailboxState {
        queued: 4,
        ..MailboxState::default()
    };
    render_mailboxes([(&id, &state)], NOW)
}

#[test]
fn each_mailbox_has_its_own_figures_apart() {
    let text = rendered_mailboxes();
    let labels = "{mailbox=\"mailboxes/K81003\",state=\"queued\"}";
    assert!(
        text.contains(&format!("axle_mailbox_deliveries{labels} 4.0\n")),
        "{text}"
    );
    assert!(
        text.contains("axle_mailbox_oldest_queued_age_seconds{mailbox=\"mailboxes/K81003\"} 0.0")
    );
    assert!(!rendered().contains("axle_mailbox_"));
}

#[test]
fn every_metric_an_alert_asks_for_exists() {
    let rules = include_str!("../../../deploy/prometheus/alerts.yml");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let wanted = rules
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split(|c| !is_name(c)))
        .filter(|word| word.starts_with("axle_"));
    let text = rendered() + &rendered_mailboxes();
    let mut seen = 0;
    for name in wanted {
        let told = |line: &str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        assert!(text.lines().any(told), "{name} is not among the metrics");
        seen += 1;
    }
    assert!(seen > 10, "only {seen} metrics found in the rules");
}

#[test]
fn every_alert_names_a_runbook_that_exists() {
    let rules = include_str!("../../../deploy/prometheus/alerts.yml");
    let runbooks = include_str!("../../../deploy/runbooks.md");
    let anchor = |title: &str| title.to_lowercase().replace(' ', "-");
    let titles: Vec<String> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(anchor)
        .collect();
    let named: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: deploy/runbooks.md#"))
        .collect();
    assert_eq!(named.len(), rules.matches("- alert: ").count());
    for name in named {
        assert!(
            titles.iter().any(|title| title == name),
            "there is no runbook {name}"
        );
    }
}
