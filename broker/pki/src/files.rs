//! Reading PEM files and writing files that must be whole or absent. Errors are sentences without
//! the path: the caller names the file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustls_pki_types::pem::PemObject;

/// Largest PEM file that is read, in bytes: a bundle of a hundred authorities is a tenth of it, a
/// list of fifty thousand revoked certificates fits.
const PEM_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Every `T` in the PEM file at `path`, in order; an error when there is none. `noun` says what was
/// looked for.
pub(crate) fn read_pem<T: PemObject>(path: &Path, noun: &str) -> Result<Vec<T>, String> {
    let size = fs::metadata(path).map_err(cannot_read)?.len();
    if size > PEM_BYTES_MAX {
        return Err(format!(
            "is {size} bytes long, more than the {PEM_BYTES_MAX} that are read"
        ));
    }
    let bytes = fs::read(path).map_err(cannot_read)?;
    let found: Vec<T> = T::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("is not a PEM file: {error}"))?;
    if found.is_empty() {
        return Err(format!("holds no {noun} in PEM form"));
    }
    Ok(found)
}

fn cannot_read(error: io::Error) -> String {
    format!("cannot be read: {error}")
}

/// Creates the file at `path` with `mode` from its first moment on; fails when it exists.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts `bytes` in the place of the file at `path`: a reader sees the old file or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let new = path.with_extension("new");
    // Left behind by a crash between creating and renaming; nobody reads it.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    write_new(&new, bytes, mode)?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => File::open(".")?.sync_all(),
    }
}
