//! The restore drill: a broker under load is backed up while it runs, goes on, and loses its disk; a
//! store is made of the backup, and its clients go on with that. Everything accepted before the
//! backup began must be delivered, and nothing twice (I22). What came later may be lost with the disk;
//! that is counted, and told apart here, so that the checker need not know of backups.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rand::Rng as _;
use tokio::task::block_in_place;

use super::{Outcome, Plan, Run, estate};
use crate::{
    checker::{
        self,
        history::{self, Entry, What},
    },
    documents::now,
    estate::Estate,
    process::{BrokerProcess, broker_binary},
};

/// From before a backup began until a broker goes on with what was restored, in microseconds since
/// 1970: what was answered meanwhile is in the backup, or lost with the disk.
type Gap = Range<u64>;

/// Backs up, loses the disk and restores as planned, and judges what came of it.
pub(super) async fn restore(plan: &Plan) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kept = plan.keep.clone().unwrap_or(folder.path().to_path_buf());
    let plan = Plan {
        keep: Some(kept.clone()),
        ..plan.clone()
    };
    let estate = estate();
    // Small enough that new ones are begun during a backup.
    let small = fs::read_to_string(estate.path().join("broker.toml"))
        .expect("a configuration")
        .replace("[store]", "[store]\nsegment_bytes_max = 1048576");
    estate.write("broker.toml", &small);
    plan.encrypts(&estate);
    let run = Run::begin(estate, &plan);
    let mut broker = BrokerProcess::start(run.estate()).await;
    let mut gaps = Vec::new();
    for number in 1..=plan.count {
        // Every other time documents wait in the backup, and what is collected after it comes again.
        run.hold(number % 2 == 1);
        run.progress(plan.accepted).await;
        let gap;
        (broker, gap) = lose_the_disk(&run, broker, &plan, number).await;
        gaps.push(gap);
    }
    // The checker's own word is of all that was answered; here only what was promised counts.
    let _ = run.finish(broker).await;
    let (promised, gone) = promised(history::read(&kept.join("history.jsonl")), &gaps);
    let verdict = checker::judge(&promised);
    let mut breaches: Vec<String> = verdict.breaches().collect();
    if gone == 0 {
        breaches.push("nothing was lost with the disks, so nothing was restored".to_owned());
    }
    Outcome::Counted {
        line: format!(
            "restore: restores={} after_the_backup={gone}\n{verdict}",
            plan.count
        ),
        breaches,
    }
}

/// Backs up, lets the load go on, loses the disk, restores, and starts a broker with that.
async fn lose_the_disk(
    run: &Run,
    broker: BrokerProcess,
    plan: &Plan,
    number: u32,
) -> (BrokerProcess, Gap) {
    let data = run.estate().data();
    let backup = run.estate().path().join(format!("backup-{number}"));
    let before = run.accepted();
    let from_micros = now().as_micros();
    let begun = Instant::now();
    let command =
        |words: &[&str], folder: &Path, other| command(run.estate(), words, folder, other);
    let stated = command(&["backup", "--store"], &data, Some(("--to", &backup)));
    let copied = begun.elapsed();
    let during = run.accepted() - before;
    run.hold(false);
    run.progress(plan.accepted / 4).await;
    let moment = run
        .random(u64::MAX - u64::from(number))
        .random_range(0..300);
    tokio::time::sleep(Duration::from_millis(moment)).await;
    let later = run.accepted() - before - during;
    broker.kill();
    fs::remove_dir_all(&data).expect("a disk to lose");
    let lost = Instant::now();
    let sound = command(&["verify", "--store"], &backup, None);
    let restored = command(&["restore", "--from"], &backup, Some(("--to", &data)));
    assert_eq!(
        entries(&stated),
        entries(&sound),
        "what the backup holds has changed"
    );
    assert_eq!(
        entries(&stated),
        entries(&restored),
        "something else was restored"
    );
    fs::remove_dir_all(&backup).expect("a backup that is no longer needed");
    let gap = from_micros..now().as_micros();
    let broker = BrokerProcess::start(run.estate()).await;
    println!(
        "restore {number}/{}: {} entries copied in {} ms; {before} accepted before it, {during} during \
         it, {later} after it; back in {} ms",
        plan.count,
        entries(&stated),
        copied.as_millis(),
        lost.elapsed().as_millis()
    );
    (broker, gap)
}

/// What the broker's program says.
fn command(estate: &Estate, words: &[&str], folder: &Path, other: Option<(&str, &Path)>) -> String {
    let mut command = Command::new(broker_binary());
    command.args(words).arg(folder);
    let key = estate.path().join("store.key");
    if key.exists() {
        command.env("AXLE_STORE_KEY_FILE", key);
    }
    if let Some((word, folder)) = other {
        command.arg(word).arg(folder);
    }
    let output = block_in_place(|| command.output()).expect("a program that can be started");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {told}{why}", words[0]);
    told
}

/// The number behind "every entry of the ledger up to".
fn entries(told: &str) -> u64 {
    let (_, rest) = told
        .split_once("every entry of the ledger up to ")
        .expect("the last entry that is stated");
    let number = rest.split(' ').next().and_then(|word| word.parse().ok());
    number.expect("a number")
}

/// A history as far as the restored stores must keep it, and how many messages it is shorter by: those
/// first heard of in a gap which the broker does not know at the end. What was acknowledged in a gap
/// may count, or not.
fn promised(history: Vec<Entry>, gaps: &[Gap]) -> (Vec<Entry>, usize) {
    let in_a_gap = |micros: u64| gaps.iter().any(|gap| gap.contains(&micros));
    let (mut first, mut known) = (BTreeMap::new(), BTreeSet::new());
    for entry in &history {
        if let Some(message) = message(&entry.what) {
            first.entry(message).or_insert(entry.wall_micros);
            if matches!(entry.what, What::State { .. }) {
                known.insert(message);
            }
        }
    }
    let gone: BTreeSet<String> = first
        .into_iter()
        .filter(|(message, micros)| in_a_gap(*micros) && !known.contains(message))
        .map(|(message, _)| message.to_owned())
        .collect();
    let is_gone = |what: &What| message(what).is_some_and(|message| gone.contains(message));
    let promised = history
        .into_iter()
        .filter(|entry| !is_gone(&entry.what))
        .map(|mut entry| {
            if let What::Acknowledged { key, delivery } = &entry.what
                && in_a_gap(entry.wall_micros)
            {
                entry.what = What::AcknowledgeUnknown {
                    key: key.clone(),
                    delivery: delivery.clone(),
                };
            }
            entry
        })
        .collect();
    (promised, gone.len())
}

/// The message that was heard of, if one was: messages/UUID.
fn message(what: &What) -> Option<&str> {
    match what {
        What::Ok { message, .. } => Some(message),
        What::Delivered { delivery, .. }
        | What::Acknowledged { delivery, .. }
        | What::AcknowledgedLate { delivery, .. }
        | What::AcknowledgeUnknown { delivery, .. }
        | What::State { delivery, .. } => delivery.split("/deliveries/").next(),
        What::Invoke { .. } | What::Fail { .. } | What::Unknown { .. } => None,
    }
}

#[cfg(test)]
mod tests;
