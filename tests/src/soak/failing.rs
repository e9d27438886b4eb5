//! A broker with failpoints: the `soak` program, which is the whole daemon when it is told which
//! points to arm. The daemon that is deployed has none.

use std::{
    env,
    process::{Command, ExitCode},
    time::Instant,
};

use axle_broker::command::{Arguments, run};
use axle_store::failpoint;
use clap::Parser as _;

use crate::{
    estate::Estate,
    process::{BrokerProcess, binary},
};

/// What is armed, in the words of `axle_store::failpoint::arm`.
const PLAN: &str = "AXLE_FAILPOINTS";

/// Starts a broker in which this is armed, and does not wait.
pub(super) fn spawn(estate: &Estate, plan: &str) -> BrokerProcess {
    let mut command = Command::new(binary("soak"));
    command.env(PLAN, plan);
    BrokerProcess::spawn_by(command, estate)
}

/// Starts a broker in which this is armed, and waits until it serves.
pub(super) async fn start(estate: &Estate, plan: &str) -> BrokerProcess {
    let mut broker = spawn(estate, plan);
    broker.ready(estate).await;
    broker
}

/// Is the broker, if this process was started as one.
pub fn serve() -> Option<ExitCode> {
    let plan = env::var(PLAN).ok()?;
    failpoint::arm(&plan).expect("a plan of failpoints");
    Some(run(Arguments::parse(), Instant::now()).into())
}
