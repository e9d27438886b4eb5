//! An organisation and whoever stands for it, on the wire.

use axle_core::organisations::{
    Hop, Organisations,
    organisation::{Organisation, Period, Relation, Role, Succession, SuccessionKind},
};
use axle_model::{day::Day, ods::OdsCode};
use axle_proto::v1 as wire;

use super::super::reply::time_of;
use crate::engine::organisations::Reached;

/// What an operator is told of an organisation.
pub(super) fn answer(code: OdsCode, reached: &Reached) -> wire::GetOrganisationResponse {
    let organisations = &reached.view.snapshot.organisations;
    let today = Day::in_uk(reached.now);
    let register = organisations.register();
    let found = register.and_then(|register| register.get(code));
    let obstacle = reached.trace.obstacle.as_ref();
    wire::GetOrganisationResponse {
        organisation: found.map(|found| organisation(found, today)),
        hops: reached.trace.hops.iter().map(hop).collect(),
        reached: reached.trace.reached.to_string(),
        obstacle: obstacle.map(ToString::to_string).unwrap_or_default(),
        mailboxes: reached.mailboxes.iter().map(ToString::to_string).collect(),
        register: edition(organisations),
    }
}

fn edition(organisations: &Organisations) -> Option<wire::OrganisationRegister> {
    let register = organisations.register()?;
    let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
    Some(wire::OrganisationRegister {
        version: register.version().to_owned(),
        taken_time: time_of(register.taken()),
        stale_time: time_of(register.taken().after(organisations.age_max())),
        organisation_count: count(register.len()),
        left_out_count: count(register.faults().count()),
    })
}

fn hop(hop: &Hop) -> wire::OrganisationHop {
    wire::OrganisationHop {
        from: hop.from.to_string(),
        to: hop.to.to_string(),
        reason: hop.by.to_string(),
    }
}

fn organisation(found: Organisation<'_>, today: Day) -> wire::Organisation {
    wire::Organisation {
        code: found.code().to_string(),
        display_name: found.name().to_owned(),
        active: found.is_active(),
        open: found.is_open(today),
        practice: found.is_practice(today),
        legal: Some(period(found.legal())),
        operational: Some(period(found.operational())),
        change_date: date(found.changed()),
        roles: found.roles().map(role).collect(),
        relations: found.relations().map(relation).collect(),
        successions: found.successions().iter().map(succession).collect(),
    }
}

fn role(role: Role<'_>) -> wire::OrganisationRole {
    wire::OrganisationRole {
        id: role.id.to_owned(),
        primary: role.primary,
        active: role.active,
        period: Some(period(role.period)),
    }
}

fn relation(relation: Relation<'_>) -> wire::OrganisationRelation {
    wire::OrganisationRelation {
        id: relation.id.to_owned(),
        target: relation.target.to_string(),
        active: relation.active,
        period: Some(period(relation.period)),
    }
}

fn succession(succession: &Succession) -> wire::OrganisationSuccession {
    wire::OrganisationSuccession {
        target: succession.target.to_string(),
        successor: succession.kind == SuccessionKind::Successor,
        start_date: succession.start.to_string(),
    }
}

fn period(period: Period) -> wire::OrganisationPeriod {
    wire::OrganisationPeriod {
        start_date: date(period.start),
        end_date: date(period.end),
    }
}

fn date(day: Option<Day>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}
