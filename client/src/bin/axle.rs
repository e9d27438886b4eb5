//! The `axle` command line. Everything is in the library; this is where a process begins and ends.

use std::process::ExitCode;

fn main() -> ExitCode {
    axle_client::cli::main()
}
