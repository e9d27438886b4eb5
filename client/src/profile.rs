//! A profile: which broker, and the certificate to show it. Read from a TOML file, each value
//! overridable; it reads no certificate and opens no connection.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use axle_pki::trust::ClientFiles;
use serde::Deserialize;

use crate::error::ClientError;

/// Names the profile file instead of `~/.config/axle/profile.toml`.
pub const PROFILE_VARIABLE: &str = "AXLE_PROFILE";

/// A broker and this client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `https://HOST:PORT`.
    pub broker: String,
    /// The name in the broker's certificate, when it is not the host in `broker`.
    pub server_name: Option<String>,
    /// PEM: the authorities whose brokers are trusted.
    pub ca: PathBuf,
    /// PEM: this client's certificate.
    pub certificate: PathBuf,
    /// PEM: the private key of that certificate.
    pub key: PathBuf,
}

/// Values that take precedence over those of the file, or make one unnecessary. It is also the shape
/// of the file, in which relative paths are relative to the file's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// See [`Profile::broker`].
    pub broker: Option<String>,
    /// See [`Profile::server_name`].
    pub server_name: Option<String>,
    /// See [`Profile::ca`].
    pub ca: Option<PathBuf>,
    /// See [`Profile::certificate`].
    pub certificate: Option<PathBuf>,
    /// See [`Profile::key`].
    pub key: Option<PathBuf>,
}

impl Profile {
    /// Reads the profile at `path`, or else the one `AXLE_PROFILE` names, or else
    /// `~/.config/axle/profile.toml`; `overrides` go first. A file that was not asked for by name may
    /// be missing. Errors are of the class `Configuration`.
    pub fn load(path: Option<&Path>, overrides: Overrides) -> Result<Self, ClientError> {
        let named = path
            .map(Path::to_owned)
            .or_else(|| env::var_os(PROFILE_VARIABLE).map(PathBuf::from));
        let file = match &named {
            Some(path) => read(path)?,
            None => match default_path() {
                Some(path) if path.exists() => read(&path)?,
                Some(_) | None => Overrides::default(),
            },
        };
        let place = named.or_else(default_path);
        let place = place.map_or_else(
            || "the profile".to_owned(),
            |path| path.display().to_string(),
        );
        let missing = |field: &str, flag: &str| {
            ClientError::configuration(
                format!("no {field} is configured"),
                format!("set {field} in {place}, or pass --{flag}"),
            )
        };
        let profile = Self {
            broker: (overrides.broker.or(file.broker))
                .ok_or_else(|| missing("broker", "broker"))?,
            server_name: overrides.server_name.or(file.server_name),
            ca: (overrides.ca.or(file.ca)).ok_or_else(|| missing("ca", "ca"))?,
            certificate: (overrides.certificate.or(file.certificate))
                .ok_or_else(|| missing("certificate", "cert"))?,
            key: (overrides.key.or(file.key)).ok_or_else(|| missing("key", "key"))?,
        };
        Ok(profile)
    }

    /// The profile as the text of its file.
    pub fn to_toml(&self) -> String {
        let mut table = toml::Table::new();
        let mut set = |name: &str, value: String| table.insert(name.to_owned(), value.into());
        set("broker", self.broker.clone());
        set("ca", self.ca.display().to_string());
        set("certificate", self.certificate.display().to_string());
        set("key", self.key.display().to_string());
        if let Some(name) = &self.server_name {
            set("server_name", name.clone());
        }
        table.to_string()
    }

    /// The files its certificates are in.
    pub fn files(&self) -> ClientFiles {
        ClientFiles {
            authorities: self.ca.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        }
    }
}

fn default_path() -> Option<PathBuf> {
    let home = env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".config/axle/profile.toml"))
}

fn read(path: &Path) -> Result<Overrides, ClientError> {
    let unusable = |why: String| {
        ClientError::configuration(
            format!("the profile {} cannot be used: {why}", path.display()),
            "write it with `axle pki issue --broker URL …`, or by hand: broker, ca, certificate, key",
        )
    };
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let mut found: Overrides =
        toml::from_str(&text).map_err(|error| unusable(error.to_string().trim_end().to_owned()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for file in [&mut found.ca, &mut found.certificate, &mut found.key]
        .into_iter()
        .flatten()
    {
        *file = folder.join(&*file);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{fs, path::Path};

    use super::{Overrides, Profile};
    use crate::error::Class;

    fn folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("profile.toml"), text).unwrap();
        folder
    }

    const WHOLE: &str = r#"
        broker = "https://localhost:7443"
        ca = "ca.pem"
        certificate = "/etc/axle/rr8.pem"
        key = "rr8.key"
    "#;

    #[test]
    fn paths_are_relative_to_the_file_and_flags_go_first() {
        let folder = folder(WHOLE);
        let overrides = Overrides {
            key: Some("other.key".into()),
            ..Overrides::default()
        };
        let profile = Profile::load(Some(&folder.path().join("profile.toml")), overrides).unwrap();
        assert_eq!(profile.ca, folder.path().join("ca.pem"));
        assert_eq!(profile.certificate, Path::new("/etc/axle/rr8.pem"));
        assert_eq!(profile.key, Path::new("other.key"));
    }

    #[test]
    fn a_profile_that_was_written_is_read_back() {
        let folder = folder(WHOLE);
        let path = folder.path().join("profile.toml");
        let profile = Profile::load(Some(&path), Overrides::default()).unwrap();
        fs::write(&path, profile.to_toml()).unwrap();
        assert_eq!(
            Profile::load(Some(&path), Overrides::default()).unwrap(),
            profile
        );
    }

    #[test]
    fn what_is_missing_misspelt_or_unreadable_is_a_configuration_error_that_names_it() {
        for (text, named) in [
            ("broker = 'https://localhost:1'", "no ca is configured"),
            ("brocker = 'https://localhost:1'", "brocker"),
            ("broker = ", "profile.toml"),
        ] {
            let folder = folder(text);
            let path = folder.path().join("profile.toml");
            let error = Profile::load(Some(&path), Overrides::default()).unwrap_err();
            assert_eq!(error.class(), Class::Configuration, "{text}");
            assert!(error.what().contains(named), "{error}");
        }
        let error = Profile::load(Some(Path::new("/nowhere.toml")), Overrides::default());
        assert!(error.unwrap_err().what().contains("/nowhere.toml"));
    }
}
