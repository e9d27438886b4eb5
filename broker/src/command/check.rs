//! `check`: looks at everything the configuration names without starting or changing anything, so
//! that a mistake is found before it stops a broker. It prints what was looked at, then everything
//! wrong.

use std::{
    fs::{self, Metadata},
    io::Write,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use axle_core::{
    alarm::Subject,
    organisations::{Age, Organisations, overrides::Overrides},
};
use axle_model::time::Timestamp;
use axle_pki::trust::{Expiring, Expiry, ServerTrust};
use rustix::{
    fs::{Access, AtFlags, CWD, accessat, statvfs},
    io::Errno,
};

use super::{Exit, fail};
use crate::{
    config::{Config, ConfigError, Flaw, KeySource},
    demographics, master_keys, register,
};

/// 2026-01-01: a clock before it is wrong, whatever the certificates say.
const CLOCK_MIN: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
/// How early an expiry is pointed out.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// What was found.
#[derive(Default)]
struct Found {
    seen: Vec<String>,
    warnings: Vec<Flaw>,
    flaws: Vec<Flaw>,
}

pub(super) fn check(file: &Path, now: Timestamp, out: &mut impl Write) -> Exit {
    let mut found = Found::default();
    match Config::load(file) {
        Ok(config) => found.all(&config, now),
        Err(error) => found.flaws.extend(error.flaws().iter().cloned()),
    }
    // With standard output closed the exit code still tells.
    let _ = found.print(out);
    if found.flaws.is_empty() {
        return Exit::Ok;
    }
    fail(Exit::BadConfiguration, &ConfigError::from_iter(found.flaws))
}

impl Found {
    fn all(&mut self, config: &Config, now: Timestamp) {
        self.saw("configuration", config.file.display().to_string());
        self.clock(now);
        self.certificates(config, now);
        self.routing(config);
        self.demographics(config, now);
        self.organisations(config, now);
        self.store_key(config);
        self.store(config);
    }

    fn saw(&mut self, what: &str, which: impl AsRef<str>) {
        self.seen.push(format!("{what:<16} {}", which.as_ref()));
    }

    fn clock(&mut self, now: Timestamp) {
        self.saw("clock", now.to_string());
        if now < CLOCK_MIN {
            let what = format!("says {now}, which is past: set it, or wait for the time service");
            self.flaws.push(Flaw::of("clock", what));
        }
    }

    fn certificates(&mut self, config: &Config, now: Timestamp) {
        match ServerTrust::load(config.tls.clone(), now) {
            Ok(trust) => {
                for expiry in trust.expiries() {
                    self.expiry(&expiry, now);
                }
                if config.tls.revocations.is_empty() {
                    let what = "names no list: revoked certificates are accepted until they expire";
                    self.warnings.push(Flaw::of("tls.crl", what));
                }
            }
            Err(error) => {
                let flaws = error.problems().iter().cloned().map(Flaw::from);
                self.flaws.extend(flaws);
            }
        }
        if let Ok(key) = fs::metadata(&config.tls.key)
            && others_may(&key, 0o007)
        {
            let what = "can be read by everybody: chmod 600";
            self.flaws
                .push(Flaw::of(config.tls.key.display().to_string(), what));
        }
    }

    /// An expired certificate of the broker is an error of the trust's own; what is left here is
    /// served all the same, and pointed out.
    fn expiry(&mut self, expiry: &Expiry, now: Timestamp) {
        let file = expiry.file.display().to_string();
        let what = match expiry.kind {
            Expiring::Authority => "authority",
            Expiring::Certificate => "certificate",
            Expiring::RevocationList => "revocation list",
        };
        let days = expiry.time.since(now).as_secs() / SECONDS_PER_DAY;
        self.saw(what, format!("{file} until {} ({days} days)", expiry.time));
        if expiry.time <= now {
            let what = format!("the {what} is past its date, {}: replace it", expiry.time);
            self.warnings.push(Flaw::of(file, what));
        } else if expiry.time.since(now) < SOON {
            let what = format!("the {what} is to be replaced within {days} days");
            self.warnings.push(Flaw::of(file, what));
        }
    }

    fn demographics(&mut self, config: &Config, now: Timestamp) {
        let Some(settings) = &config.demographics else {
            return;
        };
        match demographics::open(settings, now) {
            Ok(opened) => {
                let standing = opened.standing(now);
                let taken = standing.snapshot_time;
                let taken = taken.map_or_else(String::new, |time| format!(", taken {time}"));
                let patients = standing.patients;
                self.saw("demographics", format!("{patients} patients{taken}"));
                for (part, _) in standing.troubles {
                    let subject = Subject::Demographics(part);
                    let advice = subject.advice();
                    self.warnings.push(Flaw::of(subject.to_string(), advice));
                }
            }
            Err(error) => self.flaws.extend(error.flaws().iter().cloned()),
        }
    }

    fn routing(&mut self, config: &Config) {
        match config.routing.load() {
            Ok((directory, table)) => {
                let mailboxes = directory.mailboxes().count();
                let file = config.routing.directory.display();
                self.saw("directory", format!("{file}, {mailboxes} mailboxes"));
                let file = config.routing.table.display();
                self.saw(
                    "routing table",
                    format!("{file}, version {}", table.version()),
                );
            }
            Err(error) => self.flaws.extend(error.flaws().iter().cloned()),
        }
    }

    /// The register, if there is one: what was left out of it, and whether it is too old.
    fn organisations(&mut self, config: &Config, now: Timestamp) {
        let Some(path) = &config.routing.organisations else {
            return;
        };
        let file = path.display().to_string();
        let edition = match register::load(path, now) {
            Ok(edition) => edition,
            Err(error) => {
                self.flaws.extend(error.flaws().iter().cloned());
                return;
            }
        };
        self.warnings.extend(edition.flaws());
        let register = Arc::new(edition.register);
        let (count, left_out) = (register.len(), register.faults().count());
        let (version, taken) = (register.version(), register.taken());
        self.saw(
            "organisations",
            format!("{file}, {count} in {version}, {left_out} left out, taken {taken}"),
        );
        if !register.has_manifest() {
            let what = "has no manifest: its age counts from when it was last written, and a part \
                        that is missing is not noticed";
            self.warnings.push(Flaw::of(file.clone(), what));
        }
        let age_max = config.routing.organisations_age_max;
        let known = Organisations::new(Some(register), age_max, Overrides::default());
        let stale = taken.after(age_max);
        match known.age(now) {
            Age::Fresh => {}
            Age::Ageing => {
                let what = format!("is too old to route by from {stale}: bring a new one");
                self.warnings.push(Flaw::of(file, what));
            }
            Age::Stale => {
                let what = format!(
                    "is too old to route by since {stale}, and documents would be parked: bring a \
                     new one"
                );
                self.flaws.push(Flaw::of(file, what));
            }
        }
    }

    /// The key that encrypts the store, if one is named.
    fn store_key(&mut self, config: &Config) {
        let Some(source) = &config.store.key else {
            let what =
                "names no key: documents are on the disk as they are, so see that it is encrypted";
            self.warnings.push(Flaw::of("store.key_file", what));
            return;
        };
        let from = match source {
            KeySource::File(file) => file.display().to_string(),
            KeySource::Command(words) => words.join(" "),
        };
        match master_keys::read(source) {
            Ok(_) => self.saw("store key", from),
            Err(error) => self.flaws.extend(error.flaws().iter().cloned()),
        }
        if let KeySource::File(file) = source
            && fs::metadata(file).is_ok_and(|key| others_may(&key, 0o007))
        {
            let what = "can be read by everybody: chmod 600";
            self.flaws.push(Flaw::of(file.display().to_string(), what));
        }
    }

    /// The folder, or the one it will be created in, can be written and has room.
    fn store(&mut self, config: &Config) {
        let directory = &config.store.directory;
        let name = directory.display().to_string();
        // A relative path ends at the empty one, which is the folder the process runs in.
        let here = |folder| {
            if folder == Path::new("") {
                Path::new(".")
            } else {
                folder
            }
        };
        let above = directory.ancestors().map(here);
        let Some(existing) = above.into_iter().find(|folder| folder.exists()) else {
            let what = "does not exist, nor does any folder above it";
            self.flaws.push(Flaw::of(name, what));
            return;
        };
        if let Err(error) = writable(existing) {
            let what = format!("cannot be written: {error}");
            self.flaws
                .push(Flaw::of(existing.display().to_string(), what));
        }
        if existing == directory
            && fs::metadata(directory).is_ok_and(|folder| others_may(&folder, 0o077))
        {
            let what = "can be entered by others than its owner: chmod 700";
            self.warnings.push(Flaw::of(name.clone(), what));
        }
        match statvfs(existing) {
            Ok(disk) => {
                let free = disk.f_bavail * disk.f_frsize;
                let reserve = config.store.reserve_bytes.unwrap_or_default();
                self.saw("store", format!("{name}, {free} bytes free"));
                if free <= reserve {
                    let what = format!(
                        "its disk has {free} bytes free, and store.reserve_bytes keeps {reserve} \
                         of them: nothing would be accepted"
                    );
                    self.flaws.push(Flaw::of(name, what));
                }
            }
            Err(error) => {
                let what = format!("its disk does not tell how full it is: {error}");
                self.flaws.push(Flaw::of(name, what));
            }
        }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        for line in &self.seen {
            writeln!(out, "{line}")?;
        }
        for warning in &self.warnings {
            writeln!(out, "warning: {warning}")?;
        }
        if self.flaws.is_empty() {
            writeln!(out, "everything is in order")?;
        }
        Ok(())
    }
}

fn others_may(metadata: &Metadata, mode: u32) -> bool {
    metadata.permissions().mode() & mode != 0
}

/// Whether this process, as the user it runs as, may create files in a folder.
fn writable(folder: &Path) -> Result<(), Errno> {
    accessat(
        CWD,
        folder,
        Access::WRITE_OK | Access::EXEC_OK,
        AtFlags::EACCESS,
    )
}
