//! Load on a broker in a process of its own: producers that keep a number of submits under way,
//! practices that collect, verify and acknowledge, and what that cost. It only uses the SDK, so it
//! measures what a trust and a practice would get.

pub mod account;
pub mod collect;
pub mod job;
pub mod process;
pub mod report;
pub mod run;
pub mod submit;
pub mod tally;
