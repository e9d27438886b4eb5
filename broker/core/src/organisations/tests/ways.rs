//! What must hold of every way through any register.

use std::collections::BTreeMap;

use axle_model::day::Day;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{branch_of, code, now, organisations, record, successions};
use crate::organisations::{Organisations, register::key, trace::HOPS_MAX};

/// Any register of a few organisations, which refer to each other and to some that are not in it, in
/// every state and with dates before and after today; and entries of the operator's beside it.
fn any_organisations() -> impl Strategy<Value = Organisations> {
    let name = (0_u8..8).prop_map(|at| match at {
        6 => "A80000001".to_owned(),
        7 => "A80001001".to_owned(),
        at => format!("A8000{at}"),
    });
    let day = prop::sample::select(vec!["2020-04-01", "2026-11-20", "2026-11-21"]);
    let succession = (name.clone(), day.clone(), any::<bool>())
        .prop_map(|(name, day, before)| format!("{}{name} {day}", if before { "-" } else { "" }));
    let organisation = (
        name.clone(),
        any::<bool>(),
        prop::collection::vec(succession, 0..3),
        prop::sample::select(vec!["RO96", "RO177"]),
        prop::collection::vec(name.clone(), 0..3),
        prop::option::of(day.clone()),
    );
    let organisation = organisation.prop_map(|(name, active, heirs, role, operators, end)| {
        let heirs: Vec<&str> = heirs.iter().map(String::as_str).collect();
        let heirs: Vec<&str> = heirs
            .into_iter()
            .filter(|heir| !heir.contains(&format!("{name} ")))
            .collect();
        let operators: Vec<&str> = operators.iter().map(String::as_str).collect();
        let mut parts = branch_of(role, &operators);
        parts["Succs"] = successions(&heirs)["Succs"].clone();
        if let Some(end) = end {
            parts["Date"] = json!([{ "Type": "Operational", "Start": "2000-01-01", "End": end }]);
        }
        let status = if active { "Active" } else { "Inactive" };
        (name.clone(), record(&name, status, parts))
    });
    let records = prop::collection::vec(organisation, 1..8);
    let local = (name.clone(), name, day).prop_map(|(from, to, day)| format!("{from} {to} {day}"));
    let local = prop::collection::vec(local, 0..3);
    (records, local).prop_map(|(records, local)| {
        let records: BTreeMap<_, _> = records.into_iter().collect();
        let records: Vec<Value> = records.into_values().collect();
        let local: Vec<&str> = local.iter().map(String::as_str).collect();
        organisations(&records, &local)
    })
}

proptest! {
    #[test]
    fn a_code_as_a_number_keeps_its_order(one in "[A-Z0-9]{3,9}", other in "[A-Z0-9]{3,9}") {
        let (one, other) = (code(&one), code(&other));
        prop_assert_eq!(key(one).cmp(&key(other)), one.cmp(&other));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_way_ends_and_none_at_a_closed_organisation(known in any_organisations()) {
        let today = Day::in_uk(now());
        let all = (0..6).map(|at| format!("A8000{at}"));
        for from in all.chain(["A80000001".to_owned(), "A80001001".to_owned()]) {
            let from = code(&from);
            let trace = known.trace(from, now());
            // Each hop goes on where the last one ended, and none comes from where one has been.
            let mut at = from;
            let mut been = Vec::new();
            for hop in &trace.hops {
                prop_assert_eq!(hop.from, at);
                prop_assert!(!been.contains(&hop.from));
                been.push(hop.from);
                at = hop.to;
            }
            prop_assert!(trace.hops.len() <= HOPS_MAX);
            prop_assert_eq!(trace.reached, at);
            let resolved = known.resolve(from, now());
            prop_assert_eq!(resolved.is_ok(), trace.obstacle.is_none());
            let Ok(resolved) = resolved else { continue };
            let register = known.register().unwrap();
            let reached = register.get(resolved.organisation);
            prop_assert!(reached.is_some_and(|one| one.is_open(today)));
            // Whoever receives stands for itself.
            let again = known.resolve(resolved.organisation, now()).unwrap();
            prop_assert_eq!(again.hops, []);
        }
    }
}
