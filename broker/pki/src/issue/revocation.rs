//! The authority's revocation list: read, added to, signed and put in place whole. The list itself is
//! the memory of what was revoked; there is no second one.

use std::{fs, path::Path, time::Duration};

use axle_model::time::Timestamp;
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use rustls_pki_types::CertificateRevocationListDer;
use x509_parser::{num_bigint::BigUint, parse_x509_crl};

use super::{Authority, INDEX, IssueError, PUBLIC, failed, read_certificate, system_time};
use crate::{files, identity};

/// When the next list is due. Nothing renews a development authority's list by itself, and a stale
/// list stays in force, so the date is far away.
const NEXT_UPDATE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Authority {
    /// Revokes a certificate of this authority, named by its serial number (colons and case are
    /// forgiven) or by the path of its file, and signs the list anew. Returns the serial number.
    /// Revoking twice is the same as once.
    pub fn revoke(&self, serial_or_path: &str, now: Timestamp) -> Result<String, IssueError> {
        let index = self.folder.join(INDEX);
        // Two at once would each write a list without the other's entry.
        let lock = fs::File::open(&index).map_err(failed("reading", &index))?;
        lock.lock().map_err(failed("locking", &index))?;
        let issued = fs::read_to_string(&index).map_err(failed("reading", &index))?;
        let serial = issued_serial(&issued, serial_or_path)?;
        let (mut entries, number) = self.published()?;
        let bytes = BigUint::parse_bytes(serial.as_bytes(), 16)
            .unwrap_or_default()
            .to_bytes_be();
        if entries
            .iter()
            .all(|entry| entry.serial_number.to_bytes() != bytes)
        {
            entries.push(RevokedCertParams {
                serial_number: SerialNumber::from(bytes),
                revocation_time: system_time(now).into(),
                reason_code: None,
                invalidity_date: None,
            });
            self.publish(entries, number + 1, now)?;
        }
        Ok(serial)
    }

    /// The entries of the list as it stands, and its number.
    fn published(&self) -> Result<(Vec<RevokedCertParams>, u64), IssueError> {
        let path = self.revocations_path();
        let unusable = |what: String| IssueError::Unusable {
            path: path.clone(),
            what,
        };
        let lists: Vec<CertificateRevocationListDer<'static>> =
            files::read_pem(&path, "revocation list").map_err(unusable)?;
        let [list] = lists.as_slice() else {
            return Err(unusable("must hold one revocation list".to_owned()));
        };
        let Ok((_, parsed)) = parse_x509_crl(list) else {
            return Err(unusable(
                "holds a revocation list that cannot be read".to_owned(),
            ));
        };
        let entries = parsed
            .iter_revoked_certificates()
            .map(|entry| RevokedCertParams {
                serial_number: SerialNumber::from(entry.serial().to_bytes_be()),
                revocation_time: entry.revocation_date.to_datetime(),
                reason_code: None,
                invalidity_date: None,
            })
            .collect();
        let number = parsed
            .crl_number()
            .and_then(|number| number.try_into().ok());
        Ok((entries, number.unwrap_or(0)))
    }

    /// Signs a list of `entries` and puts it in place.
    pub(super) fn publish(
        &self,
        entries: Vec<RevokedCertParams>,
        number: u64,
        now: Timestamp,
    ) -> Result<(), IssueError> {
        let list = CertificateRevocationListParams {
            this_update: system_time(now).into(),
            next_update: (system_time(now) + NEXT_UPDATE).into(),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: entries,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer)?.pem()?;
        let path = self.revocations_path();
        files::replace(&path, pem.as_bytes(), PUBLIC).map_err(failed("writing", &path))
    }
}

/// The serial number meant by `wanted`, if it is in the index.
fn issued_serial(index: &str, wanted: &str) -> Result<String, IssueError> {
    let known = |serial: &str| {
        index
            .lines()
            .any(|line| line.split('\t').next() == Some(serial))
    };
    let written = wanted.replace(':', "").to_ascii_lowercase();
    let written = written.trim_start_matches('0');
    if known(written) {
        return Ok(written.to_owned());
    }
    let path = Path::new(wanted);
    let serial = if path.is_file() {
        identity::serial_of(&read_certificate(path)?)
    } else {
        None
    };
    serial
        .filter(|serial| known(serial))
        .ok_or_else(|| IssueError::UnknownCertificate(wanted.to_owned()))
}
