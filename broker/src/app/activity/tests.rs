#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use axle_core::directory::Directory;

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const DIRECTORY: &str = r#"
[[mailbox]]
organisation = "K81003"
silent_after_hours = 24

[[mailbox]]
organisation = "K81003"
workflow = "PATHOLOGY"
silent_after_hours = 24

[[mailbox]]
organisation = "A83008"

[[sender]]
organisation = "RR8"
silent_after_hours = 12
"#;

fn at(hours: u32) -> Timestamp {
    Timestamp::from_micros(1_795_000_000_000_000).after(HOUR * hours)
}

fn directory() -> Directory {
    Directory::parse(DIRECTORY).expect("a directory")
}

/// Who was heard of when, in hours.
fn told(activity: &Activity, now: Timestamp) -> Vec<(String, u64)> {
    let heard = activity.heard(&directory(), now);
    let hours = |last: Timestamp| last.since(at(0)).as_secs() / 3_600;
    let senders = heard.senders.iter();
    let senders = senders.map(|one| (one.source.to_string(), hours(one.last)));
    let mailboxes = heard.mailboxes.iter();
    let mailboxes = mailboxes.map(|one| (one.source.to_string(), hours(one.last)));
    senders.chain(mailboxes).collect()
}

fn expected(hours: [u64; 3]) -> Vec<(String, u64)> {
    let names = ["RR8", "mailboxes/K81003", "mailboxes/K81003/PATHOLOGY"];
    names.map(str::to_owned).into_iter().zip(hours).collect()
}

/// A process that began at 0, was heard of at 1 and 2, and wrote at 10.
fn written() -> String {
    let activity = Activity::default();
    activity.listen_for(&directory(), at(0));
    activity.sender(OdsCode::parse("RR8").expect("a code"), at(1));
    let mailbox = MailboxId::parse("mailboxes/K81003").expect("a name");
    activity.mailbox(&mailbox, at(2));
    assert_eq!(told(&activity, at(10)), expected([1, 2, 0]));
    text_of(&activity.heard(&directory(), at(10)), at(10))
}

fn resumed(text: &str, now: Timestamp) -> (Option<()>, Vec<(String, u64)>) {
    let activity = Activity::default();
    activity.listen_for(&directory(), now);
    let taken = resume(&activity, text, now);
    (taken, told(&activity, now))
}

#[test]
fn silence_goes_on_over_a_restart_and_the_time_in_which_the_broker_was_down_does_not_count() {
    assert_eq!(resumed(&written(), at(10)), (Some(()), expected([1, 2, 0])));
    assert_eq!(
        resumed(&written(), at(15)),
        (Some(()), expected([6, 7, 5])),
        "five hours down"
    );
}

#[test]
fn a_clock_set_back_meanwhile_makes_nobody_silent_and_nobody_heard_of_in_the_future() {
    assert_eq!(resumed(&written(), at(0)).1, expected([0, 0, 0]));
}

#[test]
fn a_damaged_file_counts_for_nothing() {
    let text = written();
    for at_byte in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at_byte] ^= 1;
        let (taken, told) = resumed(&String::from_utf8_lossy(&bytes), at(20));
        assert_eq!((taken, told), (None, expected([20; 3])), "byte {at_byte}");
        let cut = resumed(&text[..at_byte], at(20));
        assert_eq!(cut, (None, expected([20; 3])), "cut at {at_byte}");
    }
}

#[test]
fn whoever_waits_is_not_silent_and_who_is_listened_for_stays_so_over_a_reload() {
    let activity = Activity::default();
    activity.listen_for(&directory(), at(0));
    let mailbox = MailboxId::parse("mailboxes/K81003").expect("a name");
    let listener = activity.listener(&[mailbox]);
    let waiting = listener.waits();
    assert_eq!(told(&activity, at(30)), expected([0, 30, 0]));
    activity.listen_for(&directory(), at(40));
    assert_eq!(told(&activity, at(40)), expected([0, 40, 0]));
    drop(waiting);
    assert_eq!(told(&activity, at(50)), expected([0, 40, 0]));
}

#[test]
fn a_clock_that_was_ahead_is_forgotten() {
    let activity = Activity::default();
    activity.listen_for(&directory(), at(0));
    activity.sender(OdsCode::parse("RR8").expect("a code"), at(1_000));
    assert_eq!(told(&activity, at(1)), expected([1, 0, 0]));
    assert_eq!(told(&activity, at(20)), expected([1, 0, 0]));
}
