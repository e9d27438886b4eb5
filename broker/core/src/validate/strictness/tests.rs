//! What is set above what.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axle_model::refusal::Severity;

use super::{Overrides, RuleSet, Setting, Strictness, table};

fn overrides(id: &str, setting: Setting) -> Overrides {
    let mut overrides = Overrides::default();
    overrides.set(id, setting).unwrap();
    overrides
}

fn severity(strictness: &Strictness, id: &str) -> Option<Severity> {
    let (place, rule) = table::find(id).unwrap();
    strictness.severity(place, rule.severity)
}

#[test]
fn the_later_of_two_settings_counts_and_what_a_class_requires_above_both() {
    let mut strictness = Strictness::default();
    assert_eq!(severity(&strictness, "V-301"), Some(Severity::Error));
    strictness.overlay(&overrides("V-301", Setting::Warning));
    assert_eq!(severity(&strictness, "V-301"), Some(Severity::Warning));
    strictness.overlay(&overrides("V-301", Setting::Off));
    assert_eq!(severity(&strictness, "V-301"), None);
    strictness.require(RuleSet::of(["V-301", "V-401"]).unwrap());
    assert_eq!(severity(&strictness, "V-301"), Some(Severity::Error));
    assert_eq!(severity(&strictness, "V-401"), Some(Severity::Error));
    assert_eq!(severity(&strictness, "V-402"), Some(Severity::Warning));
}

#[test]
fn neither_a_fatal_rule_nor_one_the_store_decides_is_taken() {
    for id in ["V-003", "V-101", "V-118", "V-315", "V-000"] {
        assert!(RuleSet::of([id]).is_err(), "{id}");
        assert!(
            Overrides::default().set(id, Setting::Off).is_err(),
            "{id} was set"
        );
    }
}
