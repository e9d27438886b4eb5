//! Principal: who is on the other end of a gRPC call, by its client certificate.

use std::sync::Arc;

use axle_model::{
    identity::Identity,
    refusal::{Reason, Refusal},
};
use tonic::{Request, Status};

use super::status::status_of;
use crate::doors::tls::Peer;

/// The caller of a request. A verified certificate that stands for nobody is refused here.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Arc<Identity>, Status> {
    let identity = request.extensions().get::<Peer>().map(Peer::identity);
    match identity {
        Some(Ok(identity)) => Ok(Arc::clone(identity)),
        Some(Err(why)) => Err(nobody(&why.to_string())),
        None => Err(nobody("the connection carries no client certificate")),
    }
}

fn nobody(why: &str) -> Status {
    status_of(Refusal::new(
        Reason::IdentityNotInCertificate,
        format!("the certificate does not say who you are: {why}"),
        "use a certificate whose subject alternative name has a URI urn:nhs:ods:CODE",
    ))
}
