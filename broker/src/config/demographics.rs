//! `[demographics]`: who is asked for the practice of a patient. A snapshot in a file, or a service
//! over HTTP; without the section nothing goes by its patient.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axle_pki::trust::ServiceFiles;
use http::Uri;

use super::reader::Section;

/// The most connections to a service.
const CONNECTIONS_MAX: usize = 16;

/// Who is asked, and where events of patients are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demographics {
    /// Who is asked.
    pub source: DemographicsSource,
    /// The folder of changes of practice and deaths.
    pub events: Option<PathBuf>,
}

/// Who is asked for the practice of a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DemographicsSource {
    /// A file.
    File(PatientFileSettings),
    /// A service over HTTP.
    Http(PatientServiceSettings),
}

/// A snapshot of patients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientFileSettings {
    /// The file.
    pub path: PathBuf,
    /// How old it may be; 7 days unless set.
    pub age_max: Duration,
}

/// A service of demographics over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientServiceSettings {
    /// Where it is.
    pub address: ServiceAddress,
    /// Whom to trust, and the broker's own certificate; none for a service on this machine.
    pub files: Option<ServiceFiles>,
    /// The file of a bearer token.
    pub token: Option<PathBuf>,
    /// How long a look-up may take; 2 s unless set.
    pub timeout: Duration,
    /// Connections at one time; 16 unless set.
    pub connections_max: usize,
    /// How long an answer is remembered; 10 min unless set.
    pub time_to_live: Duration,
    /// The same for "there is no such patient"; 1 min unless set.
    pub time_to_live_of_nobody: Duration,
    /// Answers that are remembered; 100,000 unless set.
    pub cache_entries_max: usize,
    /// After how many failures in a row the service is left alone; 5 unless set.
    pub failures_max: u32,
    /// For how long; 15 s unless set.
    pub pause: Duration,
}

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddress {
    /// The host, a name or an address.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
    /// Scheme, host and base path, without a slash at the end.
    pub base: Box<str>,
    /// Whether it is spoken to over TLS.
    pub secure: bool,
}

pub(super) fn demographics(section: &mut Section<'_, '_>) -> Option<Demographics> {
    let snapshot = section.optional_path("snapshot");
    let url = section.checked(
        "url",
        "https://HOST/BASE, without a query; http:// only for 127.0.0.1 or localhost",
        None,
        |url: &Option<String>| url.as_deref().is_some_and(|url| address(url).is_some()),
    );
    let age = section.number("snapshot_age_hours_max", 7 * 24, 1..=24 * 366);
    let events = section.optional_path("events");
    let (snapshot, url) = (snapshot?, url?);
    let source = match (snapshot, url.as_deref().and_then(address)) {
        (Some(path), None) => age.map(|hours| {
            DemographicsSource::File(PatientFileSettings {
                path,
                age_max: Duration::from_hours(hours),
            })
        }),
        (None, Some(address)) => service(section, address).map(DemographicsSource::Http),
        (Some(_), Some(_)) | (None, None) => {
            section.problem("[demographics] needs one of `snapshot` and `url`");
            None
        }
    };
    Some(Demographics {
        source: source?,
        events: events?,
    })
}

fn service(
    section: &mut Section<'_, '_>,
    address: ServiceAddress,
) -> Option<PatientServiceSettings> {
    let files = files(section, address.secure);
    let token = section.optional_path("token");
    let timeout = section.number("timeout_milliseconds", 2_000, 10..=30_000);
    let connections = section.number("connections_max", CONNECTIONS_MAX, 1..=256);
    let mut seconds = |key, default, range| {
        let seconds = section.number(key, default, range);
        seconds.map(Duration::from_secs)
    };
    let time_to_live = seconds("remember_seconds", 600, 0..=3_600);
    let of_nobody = seconds("remember_nobody_seconds", 60, 0..=3_600);
    let pause = seconds("pause_seconds", 15, 1..=600);
    let entries = section.number("remember_entries_max", 100_000, 1..=10_000_000);
    let failures = section.number("failures_max", 5, 1..=1_000);
    Some(PatientServiceSettings {
        address,
        files: files?,
        token: token?,
        timeout: Duration::from_millis(timeout?),
        connections_max: connections?,
        time_to_live: time_to_live?,
        time_to_live_of_nobody: of_nobody?,
        cache_entries_max: entries?,
        failures_max: failures?,
        pause: pause?,
    })
}

/// The files of TLS; none for a service on this machine.
fn files(section: &mut Section<'_, '_>, secure: bool) -> Option<Option<ServiceFiles>> {
    let authorities = section.optional_path("authorities");
    let certificate = section.optional_path("certificate");
    let key = section.optional_path("key");
    let own = match (certificate?, key?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            section.problem("[demographics] needs `certificate` and `key` together");
            return None;
        }
    };
    match (secure, authorities?) {
        (true, Some(authorities)) => Some(Some(ServiceFiles { authorities, own })),
        (true, None) => {
            section.problem(
                "[demographics] lacks `authorities`: whose certificates the service may have",
            );
            None
        }
        (false, _) => Some(None),
    }
}

fn address(url: &str) -> Option<ServiceAddress> {
    let uri: Uri = url.parse().ok()?;
    let secure = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let host = uri.host()?;
    let authority = uri.authority()?.as_str();
    let is_plain = uri.query().is_none() && !authority.contains('@');
    let is_here = matches!(host, "127.0.0.1" | "localhost");
    (is_plain && (secure || is_here)).then(|| ServiceAddress {
        host: host.into(),
        port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        base: url.trim_end_matches('/').into(),
        secure,
    })
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_service_is_spoken_to_over_tls_unless_it_is_on_this_machine() {
        for (url, port, secure) in [
            ("https://pds.example/FHIR/R4/", 443, true),
            ("https://pds.example:8443", 8443, true),
            ("http://127.0.0.1:9000/pds", 9000, false),
            ("http://localhost", 80, false),
        ] {
            let found = address(url).map(|found| (found.port, found.secure));
            assert_eq!(found, Some((port, secure)), "{url}");
        }
        for url in [
            "http://pds.example/FHIR/R4",
            "https://user:secret@pds.example",
            "https://pds.example/?a=b",
            "pds.example",
            "/FHIR",
            "ftp://pds.example",
            "http://127.0.0.1.pds.example",
        ] {
            assert_eq!(address(url), None, "{url}");
        }
    }
}
