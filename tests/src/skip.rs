//! Tests that need something this machine may lack. `tests/run` installs all of it, so that a skip
//! is for those who run a test by hand; where skips are forbidden, it is a failure.

use std::{env, fs::OpenOptions, io::Write as _};

use crate::workspace;

/// Set where every test must run.
const FORBIDDEN: &str = "AXLE_TESTS_SKIP_NOTHING";

/// Says that a test is skipped, and why, where `tests/run` finds it for its summary.
///
/// # Panics
/// When nothing may be skipped.
pub fn loudly(test: &str, why: &str) {
    let line = format!("SKIPPED {test}: {why}\n");
    assert!(env::var_os(FORBIDDEN).is_none(), "{line}");
    // Past the capture of a test's output.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let noted = OpenOptions::new()
        .create(true)
        .append(true)
        .open(workspace::root().join("target/tests-skipped"));
    if let Ok(mut file) = noted {
        let _ = file.write_all(line.as_bytes());
    }
}
