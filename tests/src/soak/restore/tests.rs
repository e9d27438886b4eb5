//! What is promised of a history with a backup in it.

use super::*;
use crate::checker::{Verdict, history::Key};

/// The backup begins at 100, and a broker goes on at 200.
const GAP: Gap = 100..200;

fn judged(lines: Vec<(u64, What)>) -> (Verdict, usize) {
    let entry = |(wall_micros, what)| Entry {
        wall_micros,
        elapsed_micros: wall_micros,
        what,
    };
    let (promised, gone) = promised(lines.into_iter().map(entry).collect(), &[GAP]);
    (checker::judge(&promised), gone)
}

fn key() -> Key {
    ("RR8".to_owned(), "1".to_owned())
}

fn invoke() -> What {
    What::Invoke {
        key: key(),
        recipients: vec!["K81003".to_owned()],
        sha256: "abc".to_owned(),
    }
}

fn ok(message: &str) -> What {
    let (key, message) = (key(), message.to_owned());
    What::Ok { key, message }
}

fn delivered(message: &str, leased_micros: u64) -> What {
    What::Delivered {
        key: key(),
        delivery: format!("{message}/deliveries/K81003"),
        by: "K81003".to_owned(),
        leased_micros,
        sha256: "abc".to_owned(),
    }
}

fn acknowledged(message: &str) -> What {
    let delivery = format!("{message}/deliveries/K81003");
    What::Acknowledged {
        key: key(),
        delivery,
    }
}

fn settled(message: &str) -> What {
    What::State {
        key: key(),
        delivery: format!("{message}/deliveries/K81003"),
        state: "acknowledged".to_owned(),
    }
}

#[test]
fn what_was_accepted_before_a_backup_and_is_not_restored_is_lost() {
    let (verdict, gone) = judged(vec![(10, invoke()), (99, ok("messages/A"))]);
    assert_eq!((verdict.lost.len(), gone), (1, 0), "{verdict}");
    let late = judged(vec![(10, invoke()), (200, ok("messages/A"))]).0;
    assert_eq!(late.lost.len(), 1, "accepted after the restore: {late}");
}

#[test]
fn what_was_accepted_after_a_backup_may_be_gone_and_come_again_as_another_message() {
    let (verdict, gone) = judged(vec![
        (10, invoke()),
        (100, ok("messages/A")),
        (110, delivered("messages/A", 105)),
        (120, acknowledged("messages/A")),
        (210, invoke()),
        (220, ok("messages/B")),
        (230, delivered("messages/B", 225)),
        (240, acknowledged("messages/B")),
        (300, settled("messages/B")),
    ]);
    assert!(verdict.is_clean() && verdict.terminal == 1, "{verdict}");
    assert_eq!(gone, 1);
}

#[test]
fn only_what_was_acknowledged_after_a_backup_may_be_given_out_again() {
    let again = |confirmed| {
        judged(vec![
            (10, invoke()),
            (20, ok("messages/A")),
            (30, delivered("messages/A", 25)),
            (confirmed, acknowledged("messages/A")),
            (230, delivered("messages/A", 225)),
            (240, acknowledged("messages/A")),
            (300, settled("messages/A")),
        ])
        .0
    };
    assert!(again(150).is_clean(), "{}", again(150));
    assert_eq!(again(99).duplicated.len(), 2, "{}", again(99));
}
