//! What a backup says of itself: a small text, checked by its own checksum.

use std::{fmt::Write as _, fs, io::Read as _, path::Path};

use axle_model::{
    digest::{Digest, Hasher},
    time::Timestamp,
};

use super::Stated;
use crate::embedded::{format::OpenError, hex, segment::NodeId};

/// The layout of a backup.
const SCHEMA: u32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) node: NodeId,
    pub(super) entries: u64,
    pub(super) chain: Digest,
    pub(super) newest: Timestamp,
    pub(super) segments: Vec<Kept>,
}

/// A file of the journal, as it was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) digest: Digest,
}

impl Manifest {
    pub(super) fn stated(&self) -> Stated {
        Stated {
            entries: self.entries,
            chain: self.chain,
            newest: self.newest,
            segments: self.segments.len() as u64,
            bytes: self.segments.iter().map(|kept| kept.length).sum(),
        }
    }

    pub(super) fn text(&self) -> String {
        let node = u128::from_be_bytes(self.node.0);
        let mut lines = format!(
            "axle backup\nschema {SCHEMA}\nnode {node:032x}\nentries {}\nchain {}\nnewest {}\n",
            self.entries,
            self.chain,
            self.newest.as_micros()
        );
        for kept in &self.segments {
            // A String grows as it must.
            let _ = writeln!(
                lines,
                "segment {} {} {}",
                kept.name, kept.length, kept.digest
            );
        }
        let crc = crc32c::crc32c(lines.as_bytes());
        format!("{lines}crc32c {crc:08x}\n")
    }

    /// Reads what [`text`](Self::text) wrote; nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(2);
        let node = lines.next()?.strip_prefix("node ")?;
        let entries = lines.next()?.strip_prefix("entries ")?;
        let chain = lines.next()?.strip_prefix("chain ")?;
        let newest = lines.next()?.strip_prefix("newest ")?;
        let segments = lines.filter_map(|line| line.strip_prefix("segment "));
        let manifest = Self {
            node: NodeId(u128::from_str_radix(node, 16).ok()?.to_be_bytes()),
            entries: entries.parse().ok()?,
            chain: digest(chain)?,
            newest: Timestamp::from_micros(newest.parse().ok()?),
            segments: segments.map(Kept::parse).collect::<Option<_>>()?,
        };
        (manifest.text() == text).then_some(manifest)
    }
}

impl Kept {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(Self {
            name: words.next()?.to_owned(),
            length: words.next()?.parse().ok()?,
            digest: digest(words.next()?)?,
        })
    }

    /// Whether the file is as it was copied.
    pub(super) fn check(&self, path: &Path) -> Result<(), OpenError> {
        let failed = |error| OpenError::files("reading", path)(error);
        let mut file = fs::File::open(path).map_err(failed)?;
        let (mut hasher, mut length, mut buffer) = (Hasher::default(), 0, vec![0; 1 << 20]);
        loop {
            let read = file.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            length += read as u64;
        }
        if length == self.length && hasher.finish() == self.digest {
            return Ok(());
        }
        Err(OpenError::Damaged {
            path: path.to_path_buf(),
            offset: 0,
            what: "it is not the file that was backed up".to_owned(),
        })
    }
}

fn digest(digits: &str) -> Option<Digest> {
    let bytes: [u8; 32] = hex::read(digits)?.try_into().ok()?;
    Some(Digest::from_bytes(bytes))
}
