//! Soak: a real broker's process under load, broken in one way after another, and what its clients
//! saw judged by the checker. Each way is a [`Row`] with a file of its own; [`Run`] is the load they
//! share. The crash tests run the rows at the numbers of every check, the `soak` program at whatever
//! numbers somebody has time for.

mod bitflip;
mod books;
mod clock;
mod collectors;
mod diskfull;
mod failing;
mod failpoints;
mod image;
mod kill;
mod latecomer;
pub mod mutants;
mod network;
mod pause;
mod powercut;
mod proxy;
mod restore;
mod row;
mod run;
mod senders;
mod simulate;
mod torn;

use std::path::PathBuf;

pub use failing::serve;
pub use row::{Outcome, Row};
pub use run::Run;

use crate::estate::Estate;

/// Organisations that send, each with several submits under way.
pub const TRUSTS: [&str; 3] = ["RR8", "RBA", "RX1"];
/// Organisations that collect; the first with two collectors at once.
pub const PRACTICES: [&str; 4] = ["K81003", "A83008", "B82001", "C81010"];

/// How much is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often the row's fault is brought about.
    pub count: u32,
    /// How many documents are accepted before each, where the row has load.
    pub accepted: usize,
    /// Decides the documents and the moments of the faults.
    pub seed: u64,
    /// Where the history and the broker's log are kept; nowhere when not given.
    pub keep: Option<PathBuf>,
}

impl Plan {
    /// With every other seed the store is encrypted: what must hold holds for either.
    const fn is_encrypted(&self) -> bool {
        !self.seed.is_multiple_of(2)
    }

    fn encrypts(&self, estate: &Estate) {
        if self.is_encrypted() {
            println!("the store is encrypted");
            estate.encrypt();
        }
    }
}

/// An estate of these organisations, in which no delivery is given up on however often its lease is
/// lost.
pub fn estate() -> Estate {
    let estate = Estate::new();
    let mailbox = |practice| format!("[[mailbox]]\norganisation = \"{practice}\"\n");
    estate.write("directory.toml", &PRACTICES.map(mailbox).concat());
    // A delivery may be on lease at many kills; none may become a dead letter by that.
    estate.write(
        "routing.toml",
        "version = 1\n\
         [defaults]\nworkflow = \"LETTERS\"\n\
         [[workflow]]\nid = \"LETTERS\"\nattempts_max = 1000\n\
         retry_base_seconds = 1\nretry_ceiling_seconds = 1\n\
         [[allow]]\nsender = \"*\"\nworkflow = \"*\"\nrecipient = \"*\"\n",
    );
    let quiet = estate
        .configuration()
        .replace("filter = \"debug", "filter = \"info");
    estate.write("broker.toml", &quiet);
    estate
}
