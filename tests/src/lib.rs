//! The harness of the proofs: a broker in this process or its own, an estate of certificates and
//! files around it, documents, hostile clients, and the checker. It is test code: it panics where a
//! program would return an error, and nothing depends on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a harness fails by panicking and speaks on the terminal"
)]

pub mod broker;
pub mod checker;
pub mod collecting;
pub mod documents;
pub mod estate;
pub mod process;
pub mod raw;
pub mod samples;
pub mod simulate;
pub mod skip;
pub mod soak;
pub mod wait;
pub mod workspace;
