//! The daemon `axle-broker`.

use std::{process::ExitCode, time::Instant};

use axle_broker::command::{Arguments, run};
use clap::Parser as _;
use tikv_jemallocator::Jemalloc;

// Buffers of documents are made on one thread and let go on another, at which the system's allocator
// is slow: decision 0005.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let started = Instant::now();
    run(Arguments::parse(), started).into()
}
