#![allow(clippy::expect_used, reason = "tests fail by panicking")]

mod matching;
mod mistakes;

use std::time::Duration;

use axle_model::ods::OdsCode;

use super::*;
use crate::order::Order;

const TABLE: &str = r#"
version = 7
[defaults]
workflow = "LETTERS"

[[workflow]]
id = "LETTERS"

[[workflow]]
id = "TOC_FHIR_IP_DISCH"
expires_after_hours = 48
attempts_max = 4

[[class]]
id = "discharge"
workflow = "TOC_FHIR_IP_DISCH"
match = { event = ["ITK003D"], type = ["snomed:373942005"] }

[[allow]]
sender = ["RR8"]
workflow = "*"
recipient = "*"

[[delegate]]
to = "RR8"
organisations = ["RR801"]
"#;

fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("a code")
}

#[test]
fn terms_are_the_workflows_own_or_the_defaults() {
    let table = RoutingTable::parse(TABLE).expect("a table");
    let terms = |id| {
        table
            .terms(&WorkflowId::parse(id).expect("a workflow"))
            .copied()
    };
    assert_eq!(terms("LETTERS"), Some(Terms::default()));
    let own = terms("TOC_FHIR_IP_DISCH").expect("it is listed");
    assert_eq!(
        (own.lifetime, own.retry.attempts_max),
        (Duration::from_hours(48), 4)
    );
    assert_eq!(terms("IPS"), None);
}

#[test]
fn what_no_rule_allows_is_not_allowed() {
    let table = RoutingTable::parse(TABLE).expect("a table");
    let letters = WorkflowId::parse("LETTERS").expect("a workflow");
    assert!(table.policy().allows(code("RR8"), &letters, code("K81003")));
    assert!(!table.policy().allows(code("RBA"), &letters, code("K81003")));
    assert_eq!(
        table.policy().delegations_of(code("RR8")).as_ref(),
        [code("RR801")]
    );
    assert!(table.policy().delegations_of(code("RBA")).is_empty());
}

#[test]
fn events_are_known_only_where_no_other_event_has_a_workflow() {
    let table = RoutingTable::parse(TABLE).expect("a table");
    assert_eq!(table.events().count(), 0, "the default workflow takes any");
    let strict = TABLE.replace("[defaults]\nworkflow = \"LETTERS\"\n", "");
    let table = RoutingTable::parse(&strict).expect("a table");
    assert_eq!(table.events().collect::<Vec<_>>(), ["ITK003D"]);
}

#[test]
fn nobody_but_the_broker_sends_reports() {
    let text = TABLE.replace("id = \"LETTERS\"", "id = \"AXLE_REPORT\"");
    let problems = RoutingTable::parse(&text).expect_err("a workflow is the broker's own");
    assert!(
        problems
            .iter()
            .any(|problem| problem.what.contains("AXLE_REPORT")),
        "{problems:?}"
    );
}

#[test]
fn a_workflow_says_what_is_delivered_in_order_and_how_long_that_may_hold_up() {
    let terms = |said: &str| {
        let text = format!("version = 1\n[[workflow]]\nid = \"LETTERS\"\n{said}");
        let table = RoutingTable::parse(&text)?;
        let terms = table.terms(&WorkflowId::parse("LETTERS").expect("a workflow"));
        let terms = terms.expect("its terms");
        Ok::<_, Vec<Problem>>((terms.order, terms.order_hold.as_secs()))
    };
    assert_eq!(terms("").expect("terms"), (Order::Patient, 14_400));
    let said = terms("order = \"patient_ref\"\norder_hold_seconds = 60");
    assert_eq!(said.expect("terms"), (Order::PatientRef, 60));
    assert_eq!(terms("order = \"none\"").expect("terms").0, Order::None);
    assert!(terms("order = \"sender\"").is_err());
    assert!(terms("order_hold_seconds = 0").is_err());
}
