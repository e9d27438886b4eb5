//! Organisations: the register of ODS, as an immutable value that is swapped whole.

/// The organisations that are known.
#[derive(Clone, Debug, Default)]
pub struct Organisations {}
