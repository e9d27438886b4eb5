//! The daemon `axle-broker`.

use std::{process::ExitCode, time::Instant};

use axle_broker::command::{Arguments, run};
use clap::Parser as _;

fn main() -> ExitCode {
    let started = Instant::now();
    run(Arguments::parse(), started).into()
}
