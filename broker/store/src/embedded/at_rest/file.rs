//! The file of data keys: a small text, checked by its own checksum. Nothing can be read without it, so there are
//! two (KEYS and KEYS.copy), and a start mends one by the other.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use axle_model::time::Timestamp;

use super::keyring::DataKey;
use crate::embedded::{
    files::{Files, write_whole},
    format::OpenError,
    hex,
    segment::NodeId,
};

/// The layout of the file.
const SCHEMA: u32 = 1;
/// Their names.
pub(in crate::embedded) const NAMES: [&str; 2] = ["KEYS", "KEYS.copy"];
/// Longer than a century of keys.
const BYTES_MAX: u64 = 16 << 20;

/// A data key as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrapped {
    pub(super) begun: Timestamp,
    pub(super) key: Vec<u8>,
}

/// The keys of a store as they were found; `None` where it has none.
pub(super) struct Found {
    /// Oldest first.
    pub(super) keys: Vec<Wrapped>,
    /// Whether both files are as they should be.
    pub(super) is_whole: bool,
}

impl Found {
    pub(super) fn read(
        files: &dyn Files,
        directory: &Path,
        node: NodeId,
    ) -> Result<Option<Self>, OpenError> {
        let mut texts = Vec::new();
        for name in NAMES {
            let path = directory.join(name);
            let text = read(files, &path).map_err(OpenError::files("reading", &path))?;
            texts.extend(text);
        }
        if texts.is_empty() {
            return Ok(None);
        }
        let parsed = texts.iter().filter_map(|text| parse(text, node));
        let mut parsed: Vec<_> = parsed.collect();
        let is_whole = matches!(&*parsed, [one, other] if one == other);
        // A crash between the two leaves the newer one longer.
        parsed.sort_by_key(Vec::len);
        let keys = parsed.pop().ok_or_else(|| OpenError::Format {
            path: path(directory),
            what: "it and KEYS.copy are damaged: restore one of them from a backup of this store",
        })?;
        Ok(Some(Self { keys, is_whole }))
    }
}

/// The file's path.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(NAMES[0])
}

/// Writes both files, durably, one after the other.
pub(super) fn write<'k>(
    files: &dyn Files,
    directory: &Path,
    node: NodeId,
    keys: impl Iterator<Item = &'k DataKey>,
) -> io::Result<()> {
    let text = text(node, keys.map(|key| &key.wrapped));
    for name in NAMES {
        write_whole(files, &directory.join(name), text.as_bytes())?;
    }
    Ok(())
}

fn text<'k>(node: NodeId, keys: impl Iterator<Item = &'k Wrapped>) -> String {
    let id = u128::from_be_bytes(node.0);
    let mut lines = format!("axle keys\nschema {SCHEMA}\nnode {id:032x}\n");
    for key in keys {
        // A String grows as it must.
        let _ = write!(lines, "key {} ", key.begun.as_micros());
        for byte in &key.key {
            let _ = write!(lines, "{byte:02x}");
        }
        lines.push('\n');
    }
    let crc = crc32c::crc32c(lines.as_bytes());
    format!("{lines}crc32c {crc:08x}\n")
}

/// Reads what [`text`] wrote for this store; nothing else.
fn parse(text: &str, node: NodeId) -> Option<Vec<Wrapped>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("key "));
    let key = |line: &str| {
        let (begun, key) = line.split_once(' ')?;
        Some(Wrapped {
            begun: Timestamp::from_micros(begun.parse().ok()?),
            key: hex::read(key)?,
        })
    };
    let keys: Vec<_> = lines.map(key).collect::<Option<_>>()?;
    let as_written = self::text(node, keys.iter()) == text;
    (as_written && !keys.is_empty()).then_some(keys)
}

fn read(files: &dyn Files, path: &Path) -> io::Result<Option<String>> {
    let file = match files.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.length()?.min(BYTES_MAX);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    // What is no text is damaged, and so is an empty one.
    Ok(Some(String::from_utf8(bytes).unwrap_or_default()))
}
