//! Whom each side trusts: PEM files become rustls configurations, TLS 1.3 only, on a provider that is
//! named here and never taken from the process. Nothing half-read is ever put to use: every file is
//! read and checked first, and everything wrong with them is told at once.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use axle_model::time::Timestamp;
use rustls::{
    crypto::{CryptoProvider, aws_lc_rs, ring},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use x509_parser::time::ASN1Time;

use crate::{files, identity};

mod client;
mod server;
mod service;
mod verifier;

pub use client::{ClientFiles, ClientTrust};
pub use server::{Handshake, ServerFiles, ServerTrust};
pub use service::{ServiceFiles, service_config};

/// The only application protocol spoken (RFC 7301, RFC 9113).
const ALPN: &[u8] = b"h2";

/// One thing wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as configured.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.file.display(), self.what)
    }
}

/// A set of files that cannot be used, with everything found wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", sentence(.problems))]
pub struct UnusableFiles {
    problems: Vec<Problem>,
}

impl UnusableFiles {
    /// Everything found wrong; never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

fn sentence(problems: &[Problem]) -> String {
    let each: Vec<String> = problems.iter().map(Problem::to_string).collect();
    each.join("; ")
}

/// What a date of expiry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expiring {
    /// An authority's certificate.
    Authority,
    /// This side's own certificate.
    Certificate,
    /// A revocation list: its `nextUpdate`.
    RevocationList,
}

impl Expiring {
    /// The kind in a word, for metrics: `authority`, `certificate` or `revocation_list`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Certificate => "certificate",
            Self::RevocationList => "revocation_list",
        }
    }
}

/// When something in a file expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// What expires.
    pub kind: Expiring,
    /// The file it came from.
    pub file: PathBuf,
    /// The last moment it is valid.
    pub time: Timestamp,
}

/// Everything wrong with a set of files, gathered while it is read.
#[derive(Default)]
struct Reading {
    problems: Vec<Problem>,
    expiries: Vec<Expiry>,
}

impl Reading {
    fn problem(&mut self, file: &Path, what: impl Into<String>) {
        self.problems.push(Problem {
            file: file.to_owned(),
            what: what.into(),
        });
    }

    /// What was found, or nothing and a problem noted.
    fn keep<T>(&mut self, file: &Path, found: Result<T, String>) -> Option<T> {
        found.map_err(|what| self.problem(file, what)).ok()
    }

    fn expires(&mut self, kind: Expiring, file: &Path, time: ASN1Time) {
        self.expiries.push(Expiry {
            kind,
            file: file.to_owned(),
            time: timestamp(time),
        });
    }

    /// The authorities' certificates. An expired one among them is no problem: verification ignores
    /// trust anchors' dates, and its expiry is exposed.
    fn authorities(
        &mut self,
        file: &Path,
    ) -> (rustls::RootCertStore, Vec<CertificateDer<'static>>) {
        let found = files::read_pem::<CertificateDer<'static>>(file, "certificate");
        let certificates = self.keep(file, found).unwrap_or_default();
        let mut roots = rustls::RootCertStore::empty();
        for (position, certificate) in certificates.iter().enumerate() {
            let end = identity::parse(certificate).map(|parsed| parsed.validity().not_after);
            match (end, roots.add(certificate.clone())) {
                (Some(end), Ok(())) => self.expires(Expiring::Authority, file, end),
                (None, _) | (_, Err(_)) => self.problem(
                    file,
                    format!(
                        "holds a certificate, number {}, that cannot be read",
                        position + 1
                    ),
                ),
            }
        }
        (roots, certificates)
    }

    /// This side's own chain and key, belonging together.
    fn own(
        &mut self,
        certificate: &Path,
        key: &Path,
        provider: &CryptoProvider,
    ) -> Option<Arc<CertifiedKey>> {
        let chain = files::read_pem::<CertificateDer<'static>>(certificate, "certificate");
        let chain = self.keep(certificate, chain);
        let keys = files::read_pem::<PrivateKeyDer<'static>>(key, "private key");
        let keys = self.keep(key, keys);
        let chain = chain?;
        if let Some(end) = chain.first().and_then(identity::parse) {
            self.expires(Expiring::Certificate, certificate, end.validity().not_after);
        } else {
            self.problem(certificate, "holds a certificate that cannot be read");
            return None;
        }
        let own_key = keys?.into_iter().next()?;
        match CertifiedKey::from_der(chain, own_key, provider) {
            Ok(pair) => Some(Arc::new(pair)),
            Err(rustls::Error::InconsistentKeys(_)) => {
                let what = format!(
                    "is not the key of the certificate in {}",
                    certificate.display()
                );
                self.problem(key, what);
                None
            }
            Err(error) => {
                self.problem(key, format!("cannot be used: {error}"));
                None
            }
        }
    }

    /// The value, when everything was in order.
    fn finish<T>(self, value: impl FnOnce(Vec<Expiry>) -> Option<T>) -> Result<T, UnusableFiles> {
        let Self { problems, expiries } = self;
        match value(expiries) {
            Some(value) if problems.is_empty() => Ok(value),
            Some(_) | None => Err(UnusableFiles { problems }),
        }
    }
}

/// Key exchange (the post-quantum one with it) and signatures of aws-lc-rs, ciphers of ring: decision 0019.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: ring::DEFAULT_CIPHER_SUITES.to_vec(),
        ..aws_lc_rs::default_provider()
    })
}

/// A certificate's time; anything before 1970 is 1970.
fn timestamp(time: ASN1Time) -> Timestamp {
    let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests;
