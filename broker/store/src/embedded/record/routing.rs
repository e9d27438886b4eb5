//! How a delivery was routed, as it is kept.

/// How a delivery's recipient and mailbox were found.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::embedded) struct RoutingRecord {
    /// In a word.
    #[prost(string, tag = "1")]
    pub(in crate::embedded) basis: String,
    #[prost(string, optional, tag = "2")]
    pub(in crate::embedded) rule: Option<String>,
    #[prost(message, repeated, tag = "3")]
    pub(in crate::embedded) redirects: Vec<RedirectRecord>,
    #[prost(bool, tag = "4")]
    pub(in crate::embedded) deceased: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::embedded) struct RedirectRecord {
    #[prost(string, tag = "1")]
    pub(in crate::embedded) from: String,
    #[prost(string, tag = "2")]
    pub(in crate::embedded) to: String,
    #[prost(string, tag = "3")]
    pub(in crate::embedded) why: String,
}
