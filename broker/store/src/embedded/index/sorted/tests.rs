use std::{collections::BTreeMap, fs, path::Path};

use axle_model::digest::Digest;

use super::*;
use crate::{embedded::index::keys::Key, state::Half};

fn key(number: u32) -> Key {
    Key::submission(&Half::of(&Digest::of(&number.to_le_bytes())))
}

fn write(sorted: &Sorted, entries: &[(Key, Vec<u8>)]) {
    let added = sorted.add(entries.len(), |run| {
        let mut entries = entries.iter();
        entries.try_for_each(|(key, value)| run.add(key, value))
    });
    added.unwrap();
}

/// Adds `count` keys, the first of which were there before with another value.
fn add(sorted: &Sorted, model: &mut BTreeMap<Key, Vec<u8>>, checkpoint: u32, count: u32) {
    let from = checkpoint * count - checkpoint.min(3);
    let mut entries: Vec<_> = (from..from + count)
        .map(|number| (key(number), checkpoint.to_le_bytes().to_vec()))
        .collect();
    entries.sort_unstable();
    write(sorted, &entries);
    model.extend(entries);
}

fn assert_holds(sorted: &Sorted, model: &BTreeMap<Key, Vec<u8>>) {
    for (key, value) in model.iter().step_by(7) {
        assert_eq!(sorted.newest(key).unwrap().as_ref(), Some(value));
    }
    for number in 1_000_000..1_001_000 {
        assert_eq!(sorted.newest(&key(number)).unwrap(), None);
    }
}

/// A directory of so many checkpoints with everything merged that may be, and what it holds.
fn merged(directory: &Path, checkpoints: u32, count: u32) -> BTreeMap<Key, Vec<u8>> {
    let sorted = Sorted::open(directory, Empty::Counts, Sealed::default()).unwrap();
    let mut model = BTreeMap::new();
    for checkpoint in 0..checkpoints {
        add(&sorted, &mut model, checkpoint, count);
        sorted.tidy(|_| true).unwrap();
    }
    model
}

fn names(directory: &Path) -> Vec<String> {
    let listed = fs::read_dir(directory).unwrap();
    let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

#[test]
fn what_was_added_is_found_in_few_files_while_they_are_merged_and_after() {
    let directory = tempfile::tempdir().unwrap();
    let mut sorted = Sorted::open(directory.path(), Empty::Counts, Sealed::default()).unwrap();
    let mut model = BTreeMap::new();
    // Nothing but the pace that keeps up.
    sorted.merged_at_least = 0;
    for checkpoint in 0..80 {
        add(&sorted, &mut model, checkpoint, 400);
        sorted.tidy(|_| true).unwrap();
        assert!(sorted.runs().len() < 23, "{}", sorted.runs().len());
        if checkpoint % 11 == 0 {
            assert_holds(&sorted, &model);
        }
    }
    assert_holds(&sorted, &model);
    drop(sorted);
    let sorted = Sorted::open(directory.path(), Empty::Counts, Sealed::default()).unwrap();
    assert_eq!(sorted.last(), 80);
    assert_holds(&sorted, &model);
}

#[test]
fn what_begins_alike_is_found_together_and_across_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let sorted = Sorted::open(directory.path(), Empty::Counts, Sealed::default()).unwrap();
    let name = Half::of(&Digest::of(b"a name"));
    let mut entries: Vec<_> = (0..2_000).map(|number| (key(number), vec![])).collect();
    let led_to = |number: u8| Key::document_in(&name, &Half::from_bytes([number; 16]));
    entries.extend((0..200).map(|number| (led_to(number), vec![number; 100])));
    entries.sort_unstable();
    write(&sorted, &entries);
    write(&sorted, &[(led_to(200), vec![])]);
    let mut found = Vec::new();
    let take = |key: &[u8], _: &[u8]| {
        found.push(key[32]);
        Ok(())
    };
    sorted.each(&Key::document(&name), take).unwrap();
    assert_eq!(found[0], 200, "the newer run comes first");
    assert_eq!(found[1..], (0..200).collect::<Vec<_>>());
}

#[test]
fn runs_that_were_merged_and_what_was_never_finished_are_cleared() {
    let directory = tempfile::tempdir().unwrap();
    let model = merged(directory.path(), 7, 100);
    let early = directory.path().join("00000003-00000003.run");
    let kept = fs::read(&early).unwrap();
    let sorted = Sorted::open(directory.path(), Empty::Counts, Sealed::default()).unwrap();
    write(&sorted, &[(key(9_999_999), vec![])]);
    sorted.tidy(|_| true).unwrap();
    drop(sorted);
    assert_eq!(names(directory.path()), ["00000001-00000008.run"]);
    fs::write(&early, kept).unwrap();
    let unfinished = directory.path().join("00000009-00000009.new");
    fs::write(&unfinished, "half").unwrap();
    let sorted = Sorted::open(directory.path(), Empty::Counts, Sealed::default()).unwrap();
    assert_holds(&sorted, &model);
    assert_eq!(names(directory.path()), ["00000001-00000008.run"]);
}

#[test]
fn nothing_is_merged_while_the_disk_has_no_room_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let sorted = Sorted::open(directory.path(), Empty::Counts, Sealed::default()).unwrap();
    let mut model = BTreeMap::new();
    for checkpoint in 0..20 {
        add(&sorted, &mut model, checkpoint, 100);
        sorted.tidy(|bytes| bytes < 8 * 100 * 17).unwrap();
    }
    assert_eq!(sorted.runs().len(), 20);
    assert_holds(&sorted, &model);
    add(&sorted, &mut model, 20, 100);
    sorted.tidy(|_| true).unwrap();
    assert_eq!(sorted.runs().len(), 2 + 5);
    assert_holds(&sorted, &model);
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_merge_is_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let sorted = Sorted::open(directory.path(), Empty::Counts, Sealed::default()).unwrap();
    let mut model = BTreeMap::new();
    (0..8).for_each(|checkpoint| add(&sorted, &mut model, checkpoint, 100));
    // Whatever is written there is too much.
    let unfinished = directory.path().join("00000001-00000008.new");
    std::os::unix::fs::symlink("/dev/full", &unfinished).unwrap();
    sorted.tidy(|_| true).unwrap();
    assert_eq!(sorted.runs().len(), 8);
    assert!(fs::symlink_metadata(&unfinished).is_err());
    assert_holds(&sorted, &model);
    add(&sorted, &mut model, 8, 100);
    sorted.tidy(|_| true).unwrap();
    assert_eq!(sorted.runs().len(), 2);
    assert_holds(&sorted, &model);
}

#[test]
fn what_was_removed_is_gone_and_leaves_nothing_once_it_is_merged() {
    let directory = tempfile::tempdir().unwrap();
    let sorted = Sorted::open(directory.path(), Empty::Removes, Sealed::default()).unwrap();
    let mut model = BTreeMap::new();
    let all = |sorted: &Sorted| {
        let mut all = BTreeMap::new();
        let taken = sorted.all(|key, value| {
            assert!(all.insert(key.to_vec(), value.to_vec()).is_none());
            Ok(())
        });
        taken.unwrap();
        all
    };
    // Each checkpoint adds some, gives some of those before another value, and removes the most.
    for checkpoint in 0..64_u32 {
        let mut entries = BTreeMap::new();
        for number in checkpoint * 100..checkpoint * 100 + 100 {
            entries.insert(key(number), b"new".to_vec());
            let before = number.checked_sub(150);
            let before = before.filter(|number| number % 100 != 7);
            entries.extend(before.map(|number| (key(number), vec![])));
            let moved = number.checked_sub(2_000);
            let moved = moved.filter(|number| number % 100 == 7);
            entries.extend(moved.map(|number| (key(number), b"moved".to_vec())));
        }
        write(&sorted, &entries.clone().into_iter().collect::<Vec<_>>());
        model.extend(entries);
        model.retain(|_, value| !value.is_empty());
        sorted.tidy(|_| true).unwrap();
    }
    let expected = model
        .iter()
        .map(|(key, value)| (key.to_vec(), value.clone()));
    assert_eq!(all(&sorted), expected.collect());
    for (key, value) in &model {
        assert_eq!(sorted.newest(key).unwrap().as_ref(), Some(value));
    }
    assert!(model.len() < 300);
    // Where nothing is older, nothing is kept for what was removed.
    assert_eq!(names(directory.path()), ["00000001-00000064.run"]);
    let entries: u64 = sorted.runs().iter().map(|run| run.entries).sum();
    assert_eq!(entries, model.len() as u64);
    drop(sorted);
    let again = Sorted::open(directory.path(), Empty::Removes, Sealed::default()).unwrap();
    assert_eq!(all(&again).len(), model.len());
}

#[test]
fn a_run_that_is_missing_between_others_is_missed() {
    let directory = tempfile::tempdir().unwrap();
    merged(directory.path(), 5, 10);
    fs::remove_file(directory.path().join("00000002-00000002.run")).unwrap();
    let unusable = Sorted::open(directory.path(), Empty::Counts, Sealed::default())
        .unwrap_err()
        .to_string();
    assert!(unusable.contains("run 2 "), "{unusable}");
}

#[test]
fn a_damaged_run_says_so_and_never_anything_untrue() {
    let directory = tempfile::tempdir().unwrap();
    let model = merged(directory.path(), 1, 200);
    let path = directory.path().join("00000001-00000001.run");
    let whole = fs::read(&path).unwrap();
    let damaged_at = |at: usize, whole: &[u8]| {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 0x20;
        damaged
    };
    let places = (0..whole.len()).step_by(97);
    let damaged = places.map(|at| damaged_at(at, &whole));
    let torn = (0..whole.len()).step_by(997).map(|at| whole[..at].to_vec());
    for bytes in damaged.chain(torn) {
        fs::write(&path, bytes).unwrap();
        let found =
            Sorted::open(directory.path(), Empty::Counts, Sealed::default()).and_then(|sorted| {
                let found = model.keys().map(|key| sorted.newest(key));
                found.collect::<Result<Vec<_>, _>>()
            });
        assert!(matches!(found, Err(Unusable::Untrue(_))));
    }
}
