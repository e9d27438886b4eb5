//! The contract, over the memory store and over the embedded one, which is ended in every way it
//! must survive.

use std::{fs, time::Duration};

use proptest::{
    collection::vec,
    test_runner::{Config, TestRunner},
};
use tempfile::TempDir;

use super::{InMemory, Place, model, rules, sample::at};
use crate::{
    embedded::{Embedded, MasterKeys, Options, verify},
    faulty::{Faulty, Odds},
    memory::Memory,
};

/// The memory store behind faults that never happen, stopped and begun again.
struct Faultless;

impl Place for Faultless {
    type Store = Faulty<Memory>;

    async fn open(&mut self) -> Faulty<Memory> {
        Faulty::new(Memory::seeded, 1, Odds::default())
    }

    async fn reopen(&mut self, store: Faulty<Memory>) -> Faulty<Memory> {
        store.after_stop().await
    }
}

/// A directory with an embedded store.
struct OnDisk {
    directory: TempDir,
    ends: usize,
    options: Options,
}

impl OnDisk {
    fn new(ends: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            directory: directory.path().to_path_buf(),
            // Small and quick, so that every test has several of each.
            segment_bytes_max: 2_000,
            checkpoint_interval: Duration::from_millis(3),
            body_cache_bytes: 200,
            ..Options::default()
        };
        Self {
            directory,
            ends,
            options,
        }
    }

    fn encrypted(ends: usize) -> Self {
        let mut place = Self::new(ends);
        place.options.master_keys = MasterKeys::parse(&"0123456789abcdef".repeat(4)).ok();
        place
    }
}

impl Place for OnDisk {
    type Store = Embedded;

    async fn open(&mut self) -> Embedded {
        Embedded::open(&self.options, at(0)).unwrap()
    }

    /// Closed, dropped, or dropped and its index lost: in turn.
    async fn reopen(&mut self, store: Embedded) -> Embedded {
        self.ends += 1;
        let closes = self.ends.is_multiple_of(3);
        if closes {
            store.close().await.unwrap();
        }
        drop(store);
        let keys = self.options.master_keys.as_ref();
        let report = verify(self.directory.path(), keys).unwrap();
        assert!(report.is_sound(), "{report}");
        // After a clean close the index has followed to the very end, and agrees.
        let expected = (closes && report.entries > 0).then_some(report.entries);
        assert!(
            expected.is_none() || report.index_entries == expected,
            "{report}"
        );
        if self.ends % 3 == 2 {
            fs::remove_dir_all(self.directory.path().join("index")).unwrap();
        }
        self.open().await
    }
}

fn block_on(work: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(work);
}

fn any_sequence_of_operations_comes_out_alike<P: Place>(cases: u32, place: impl Fn() -> P) {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let operations = vec(model::operation(), 1..60);
    let run = |operations| {
        block_on(model::run(&mut place(), operations));
        Ok(())
    };
    runner.run(&operations, run).unwrap();
}

#[test]
fn the_memory_store_keeps_the_rules() {
    block_on(rules::all(InMemory::default));
}

#[test]
fn the_memory_store_is_as_the_model() {
    any_sequence_of_operations_comes_out_alike(256, InMemory::default);
}

#[test]
fn the_faulty_store_without_faults_is_as_the_model() {
    block_on(rules::all(|| Faultless));
    any_sequence_of_operations_comes_out_alike(64, || Faultless);
}

#[test]
fn the_embedded_store_keeps_the_rules_however_it_ended() {
    for ends in 0..3 {
        block_on(rules::all(|| OnDisk::new(ends)));
    }
}

#[test]
fn the_embedded_store_is_as_the_model_however_it_ended() {
    any_sequence_of_operations_comes_out_alike(24, || OnDisk::new(0));
}

#[test]
fn the_encrypted_store_is_as_the_others_however_it_ended() {
    for ends in 0..3 {
        block_on(rules::all(|| OnDisk::encrypted(ends)));
    }
    any_sequence_of_operations_comes_out_alike(16, || OnDisk::encrypted(0));
}

#[test]
fn the_embedded_store_is_as_the_model_when_all_that_waits_rests_at_once() {
    any_sequence_of_operations_comes_out_alike(24, || {
        let mut place = OnDisk::new(0);
        // Sooner than the next operation.
        place.options.checkpoint_interval = Duration::from_micros(50);
        place
    });
}
