//! The stage of the measures: documents, an estate of certificates and files, a broker in this
//! process, and the load that `load` puts on a broker in a process of its own. It measures what is
//! there and changes nothing in it; nothing depends on it.

pub mod compare;
pub mod documents;
pub mod estate;
pub mod lines;
pub mod load;
pub mod plot;
pub mod scale;
pub mod spread;
pub mod stage;
pub mod stored;
