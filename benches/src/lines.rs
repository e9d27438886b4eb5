//! Files of JSON, one object a line: what one program measured, for another one to draw.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

/// Adds a line to the file at `path`, which is made when it is missing.
pub fn append(path: &Path, line: &impl Serialize) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut text = serde_json::to_string(line).map_err(io::Error::from)?;
    text.push('\n');
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(named)
}

/// All lines of the file at `path`, or which of them is not one of a `T`.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let place = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{place}: {error}")))?;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    let read = lines.map(|(number, line)| {
        serde_json::from_str(line).map_err(|error| {
            let why = format!("{place}, line {}: {error}", number + 1);
            io::Error::new(io::ErrorKind::InvalidData, why)
        })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::{append, read};

    #[test]
    fn what_was_added_is_read_and_a_bad_line_is_named_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        append(&path, &[1, 2]).unwrap();
        append(&path, &[3]).unwrap();
        assert_eq!(read::<Vec<u8>>(&path).unwrap(), [vec![1, 2], vec![3]]);
        fs::write(&path, "[1]\n\n[2\n").unwrap();
        let why = read::<Vec<u8>>(&path).unwrap_err().to_string();
        assert!(why.contains("samples.jsonl, line 3"), "{why}");
        let why = read::<Vec<u8>>(&folder.path().join("nowhere")).unwrap_err();
        assert!(why.to_string().contains("nowhere"), "{why}");
    }
}
