//! The bounds of the readers: whatever the bytes, memory stays within a multiple of their number, and
//! time grows as they do. Every bomb is one way to ask for more than its size; a reader that walks a
//! list for each item of a list fails here.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells what it measured"
)]

mod bombs;

use std::time::Duration;

use axle_model::{
    envelope::MediaType,
    facts::Facts,
    format::{Limits, read},
    ods::OdsCode,
    synthetic::Document,
};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The most memory that reading takes at any moment, for each byte of the document. The smallest
/// thing that is kept, `{},` in a list of relations, is three bytes, and becomes two hundred, in a list
/// that has grown to twice its need beside the half from which it grew. No more than 200,000 are kept,
/// whatever the size.
const BYTES_PER_BYTE_MAX: usize = 256;
/// What reading takes of itself, in bytes.
const BYTES_MIN: usize = 64 * 1024;

/// The sizes of a bomb: work that grows as the square takes sixteen times as long at the second.
const SIZES: [usize; 2] = [1_000, 4_000];
/// Four times the size may take ten times as long, since no clock is exact.
const SLOWER_MAX: u32 = 10;
/// Below this there is more noise than work.
const TIME_MIN: Duration = Duration::from_millis(5);

/// Everything that is asked of a document's facts.
fn ask(facts: &Facts<'_>) {
    let _ = (
        facts.sender(),
        facts.custodian(),
        facts.authors(),
        facts.recipients(),
    );
    let _ = (
        facts.copies(),
        facts.stated_practices(),
        facts.section_codes(),
    );
    let _ = (
        facts.care_settings(),
        facts.specialties(),
        facts.is_restricted(),
    );
    let _ = (
        facts.nhs_number_status(),
        facts.identity(),
        facts.names(),
        facts.replaces(),
    );
    let _ = (facts.types().count(), facts.attachments());
}

/// How many bytes are held at once while a document is read and asked.
fn held(media_type: &MediaType, text: &str) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    if let Ok(facts) = read(media_type, text.as_bytes(), &Limits::default()) {
        ask(&facts);
    }
    ALLOCATOR.peak_usage().saturating_sub(before)
}

/// How much of this thread's processor reading takes: the least of three, so that nothing else counts.
fn taken(media_type: &MediaType, text: &str) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(
            now.tv_sec.unsigned_abs(),
            u32::try_from(now.tv_nsec).unwrap(),
        )
    };
    let once = |_| {
        let before = now();
        if let Ok(facts) = read(media_type, text.as_bytes(), &Limits::default()) {
            ask(&facts);
        }
        now() - before
    };
    (0..3).map(once).min().unwrap()
}

/// One test, since there is one count of what is allocated.
#[test]
fn no_bomb_takes_more_than_its_size_allows() {
    for bomb in bombs::bombs() {
        let [small, large] = SIZES.map(bomb.made);
        let held = held(&bomb.media_type, &large);
        let most = BYTES_MIN + BYTES_PER_BYTE_MAX * large.len();
        let (first, second) = (
            taken(&bomb.media_type, &small),
            taken(&bomb.media_type, &large),
        );
        let (name, media_type) = (bomb.name, bomb.media_type.as_str());
        let (size, each) = (large.len(), held / large.len());
        println!(
            "{media_type}: {name}: {size} bytes, {each} held for each, {first:?} then {second:?}"
        );
        assert!(
            held <= most,
            "{media_type}: {name}: {held} bytes held for {size}"
        );
        let slower = second > first * SLOWER_MAX && second > TIME_MIN;
        assert!(
            !slower,
            "{media_type}: {name}: {first:?}, and {second:?} for four times as much"
        );
    }
    damaged_documents_take_no_more();
}

fn damaged_documents_take_no_more() {
    let code = |text| OdsCode::parse(text).unwrap();
    let document = Document::new(1, code("RR8"), code("K81003"));
    let documents: Vec<_> = document
        .all()
        .into_iter()
        .chain(document.carried())
        .collect();
    let cuts = prop::collection::vec(
        (any::<prop::sample::Index>(), 0_usize..200, 1_usize..20),
        1..8,
    );
    let config = ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let whole = runner.run(&(0..documents.len(), cuts), |(which, cuts)| {
        let (media_type, text) = &documents[which];
        let mut bytes = text.clone().into_bytes();
        for (at, length, times) in cuts {
            // Takes out a piece, and puts it in again as often as it may be.
            let start = at.index(bytes.len());
            let end = (start + length).min(bytes.len());
            let piece = bytes[start..end].repeat(times);
            bytes.splice(start..end, piece);
        }
        let text = String::from_utf8_lossy(&bytes);
        let held = held(media_type, &text);
        prop_assert!(
            held <= BYTES_MIN + BYTES_PER_BYTE_MAX * text.len(),
            "{held} bytes held"
        );
        Ok(())
    });
    whole.unwrap();
}
