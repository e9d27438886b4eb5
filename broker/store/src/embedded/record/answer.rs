//! Records of answers: how those to a delivery stand, and what a message came to as one.

/// How one answer to a delivery stands.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::embedded) struct WaitRecord {
    #[prost(enumeration = "WaitWord", tag = "1")]
    pub(in crate::embedded) word: i32,
    /// How long it is waited for, where it is asked for.
    #[prost(uint64, optional, tag = "2")]
    pub(in crate::embedded) due_micros: Option<u64>,
    /// Until when it is waited for.
    #[prost(uint64, tag = "3")]
    pub(in crate::embedded) until_micros: u64,
    /// What it said.
    #[prost(uint32, tag = "4")]
    pub(in crate::embedded) code: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(in crate::embedded) enum WaitWord {
    NotAsked = 0,
    Asked = 1,
    Awaited = 2,
    Done = 3,
    Failed = 4,
    Lapsed = 5,
}

/// What a message came to as an answer to another.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::embedded) struct AnswerRecord {
    /// The resource name of the delivery that it answers.
    #[prost(string, optional, tag = "1")]
    pub(in crate::embedded) delivery: Option<String>,
    #[prost(uint32, optional, tag = "2")]
    pub(in crate::embedded) code: Option<u32>,
    /// The code of its standing.
    #[prost(string, tag = "3")]
    pub(in crate::embedded) standing: String,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(in crate::embedded) rerouted_to: Option<Vec<u8>>,
    /// What it calls the message that it answers.
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(in crate::embedded) of: Option<Vec<u8>>,
}
