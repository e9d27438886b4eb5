//! Writes the samples into `tests/samples`, and removes what is none of them:
//!
//!     cargo run -p axle-tests --bin samples

use std::{fs, io};

use axle_tests::samples;

fn main() -> io::Result<()> {
    let folder = samples::folder();
    for part in ["good", "broken"] {
        match fs::remove_dir_all(folder.join(part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => fs::create_dir_all(folder.join(part))?,
        }
    }
    let samples = samples::all();
    for sample in samples.iter().filter(|sample| sample.is_committed) {
        fs::write(folder.join(&sample.path), &sample.content)?;
    }
    Ok(())
}
