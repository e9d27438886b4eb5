//! Applied: how far the index is, as its records say it.

/// How far the index has followed the journal.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::embedded) struct AppliedRecord {
    #[prost(uint64, tag = "1")]
    pub(in crate::embedded) sequence: u64,
    #[prost(uint32, tag = "2")]
    pub(in crate::embedded) segment: u32,
    /// Where the next frame begins.
    #[prost(uint64, tag = "3")]
    pub(in crate::embedded) offset: u64,
    /// The chain's hash up to there.
    #[prost(bytes = "vec", tag = "4")]
    pub(in crate::embedded) hash: Vec<u8>,
    /// How many unsettled messages the index holds.
    #[prost(uint64, tag = "5")]
    pub(in crate::embedded) live: u64,
    /// Where the last frame begins; 0 for none in this segment.
    #[prost(uint64, tag = "6")]
    pub(in crate::embedded) last: u64,
    /// The totals of the ledger up to there.
    #[prost(message, optional, tag = "7")]
    pub(in crate::embedded) totals: Option<TotalsRecord>,
    /// How many runs of messages that are not over were written.
    #[prost(uint32, tag = "10")]
    pub(in crate::embedded) live_runs: u32,
    /// And of keys.
    #[prost(uint32, tag = "8")]
    pub(in crate::embedded) keys: u32,
    /// And how long the file of what is settled was.
    #[prost(uint64, tag = "9")]
    pub(in crate::embedded) settled: u64,
}

/// How many deliveries there were, and how they ended.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::embedded) struct TotalsRecord {
    #[prost(uint64, tag = "1")]
    pub(in crate::embedded) accepted: u64,
    #[prost(uint64, tag = "2")]
    pub(in crate::embedded) acknowledged: u64,
    #[prost(uint64, tag = "3")]
    pub(in crate::embedded) rejected: u64,
    #[prost(uint64, tag = "4")]
    pub(in crate::embedded) expired: u64,
    #[prost(uint64, tag = "5")]
    pub(in crate::embedded) withdrawn: u64,
}
