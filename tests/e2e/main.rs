//! End to end: whole journeys through a real broker over mutual TLS, as trusts, practices and
//! operators make them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod alarming;
mod answering;
mod bulk;
mod by_patient;
mod ending;
mod huge;
mod journey;
mod large;
mod merging;
mod operating;
mod ordering;
mod parking;
mod published;
mod reconciling;
mod reloading;
mod rerouting;
mod samples;
mod settling;
mod steps;
mod stopping;
mod streaming;
mod timeless;
mod undelivered;
mod watching;
mod withdrawing;
