//! Load on a broker, one of its own or a user's: producers that keep a number of submits under way, or
//! that send at a fixed rate, practices that collect, verify and acknowledge, and what that cost. It only
//! uses the SDK, so it measures what a trust and a practice would get.

pub mod account;
pub mod collect;
pub mod job;
pub mod latency;
pub mod pace;
pub mod process;
pub mod report;
pub mod run;
pub mod sample;
pub mod submit;
pub mod tally;
pub mod target;
