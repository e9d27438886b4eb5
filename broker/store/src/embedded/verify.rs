//! Verify: to be written next.
use std::path::{Path, PathBuf};
/// A problem.
#[derive(Debug)]
pub struct Problem {
    /// where
    pub path: PathBuf,
}
/// Report.
#[derive(Debug)]
pub struct Report;
/// Verify.
pub fn verify(_: &Path) -> Report {
    Report
}
