//! The order of system calls around one submit: the journal is written, then synced, and only then
//! is anything answered. Seen from outside, by strace.

use std::{fs, os::unix::process::CommandExt as _, path::Path, process::Command};

use axle_tests::{
    documents::{JSON, named, small, to},
    estate::{Estate, PRACTICE, TRUST},
    process::{BrokerProcess, broker_binary},
    raw::Raw,
    skip, wait,
};

const CALLS: &str =
    "trace=fdatasync,fsync,sync_file_range,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg";
/// More than any HTTP/2 frame of housekeeping in a TLS record, less than any answer.
const ANSWER_BYTES_MIN: u64 = 100;

/// A system call that has returned: what it was, on which file or socket, and what it returned.
#[derive(Debug)]
struct Call {
    name: String,
    file: String,
    returned: u64,
}

impl Call {
    fn is_journal(&self) -> bool {
        self.file.contains("/journal/")
    }

    fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fdatasync" | "fsync") && self.is_journal()
    }

    fn is_journal_write(&self) -> bool {
        self.name.contains("write") && self.is_journal()
    }

    fn is_answer(&self) -> bool {
        let sends = self.name.contains("write") || self.name.starts_with("send");
        sends && self.file.contains("TCP") && self.returned > ANSWER_BYTES_MIN
    }
}

/// The calls of a trace, in the order in which they returned.
fn calls(trace: &str) -> Vec<Call> {
    let mut begun = std::collections::BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.trim_start().split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread.to_owned(), start.to_owned());
            continue;
        }
        let whole = match rest.strip_prefix("<... ") {
            Some(end) => match begun.remove(thread) {
                Some(start) => format!("{start}{}", end.split_once('>').map_or("", |(_, end)| end)),
                None => continue,
            },
            None => rest.to_owned(),
        };
        let Some((name, arguments)) = whole.split_once('(') else {
            continue;
        };
        let file = arguments
            .split_once('<')
            .and_then(|(_, file)| file.split_once(['>', ',']));
        let returned = whole
            .rsplit_once(" = ")
            .and_then(|(_, returned)| returned.split_whitespace().next()?.parse().ok());
        if let (Some((file, _)), Some(returned)) = (file, returned) {
            calls.push(Call {
                name: name.to_owned(),
                file: file.to_owned(),
                returned,
            });
        }
    }
    calls
}

fn can_trace(folder: &Path) -> bool {
    let probe = Command::new("strace")
        .arg("-o")
        .arg(folder.join("probe"))
        .arg("true")
        .status();
    probe.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_synced_before_the_answer() {
    let estate = Estate::new();
    if !can_trace(estate.path()) {
        return skip::loudly(
            "the_journal_is_synced_before_the_answer",
            "strace cannot trace here; ./tests/run installs it",
        );
    }
    let trace = estate.path().join("trace");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-yy", "-s", "0", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(broker_binary());
    // A group of its own, for strace itself lets no signal through.
    strace.process_group(0);
    let mut broker = BrokerProcess::spawn_by(strace, &estate).in_a_group();
    broker.ready(&estate).await;
    let raw = Raw::of(&estate.profile(TRUST));
    let header = |id| axle_proto::v1::DocumentHeader {
        media_type: JSON.to_owned(),
        ..named(id, to(&[PRACTICE]))
    };
    // The connection's own beginnings are not what is looked at.
    raw.submit(header("warm"), small("warm", TRUST, 0))
        .await
        .unwrap();
    let before = fs::read_to_string(&trace).unwrap().len();
    raw.submit(header("1"), small("1", TRUST, 0)).await.unwrap();
    // From the write on: the trace may come by the answer before it late.
    let around = wait::until("a write and then an answer in the trace", async || {
        let mut calls = calls(&fs::read_to_string(&trace).unwrap()[before..]);
        let write = calls.iter().position(Call::is_journal_write)?;
        let around = calls.split_off(write);
        around.iter().any(Call::is_answer).then_some(around)
    })
    .await;
    broker.stop().await;
    let place = |which: fn(&Call) -> bool| around.iter().position(which);
    let (sync, answer) = (place(Call::is_sync), place(Call::is_answer));
    let in_order = sync.zip(answer).is_some_and(|(sync, answer)| sync < answer);
    assert!(
        in_order,
        "after the write sync, answer: {sync:?} {answer:?} in {around:#?}"
    );
}
