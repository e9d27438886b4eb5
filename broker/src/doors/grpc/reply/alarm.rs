//! Alarms and the equation of the ledger on the wire.

use axle_core::{
    alarm::{Alarm, Alarms, Kind, Subject},
    totals::Totals,
};
use axle_proto::v1::{self as wire, AlarmKind};
use axle_store::StoreHealth;

use super::time_of;

pub(in crate::doors::grpc) fn alarms_of(alarms: &Alarms) -> wire::ListAlarmsResponse {
    let alarms = alarms
        .iter()
        .map(|(subject, alarm)| alarm_of(subject, alarm));
    wire::ListAlarmsResponse {
        alarms: alarms.collect(),
    }
}

pub(in crate::doors::grpc) fn alarm_of(subject: &Subject, alarm: &Alarm) -> wire::Alarm {
    let kind = match subject.kind() {
        Kind::SenderSilent => AlarmKind::SenderSilent,
        Kind::CollectorSilent => AlarmKind::CollectorSilent,
        Kind::Aged => AlarmKind::Aged,
        Kind::Closing => AlarmKind::Closing,
        Kind::DeadLetters => AlarmKind::DeadLetters,
        Kind::Demographics => AlarmKind::Demographics,
        Kind::RegisterAgeing => AlarmKind::RegisterAgeing,
        Kind::RegisterStale => AlarmKind::RegisterStale,
        Kind::RegisterRefused => AlarmKind::RegisterRefused,
    };
    wire::Alarm {
        kind: kind.into(),
        subject: subject.to_string(),
        since_time: time_of(alarm.since),
        delivery_count: alarm.deliveries,
        description: subject.advice().to_owned(),
    }
}

pub(in crate::doors::grpc) const fn totals_of(health: &StoreHealth) -> wire::DeliveryTotals {
    let Totals {
        accepted,
        acknowledged,
        rejected,
        expired,
        withdrawn,
    } = health.totals;
    wire::DeliveryTotals {
        accepted,
        acknowledged,
        rejected,
        expired,
        withdrawn,
        pending: health.deliveries_pending,
    }
}
