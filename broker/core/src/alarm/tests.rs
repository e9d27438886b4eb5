#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn at(hours: u32) -> Timestamp {
    Timestamp::from_micros(1_795_000_000_000_000).after(HOUR * hours)
}

fn trust() -> OdsCode {
    OdsCode::parse("RR8").expect("a code")
}

fn practice() -> MailboxId {
    MailboxId::parse("mailboxes/K81003").expect("a name")
}

fn facts(deliveries: u64) -> Facts {
    let in_mailbox = || InMailbox {
        mailbox: practice(),
        count: deliveries,
        oldest: at(1),
    };
    Facts {
        senders: vec![Heard {
            source: trust(),
            last: at(0),
            silent_after: HOUR * 12,
        }],
        mailboxes: vec![Heard {
            source: practice(),
            last: at(0),
            silent_after: HOUR * 24,
        }],
        aged: vec![AgedDeliveries {
            workflow: WorkflowId::parse("LETTERS").expect("a workflow"),
            priority: Priority::Urgent,
            count: deliveries,
            oldest: at(1),
        }],
        closing: vec![in_mailbox()],
        dead: vec![in_mailbox()],
        register: RegisterFacts::default(),
        demographics: Vec::new(),
    }
}

fn words(alarms: &Alarms) -> Vec<String> {
    let word = |subject: &Subject| format!("{} {subject}", subject.kind().as_str());
    alarms.keys().map(word).collect()
}

#[test]
fn silence_raises_an_alarm_when_its_time_is_over_and_not_before() {
    let almost = alarms(facts(0), Timestamp::from_micros(at(12).as_micros() - 1));
    assert_eq!(words(&almost), [] as [&str; 0]);
    let sender = alarms(facts(0), at(12));
    assert_eq!(words(&sender), ["sender_silent organisations/RR8"]);
    let both = alarms(facts(0), at(24));
    assert_eq!(
        words(&both),
        [
            "sender_silent organisations/RR8",
            "collector_silent mailboxes/K81003"
        ]
    );
    assert!(both.values().all(|alarm| alarm.since == at(0)));
}

#[test]
fn a_source_heard_of_in_the_future_is_not_silent() {
    let mut facts = facts(0);
    facts.senders[0].last = at(1_000);
    facts.mailboxes.clear();
    assert!(alarms(facts, at(24)).is_empty());
}

#[test]
fn what_waits_raises_an_alarm_with_its_count_and_its_oldest() {
    let alarms = alarms(facts(3), at(2));
    assert_eq!(
        words(&alarms),
        [
            "aged workflows/LETTERS/urgent",
            "closing mailboxes/K81003",
            "dead_letters mailboxes/K81003"
        ]
    );
    let alarm = Alarm {
        since: at(1),
        deliveries: 3,
    };
    assert!(alarms.values().all(|one| *one == alarm));
}

#[test]
fn what_begins_is_raised_what_ends_is_cleared_and_a_count_is_neither() {
    let (few, many) = (alarms(facts(1), at(2)), alarms(facts(2), at(2)));
    assert_eq!(turns(&few, &many), []);
    let later = alarms(facts(0), at(12));
    let told: Vec<String> = turns(&many, &later)
        .iter()
        .map(|turn| match turn {
            Turn::Raised(subject, _) => format!("+{}", subject.kind().as_str()),
            Turn::Cleared(subject, alarm) => {
                format!("-{} {}", subject.kind().as_str(), alarm.deliveries)
            }
        })
        .collect();
    assert_eq!(
        told,
        ["-aged 2", "-closing 2", "-dead_letters 2", "+sender_silent"]
    );
}

#[test]
fn a_register_raises_an_alarm_as_it_ages_when_it_is_stale_and_when_its_files_are_bad() {
    let of = |age, refused| {
        let register = RegisterFacts {
            in_force: Some((age, at(1))),
            refused,
        };
        let all = Facts {
            register,
            ..Facts::default()
        };
        alarms(all, at(2))
    };
    assert!(of(Age::Fresh, None).is_empty());
    let ageing = of(Age::Ageing, None);
    assert_eq!(words(&ageing), ["register_ageing organisations"]);
    let stale = of(Age::Stale, Some(at(2)));
    assert_eq!(
        words(&stale),
        [
            "register_stale organisations",
            "register_refused organisations"
        ]
    );
    let since: Vec<Timestamp> = stale.values().map(|alarm| alarm.since).collect();
    assert_eq!(since, [at(1), at(2)]);
    assert!(alarms(Facts::default(), at(2)).is_empty(), "no register");
}

#[test]
fn each_part_of_demographics_that_is_in_trouble_raises_an_alarm_of_its_own() {
    let demographics = vec![
        (DemographicsPart::Snapshot, at(1)),
        (DemographicsPart::Service, at(2)),
        (DemographicsPart::Events, at(3)),
    ];
    let raised = alarms(
        Facts {
            demographics,
            ..facts(0)
        },
        at(4),
    );
    assert_eq!(
        words(&raised),
        [
            "demographics demographics/snapshot",
            "demographics demographics/service",
            "demographics demographics/events",
        ]
    );
    let since: Vec<_> = raised.values().map(|alarm| alarm.since).collect();
    assert_eq!(since, [at(1), at(2), at(3)]);
}
