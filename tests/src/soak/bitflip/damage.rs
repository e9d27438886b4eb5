//! Damage: what can become of a file that lies still.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use rand::{Rng as _, rngs::StdRng};

const BLOCK: usize = 512;

/// What was done to which file.
pub(super) struct Damage {
    file: PathBuf,
    what: What,
    /// Whether the store was killed before, or closed in good order.
    pub(super) was_killed: bool,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// This bit of this byte.
    Flip(usize, u8),
    /// To so many bytes.
    Truncate(usize),
    /// These two blocks.
    Swap(usize, usize),
}

impl Damage {
    /// Damages one of the files under a folder.
    pub(super) fn any(folder: &Path, was_killed: bool, random: &mut StdRng) -> Self {
        let mut files = Vec::new();
        list(folder, &mut files);
        files.sort_unstable();
        let file = files.swap_remove(random.random_range(0..files.len()));
        let mut bytes = fs::read(&file).expect("a file to damage");
        // What a killed process wrote last is told from a torn write by the frame behind it: a single
        // flip is always seen there, the loss of the whole end of a file cannot be.
        let what = What::any(&bytes, !was_killed, random);
        what.happen(&mut bytes);
        fs::write(&file, &bytes).expect("room for the damage");
        Self {
            file,
            what,
            was_killed,
        }
    }

    /// The damaged file's name.
    pub(super) fn file_name(&self) -> &str {
        let name = self.file.file_name().and_then(|name| name.to_str());
        name.expect("a plain name")
    }

    /// Whether it is of the index, which can be made anew.
    pub(super) fn is_in_index(&self) -> bool {
        self.file.iter().any(|part| part == "index")
    }
}

impl What {
    fn any(bytes: &[u8], blocks_too: bool, random: &mut StdRng) -> Self {
        let length = bytes.len();
        let blocks = length / BLOCK;
        match random.random_range(0..10) {
            _ if length == 0 => Self::Truncate(0),
            0 if blocks_too => Self::Truncate(random.random_range(0..length)),
            1 if blocks_too && blocks > 1 => Self::Swap(
                random.random_range(0..blocks),
                random.random_range(0..blocks),
            ),
            _ => Self::Flip(random.random_range(0..length), random.random_range(0..8)),
        }
    }

    fn happen(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip(at, bit) => bytes[at] ^= 1 << bit,
            Self::Truncate(length) => bytes.truncate(length),
            Self::Swap(one, other) => {
                for at in 0..BLOCK {
                    bytes.swap(one * BLOCK + at, other * BLOCK + at);
                }
            }
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = if self.was_killed { "killed" } else { "closed" };
        write!(f, "{:?} in {}, {ended}", self.what, self.file.display())
    }
}

/// Every file under a folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}
