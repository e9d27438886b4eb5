//! The checkout the tests are run in.

use std::path::{Path, PathBuf};

/// The top of the workspace.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests is a folder of the workspace")
        .to_owned()
}
