//! The wire of Axle: the code generated from `axle/v1/*.proto`. Generated types stop at the doors
//! and in the SDK; nothing further in knows them.

mod codec;

/// Package `axle.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::wildcard_enum_match_arm,
    reason = "generated code; its documentation is in the .proto files"
)]
pub mod v1 {
    tonic::include_proto!("axle.v1");
}

/// The compiled descriptors of the package, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

/// The largest gRPC message either side sends or takes, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024 + 64 * 1024;
