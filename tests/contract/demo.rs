//! The demo, as a newcomer runs it: it plays to its end quickly, and it notices when it should not.

use std::{
    process::{Command, Output},
    time::Duration,
};

use axle_tests::process::broker_binary;

/// What the demo may take: two seconds, and more for a build that is not optimised, whose tests share
/// the machine with others.
const SECONDS_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 2 });

fn demo(arguments: &[&str]) -> (Output, Duration) {
    let begun = std::time::Instant::now();
    let output = Command::new(broker_binary())
        .arg("demo")
        .args(arguments)
        .output()
        .unwrap();
    (output, begun.elapsed())
}

#[test]
fn the_demo_plays_to_its_end_in_time() {
    let (output, took) = demo(&[]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(took < SECONDS_MAX, "{took:?}");
    for word in [
        "acknowledged",
        "accepted",
        "leased",
        "no mailbox is known for",
        "axle",
    ] {
        assert!(told.contains(word), "{word} is not in:\n{told}");
    }
}

#[test]
fn the_demo_fails_when_a_step_is_broken() {
    for step in ["uncollected", "altered", "admitted"] {
        let (output, _) = demo(&["--sabotage", step]);
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{step}: {told}");
    }
}
