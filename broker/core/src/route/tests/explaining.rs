//! What is explained is what is done, and where the table says so.

use super::{
    finding::{listing, snapshot},
    *,
};
use crate::delivery::Basis;

#[test]
fn every_step_names_its_line_of_the_table() {
    let more = "\n[[rule]]\nid = \"safeguarding\"\nwhen = { class = \"*\" }\nthen = { copy_to = \"X81000\" }";
    let snapshot = snapshot("", "", more);
    let authorised = authorised(listing(&["A83008"]));
    let checked = validate(&Snapshot::default(), &authorised, NOW).expect("it is valid");
    let explained = explain(&snapshot, &checked, Registration::NotAsked, NOW);
    let steps: Vec<_> = explained
        .steps
        .iter()
        .map(|step| (step.stage.as_str(), step.line, step.what.as_str()))
        .collect();
    let class = snapshot.table.class("discharge").map(|class| class.line);
    let rule = Some(snapshot.table.rules()[0].line);
    assert_eq!(
        steps,
        [
            ("class", class, "it is of class discharge"),
            (
                "workflow",
                None,
                "it travels under DISCHARGES, as its class says"
            ),
            ("restricted", None, "it is not restricted"),
            (
                "recipient",
                None,
                "the sender names K81003, which always counts"
            ),
            ("rules", rule, "rule safeguarding holds"),
            (
                "resolve",
                None,
                "mailboxes/K81003 takes DISCHARGES for K81003"
            ),
            ("deceased", None, "nothing says that the patient has died"),
            (
                "copies",
                class,
                "the distribution list names K81003, A83008: they get a copy"
            ),
            ("copies", None, "K81003 gets the document already"),
            (
                "resolve",
                None,
                "mailboxes/A83008 takes DISCHARGES for A83008"
            ),
            ("copies", None, "A83008 gets a copy"),
            (
                "resolve",
                None,
                "mailboxes/X81000 takes DISCHARGES for X81000"
            ),
            ("copies", rule, "X81000 gets a copy"),
            ("outcome", None, "K81003: mailboxes/K81003, FA, named"),
            (
                "outcome",
                None,
                "A83008: mailboxes/A83008, FI, distribution-list"
            ),
            ("outcome", None, "X81000: mailboxes/X81000, FI, copy-rule"),
        ]
    );
    let copies = explained.outcome.expect("it is routed");
    assert_eq!(copies[2].routing.rule.as_deref(), Some("safeguarding"));
    assert_eq!(copies[1].routing.basis, Basis::DistributionList);
}
