//! `[store]`: where documents are kept, and what encrypts them.

use std::{path::PathBuf, time::Duration};

use super::reader::Section;

/// `[store]`: where documents are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The folder; created (mode 0700) when missing.
    pub directory: PathBuf,
    /// Where the key comes from that encrypts it; none when it is not encrypted.
    pub key: Option<KeySource>,
    /// Bytes of disk kept free: below that nothing more is accepted. The store chooses unless set.
    pub reserve_bytes: Option<u64>,
    /// Bytes of bodies kept in memory for collectors; 128 MiB unless set.
    pub body_cache_bytes: usize,
    /// How long the body of a settled message is kept; 24 h unless set.
    pub body_retention: Duration,
    /// A file of the journal is not added to once it is this long; 64 MiB unless set.
    pub segment_bytes_max: u64,
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file, such as a credential that systemd passes on.
    File(PathBuf),
    /// A program, with its arguments, that prints it: the way to a key management service.
    Command(Vec<String>),
}

pub(super) fn store(section: &mut Section<'_, '_>) -> Option<Store> {
    const MIB: usize = 1024 * 1024;
    let directory = section.path("directory", None);
    let key_file = section.optional_path("key_file");
    let command: Option<Vec<String>> = section.checked(
        "key_command",
        "a list of a program's path and its arguments",
        Vec::new(),
        |words: &Vec<String>| words.first().is_some_and(|program| !program.is_empty()),
    );
    let key = match (key_file?, command?) {
        (Some(_), command) if !command.is_empty() => {
            section.problem("[store] has both `key_file` and `key_command`: leave one of them out");
            None
        }
        (Some(file), _) => Some(Some(KeySource::File(file))),
        (None, command) if command.is_empty() => Some(None),
        (None, command) => Some(Some(KeySource::Command(command))),
    };
    let reserve = section.value("reserve_bytes", "a whole number", None);
    let cache = section.number("body_cache_bytes", 128 * MIB, 0..=64 * 1024 * MIB);
    let retention = section.number("body_retention_hours", 24, 0..=24 * 3_660);
    let segment = section.number("segment_bytes_max", 64 << 20, 1 << 20..=1 << 30);
    Some(Store {
        directory: directory?,
        key: key?,
        reserve_bytes: reserve?,
        body_cache_bytes: cache?,
        body_retention: Duration::from_hours(retention?),
        segment_bytes_max: segment?,
    })
}
