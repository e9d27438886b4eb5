//! Generates the Rust of the .proto files, with a protobuf compiler that is itself a crate: no
//! system protoc is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 4] = [
    "axle/v1/types.proto",
    "axle/v1/submission.proto",
    "axle/v1/collection.proto",
    "axle/v1/admin.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=axle");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.binpb"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // Documents are handed on as shared buffers, not copied.
        .bytes(".")
        .codec_path("crate::codec::DocumentCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
