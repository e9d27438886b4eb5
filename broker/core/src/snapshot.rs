//! Snapshot: everything a document is decided by besides its own content, as one consistent value. A
//! request takes one and keeps it, so no request ever sees half a reload.

use crate::{
    answer::Positive, directory::Directory, organisations::Organisations, table::RoutingTable,
    validate::Rules,
};

/// What operators and registers say, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Which mailboxes there are.
    pub directory: Directory,
    /// Which organisations there are, and who took over from whom.
    pub organisations: Organisations,
    /// Which documents travel how, and who may send them to whom.
    pub table: RoutingTable,
    /// What a valid document is.
    pub rules: Rules,
    /// Which answers say that all is well.
    pub positive: Positive,
}
