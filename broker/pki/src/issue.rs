//! A development authority in a folder: `ca.pem`, `ca.key`, `crl.pem` and `issued.tsv`, and the
//! certificates it issued beside them. For demonstrations, tests and first steps; a production estate
//! has an authority of its own. Keys are ECDSA P-256, which every TLS library accepts.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use axle_model::{digest::Digest, ods::OdsCode, time::Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls_pki_types::CertificateDer;
use thiserror::Error;

use crate::{
    files,
    identity::{self, OPERATOR_ROLE, ORGANISATION_PREFIX},
};

mod revocation;

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca.key";
const REVOCATIONS: &str = "crl.pem";
const INDEX: &str = "issued.tsv";

const AUTHORITY_DAYS: u32 = 3650;
/// How long before its issue a certificate is valid: clocks of two machines never agree.
const BACKDATED: Duration = Duration::from_secs(5 * 60);
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// An authority whose folder has been read.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate is asked to say. Server names make it a server's certificate; anything else, or
/// both, a client's. One that names nobody is issued all the same: tests need it, and a broker refuses
/// its holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The organisation its holder acts for.
    pub organisation: Option<OdsCode>,
    /// Whether its holder may make an operator's calls.
    pub operator: bool,
    /// DNS names and IP addresses under which its holder serves.
    pub server_names: Vec<String>,
    /// How long it is valid, in days from its issue; never longer than the authority itself.
    pub days: u32,
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The private key's file, readable by its owner only.
    pub key: PathBuf,
    /// The serial number, lower-case hexadecimal without leading zeros.
    pub serial: String,
}

/// Why the authority could not do what it was asked.
#[derive(Debug, Error)]
pub enum IssueError {
    /// A file is there already; nothing is ever overwritten.
    #[error("{} exists already: choose another name or folder, or remove it", .0.display())]
    Exists(PathBuf),
    /// A file could not be read or written.
    #[error("{doing} {}", .path.display())]
    File {
        /// What was being done: `reading`, `writing`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A file of the authority, or a certificate, is not what it should be.
    #[error("{} {what}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The name of the new files is not one.
    #[error(
        "a certificate's name is 1 to 64 letters, digits, dots, dashes and underscores, and not ca or crl"
    )]
    Name,
    /// A server name is neither a DNS name nor an address.
    #[error("{0:?} is neither a DNS name nor an IP address")]
    ServerName(String),
    /// Neither a serial number this authority issued nor the path of such a certificate.
    #[error("{0:?} is neither a serial number from {INDEX} nor the file of a certificate in it")]
    UnknownCertificate(String),
    /// The library refused to sign.
    #[error("signing")]
    Signing(#[from] rcgen::Error),
}

impl Authority {
    /// Creates an authority called `name`, with a mark of its key after it, in `folder`, which is
    /// created (mode 0700) if missing.
    /// Refuses when there is one already.
    pub fn init(folder: &Path, name: &str, now: Timestamp) -> Result<Self, IssueError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed("creating", folder))?;
        for file in [CERTIFICATE, KEY, REVOCATIONS, INDEX] {
            let path = folder.join(file);
            if path.try_exists().map_err(failed("reading", &path))? {
                return Err(IssueError::Exists(path));
            }
        }
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        // Two authorities of one name would be taken for each other, and blamed for bad signatures.
        let unique = Digest::of(&key.subject_public_key_info()).to_string();
        params.distinguished_name = subject(&format!("{name} {}", &unique[..8]));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = validity(now, AUTHORITY_DAYS);
        let certificate = params.self_signed(&key)?;
        write_new(&folder.join(KEY), key.serialize_pem().as_bytes(), PRIVATE)?;
        write_new(&folder.join(INDEX), b"", PUBLIC)?;
        let authority = Self {
            folder: folder.to_owned(),
            issuer: Issuer::new(params, key),
        };
        authority.publish(Vec::new(), 1, now)?;
        // Last: a folder with a ca.pem is a whole authority.
        write_new(
            &folder.join(CERTIFICATE),
            certificate.pem().as_bytes(),
            PUBLIC,
        )?;
        Ok(authority)
    }

    /// Opens the authority in `folder`.
    pub fn open(folder: &Path) -> Result<Self, IssueError> {
        let (path, key_path) = (folder.join(CERTIFICATE), folder.join(KEY));
        let certificate = read_certificate(&path)?;
        let pem = fs::read_to_string(&key_path).map_err(failed("reading", &key_path))?;
        let key = KeyPair::from_pem(&pem).map_err(|_| IssueError::Unusable {
            path: key_path.clone(),
            what: "holds no private key this authority can use".to_owned(),
        })?;
        let matches = identity::parse(&certificate)
            .is_some_and(|parsed| parsed.public_key().raw == key.subject_public_key_info());
        if !matches {
            return Err(IssueError::Unusable {
                path: key_path,
                what: format!("is not the key of {}", path.display()),
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            issuer: Issuer::from_ca_cert_der(&certificate, key)?,
        })
    }

    /// The authority's certificate: what both sides are told to trust.
    pub fn certificate_path(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    /// The authority's revocation list.
    pub fn revocations_path(&self) -> PathBuf {
        self.folder.join(REVOCATIONS)
    }

    /// Issues a certificate and writes `NAME.pem` and `NAME.key` (mode 0600) into the folder. The
    /// authority signs directly, so the certificate is the whole chain.
    pub fn issue(
        &self,
        name: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Issued, IssueError> {
        let usable = (1..=64).contains(&name.len())
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
            && !["ca", "crl"].contains(&name);
        if !usable {
            return Err(IssueError::Name);
        }
        let (certificate, key) = (
            self.folder.join(format!("{name}.pem")),
            self.folder.join(format!("{name}.key")),
        );
        if certificate
            .try_exists()
            .map_err(failed("reading", &certificate))?
        {
            return Err(IssueError::Exists(certificate));
        }
        let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(name, request)?;
        (params.not_before, params.not_after) = validity(now, request.days);
        let authority = read_certificate(&self.certificate_path())?;
        if let Some(parsed) = identity::parse(&authority) {
            params.not_after = params
                .not_after
                .min(parsed.validity().not_after.to_datetime());
        }
        let signed = params.signed_by(&pair, &self.issuer)?;
        let serial =
            identity::serial_of(signed.der()).ok_or(rcgen::Error::CouldNotParseCertificate)?;
        write_new(&key, pair.serialize_pem().as_bytes(), PRIVATE)?;
        // Before the certificate: one that is not in the index could not be revoked.
        self.note(&serial, name, request, now)?;
        write_new(&certificate, signed.pem().as_bytes(), PUBLIC)?;
        Ok(Issued {
            certificate,
            key,
            serial,
        })
    }

    /// Appends a line to the index: serial, time of issue, days, name, organisation, role.
    fn note(
        &self,
        serial: &str,
        name: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<(), IssueError> {
        let organisation = request
            .organisation
            .map_or_else(|| "-".to_owned(), |code| code.to_string());
        let role = if request.operator { "operator" } else { "-" };
        let line = format!(
            "{serial}\t{now}\t{}\t{name}\t{organisation}\t{role}\n",
            request.days
        );
        let path = self.folder.join(INDEX);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(line.as_bytes())?;
                file.sync_all()
            })
            .map_err(failed("writing", &path))
    }
}

/// What a certificate for `request` says, but for its dates.
fn params(name: &str, request: &Request) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    for server in &request.server_names {
        let unusable = || IssueError::ServerName(server.clone());
        let is_name = server
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-*:".contains(&byte));
        if server.is_empty() || !is_name {
            return Err(unusable());
        }
        params.subject_alt_names.push(match server.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) if server.contains(':') => return Err(unusable()),
            Err(_) => SanType::DnsName(server.as_str().try_into().map_err(|_| unusable())?),
        });
    }
    let organisation = request
        .organisation
        .map(|code| format!("{ORGANISATION_PREFIX}{code}"));
    let operator = request.operator.then(|| OPERATOR_ROLE.to_owned());
    let client = organisation.is_some() || operator.is_some() || request.server_names.is_empty();
    for uri in organisation.into_iter().chain(operator) {
        params.subject_alt_names.push(SanType::URI(uri.try_into()?));
    }
    if client {
        params.insert_extended_key_usage(ExtendedKeyUsagePurpose::ClientAuth);
    }
    if !request.server_names.is_empty() {
        params.insert_extended_key_usage(ExtendedKeyUsagePurpose::ServerAuth);
    }
    Ok(params)
}

fn subject(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// Valid from a little before `now`, for `days`. Generic because the certificate library's time is
/// not ours to name.
fn validity<T: From<SystemTime>>(now: Timestamp, days: u32) -> (T, T) {
    let now = system_time(now);
    let start = now.checked_sub(BACKDATED).unwrap_or(now);
    let end = now + Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    (start.into(), end.into())
}

fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(time.as_micros())
}

fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, IssueError> {
    let unusable = |what| IssueError::Unusable {
        path: path.to_owned(),
        what,
    };
    let found = files::read_pem(path, "certificate").map_err(unusable)?;
    let first = found.into_iter().next();
    first.ok_or_else(|| unusable("holds no certificate".to_owned()))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), IssueError> {
    files::write_new(path, bytes, mode).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            IssueError::Exists(path.to_owned())
        } else {
            failed("writing", path)(error)
        }
    })
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IssueError {
    let path = path.to_owned();
    move |source| IssueError::File {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests;
