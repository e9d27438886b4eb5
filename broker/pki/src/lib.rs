//! Certificates: who a verified client certificate stands for, the rustls configurations of both
//! sides, and a small authority for development. No sockets and no decision about a document; the
//! present moment is always an argument.

mod files;
pub mod identity;
pub mod issue;
pub mod trust;
