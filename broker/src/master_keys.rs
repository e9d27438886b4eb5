//! The key of an encrypted store, from where the configuration says it is. It is read at the start and kept
//! in no other place.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use axle_store::embedded::MasterKeys;

use crate::config::{ConfigError, Flaw, KeySource};

/// Reads it.
pub(crate) fn read(source: &KeySource) -> Result<MasterKeys, ConfigError> {
    let (origin, text) = match source {
        KeySource::File(file) => (file.display().to_string(), from_file(file)),
        KeySource::Command(words) => ("store.key_command".to_owned(), from_command(words)),
    };
    let keys = text.and_then(|text| MasterKeys::parse(&text).map_err(|error| error.to_string()));
    keys.map_err(|what| ConfigError::from_iter([Flaw::of(origin, what)]))
}

fn from_file(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))
}

/// What a program prints. What it has to say about itself it says to the broker's standard error.
fn from_command(words: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("names no program".to_owned());
    };
    let mut command = Command::new(program);
    let command = command.args(arguments).stdin(Stdio::null());
    let ended = command.stderr(Stdio::inherit()).output();
    let ended = ended.map_err(|error| format!("{program} cannot be run: {error}"))?;
    if !ended.status.success() {
        return Err(format!("{program} gave no key: {}", ended.status));
    }
    String::from_utf8(ended.stdout).map_err(|_| format!("{program} printed no text"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn of_command(script: &str) -> Result<MasterKeys, String> {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        read(&KeySource::Command(words.to_vec())).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_program_prints_is_the_key_and_what_it_does_not_is_told() {
        let text = "0123456789abcdef".repeat(4);
        let key = MasterKeys::parse(&text).unwrap();
        assert_eq!(of_command(&format!("echo {text}")), Ok(key));
        for (script, told) in [
            (
                &*format!("echo {text}; exit 3"),
                "gave no key: exit status: 3",
            ),
            ("echo secret", "line 1 is no key"),
            ("true", "has no key"),
        ] {
            let error = of_command(script).unwrap_err();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let missing = KeySource::Command(vec!["/no/such/program".to_owned()]);
        let error = read(&missing).unwrap_err().to_string();
        assert!(error.contains("/no/such/program cannot be run"), "{error}");
    }
}
