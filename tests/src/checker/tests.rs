//! Each kind of breach is planted in an otherwise good history, and must be caught as that kind.

use super::{
    Verdict,
    history::{Entry, Key, What},
    judge,
};

const DELIVERY: &str = "messages/1/deliveries/K81003";

fn key() -> Key {
    ("RR8".to_owned(), "1".to_owned())
}

fn invoke() -> What {
    let recipients = vec!["K81003".to_owned()];
    What::Invoke {
        key: key(),
        recipients,
        sha256: "aa".to_owned(),
    }
}

fn ok(message: &str) -> What {
    What::Ok {
        key: key(),
        message: message.to_owned(),
    }
}

/// `leased` is on the clock of the entries: the first of a history is at 10, the next at 20.
fn delivered(delivery: &str, by: &str, leased_micros: u64, sha256: &str) -> What {
    What::Delivered {
        key: key(),
        delivery: delivery.to_owned(),
        by: by.to_owned(),
        leased_micros,
        sha256: sha256.to_owned(),
    }
}

fn acknowledged() -> What {
    What::Acknowledged {
        key: key(),
        delivery: DELIVERY.to_owned(),
    }
}

fn state(delivery: &str, state: &str) -> What {
    What::State {
        key: key(),
        delivery: delivery.to_owned(),
        state: state.to_owned(),
    }
}

fn verdict(history: impl IntoIterator<Item = What>) -> Verdict {
    let entry = |(what, time)| Entry {
        wall_micros: time,
        elapsed_micros: time,
        what,
    };
    let timed = history.into_iter().zip((10..).step_by(10));
    judge(&timed.map(entry).collect::<Vec<_>>())
}

/// `lost duplicated misrouted unexpected`.
fn breaches(history: impl IntoIterator<Item = What>) -> [usize; 4] {
    let verdict = verdict(history);
    let [lost, duplicated, misrouted, unexpected] = [
        &verdict.lost,
        &verdict.duplicated,
        &verdict.misrouted,
        &verdict.unexpected,
    ];
    [
        lost.len(),
        duplicated.len(),
        misrouted.len(),
        unexpected.len(),
    ]
}

fn good() -> Vec<What> {
    vec![
        invoke(),
        ok("messages/1"),
        delivered(DELIVERY, "K81003", 25, "aa"),
        acknowledged(),
        state(DELIVERY, "acknowledged"),
    ]
}

#[test]
fn a_good_history_is_clean() {
    let verdict = verdict(good());
    assert!(
        verdict.is_clean(),
        "{:?}",
        verdict.breaches().collect::<Vec<_>>()
    );
    assert_eq!(
        verdict.to_string(),
        "checker: accepted=1 terminal=1 pending=0 recovered=0 lost=0 duplicated=0 misrouted=0 \
         unexpected=0"
    );
}

#[test]
fn a_planted_loss_is_caught() {
    assert_eq!(breaches([invoke(), ok("messages/1")]), [1, 0, 0, 0], "gone");
    let forgotten = good().into_iter().take(4);
    assert_eq!(
        breaches(forgotten),
        [1, 0, 0, 0],
        "the broker no longer knows it"
    );
    let unseen = [invoke(), ok("messages/1"), state(DELIVERY, "acknowledged")];
    assert_eq!(breaches(unseen), [1, 0, 0, 0], "acknowledged by nobody");
    let two = What::Invoke {
        key: key(),
        recipients: vec!["K81003".to_owned(), "A83008".to_owned()],
        sha256: "aa".to_owned(),
    };
    let half = [two].into_iter().chain(good().into_iter().skip(1));
    assert_eq!(breaches(half), [1, 0, 0, 0], "one of two recipients");
}

#[test]
fn a_planted_duplicate_is_caught() {
    let again = [delivered(DELIVERY, "K81003", 45, "aa")];
    assert_eq!(
        breaches(good().into_iter().chain(again)),
        [0, 1, 0, 0],
        "after its acknowledgement"
    );
    let twin = [state("messages/2/deliveries/K81003", "queued")];
    assert_eq!(
        breaches(good().into_iter().chain(twin)),
        [0, 1, 0, 0],
        "two deliveries"
    );
    let receipt = [ok("messages/2")];
    assert_eq!(
        breaches(good().into_iter().chain(receipt)),
        [0, 1, 0, 0],
        "two receipts"
    );
}

#[test]
fn a_planted_misroute_is_caught() {
    let stranger = [delivered(DELIVERY, "A83008", 25, "aa")];
    assert_eq!(
        breaches(good().into_iter().chain(stranger)),
        [0, 0, 1, 0],
        "another's eyes"
    );
    let address = [state("messages/1/deliveries/A83008", "queued")];
    assert_eq!(
        breaches(good().into_iter().chain(address)),
        [0, 0, 1, 0],
        "another's mailbox"
    );
}

#[test]
fn a_planted_stranger_is_caught() {
    let unsent = good().into_iter().skip(2);
    assert_eq!(breaches(unsent), [0, 0, 0, 1], "never submitted");
    let refused = What::Fail {
        key: key(),
        reason: "RECIPIENT_UNKNOWN".to_owned(),
    };
    let refused = [invoke(), refused, state(DELIVERY, "queued")];
    assert_eq!(breaches(refused), [0, 0, 0, 1], "refused");
    let altered = [delivered(DELIVERY, "K81003", 25, "bb")];
    assert_eq!(
        breaches(good().into_iter().chain(altered)),
        [0, 0, 0, 1],
        "other bytes"
    );
}

#[test]
fn what_is_not_known_is_not_held_against_the_broker() {
    let unknown = || What::Unknown { key: key() };
    let stored = verdict([invoke(), unknown(), state(DELIVERY, "queued")]);
    assert!(
        stored.is_clean() && stored.recovered == 1 && stored.accepted == 0,
        "{stored}"
    );
    let not_stored = verdict([invoke(), unknown()]);
    assert!(
        not_stored.is_clean() && not_stored.recovered == 0,
        "{not_stored}"
    );
    let lapsed = What::AcknowledgeUnknown {
        key: key(),
        delivery: DELIVERY.to_owned(),
    };
    let again = [
        invoke(),
        unknown(),
        invoke(),
        ok("messages/1"),
        delivered(DELIVERY, "K81003", 45, "aa"),
        lapsed,
        delivered(DELIVERY, "K81003", 65, "aa"),
        // From a buffer that was slow, under a lease that had run out.
        delivered(DELIVERY, "K81003", 45, "aa"),
        acknowledged(),
        // Given before that acknowledgement, heard of after it.
        delivered(DELIVERY, "K81003", 85, "aa"),
        state(DELIVERY, "acknowledged"),
    ];
    let again = verdict(again);
    assert!(again.is_clean() && again.terminal == 1, "{again}");
}

#[test]
fn a_history_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("history.jsonl");
    let history = super::history::History::create(&path);
    for what in good() {
        history.record(what);
    }
    let entries = history.finish(&path);
    assert_eq!(
        entries
            .into_iter()
            .map(|entry| entry.what)
            .collect::<Vec<_>>(),
        good()
    );
}

/// A document sent under another name, and the receipt it got.
fn again(sha256: &str) -> [What; 2] {
    let key = ("RR8".to_owned(), "2".to_owned());
    let invoke = What::Invoke {
        key: key.clone(),
        recipients: vec!["K81003".to_owned()],
        sha256: sha256.to_owned(),
    };
    let message = "messages/1".to_owned();
    [invoke, What::Ok { key, message }]
}

#[test]
fn a_document_under_two_names_is_one_message_and_another_document_is_not() {
    let good = || {
        vec![
            invoke(),
            ok("messages/1"),
            delivered(DELIVERY, "K81003", 20, "aa"),
            acknowledged(),
            state(DELIVERY, "acknowledged"),
        ]
    };
    let mut twice = good();
    twice.extend(again("aa"));
    assert_eq!(breaches(twice), [0, 0, 0, 0]);
    let mut confused = good();
    confused.extend(again("bb"));
    assert_eq!(breaches(confused), [1, 0, 0, 0]);
}
