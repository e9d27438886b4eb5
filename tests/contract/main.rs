//! Contract: what the broker promises to others as a program. Clients in any language, the order of
//! its system calls, its layers, its demo, and its two binaries as people use them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says when it was skipped"
)]

mod commands;
mod demo;
mod durable;
mod layers;
mod python;
mod references;
mod serving;
