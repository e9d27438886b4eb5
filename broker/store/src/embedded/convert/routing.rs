//! How deliveries were routed, to records and back.

use axle_core::{
    delivery::{Basis, Redirect, Routing},
    message::RoutedBy,
};

use super::ods;
use crate::embedded::record::{Malformed, MessageRecord, RedirectRecord, RoutingRecord};

/// What a record says of by what its message was routed. Records of earlier versions say nothing.
pub(super) fn routed_by(record: &mut MessageRecord) -> RoutedBy {
    RoutedBy {
        class: record.class.take().map(Into::into),
        register_version: std::mem::take(&mut record.register_version).into(),
        restricted: record.restricted,
    }
}

/// What is kept of a routing: nothing when the sender named the recipient and it has a mailbox of its
/// own, as nearly always.
pub(super) fn kept(routing: &Routing) -> Option<RoutingRecord> {
    let redirects = routing.redirects.iter().map(|redirect| RedirectRecord {
        from: redirect.from.to_string(),
        to: redirect.to.to_string(),
        why: redirect.why.to_string(),
    });
    (*routing != Routing::default()).then(|| RoutingRecord {
        basis: routing.basis.as_str().to_owned(),
        rule: routing.rule.as_deref().map(str::to_owned),
        redirects: redirects.collect(),
        deceased: routing.deceased,
    })
}

/// What was kept of a routing.
pub(super) fn read(record: Option<RoutingRecord>) -> Result<Routing, Malformed> {
    let Some(record) = record else {
        return Ok(Routing::default());
    };
    let redirects = record.redirects.into_iter().map(|redirect| {
        Ok(Redirect {
            from: ods(&redirect.from)?,
            to: ods(&redirect.to)?,
            why: redirect.why.into(),
        })
    });
    let mut all = Basis::ALL.into_iter();
    let basis = all.find(|basis| basis.as_str() == record.basis);
    Ok(Routing {
        basis: basis.ok_or(Malformed("what named a recipient"))?,
        rule: record.rule.map(Into::into),
        redirects: redirects.collect::<Result<_, _>>()?,
        deceased: record.deceased,
    })
}
