//! Foreign: errors that the gRPC library makes itself, before a service is reached: an oversize or
//! malformed request, an unknown method, a call that took too long. This layer says them as the broker
//! says its own, with a code that names whose mistake it is, a reason, and what to do.

use std::task::{Context, Poll};

use axle_model::refusal::{Reason, Refusal};
use axle_proto::MESSAGE_BYTES_MAX;
use futures::future::BoxFuture;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::{header::too_large, status::status_of};

/// Puts itself around every service.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForeignLayer;

/// A service whose foreign errors are told in the broker's words.
#[derive(Clone, Debug)]
pub struct Foreign<T> {
    inner: T,
}

impl<T> Layer<T> for ForeignLayer {
    type Service = Foreign<T>;

    fn layer(&self, inner: T) -> Self::Service {
        Foreign { inner }
    }
}

impl<T, R> Service<http::Request<R>> for Foreign<T>
where
    T: Service<http::Request<R>, Response = http::Response<Body>>,
    T::Future: Send + 'static,
{
    type Response = T::Response;
    type Error = T::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<R>) -> Self::Future {
        let answered = self.inner.call(request);
        Box::pin(async move {
            let response = answered.await?;
            // Only an error that comes instead of a reply has its status among the headers.
            let status = Status::from_header_map(response.headers());
            let ours = status.and_then(|status| in_our_words(&status));
            Ok(ours.map_or(response, Status::into_http))
        })
    }
}

/// What the broker says for an error of the library's; `None` for one of its own, or none.
pub(super) fn in_our_words(status: &Status) -> Option<Status> {
    if !status.details().is_empty() {
        return None;
    }
    let refusal = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            let mut numbers = status.message().split(|c: char| !c.is_ascii_digit());
            let bytes = numbers.find_map(|digits| digits.parse().ok());
            too_large(bytes.unwrap_or(MESSAGE_BYTES_MAX + 1), MESSAGE_BYTES_MAX)
        }
        Code::Internal | Code::InvalidArgument => Refusal::new(
            Reason::RequestMalformed,
            "the request is not a message of this call",
            "build the client from the axle.v1 .proto files",
        ),
        Code::Unimplemented => Refusal::new(
            Reason::MethodUnknown,
            "this broker has no such call, or not with that encoding",
            "build the client from the axle.v1 .proto files, and send messages uncompressed",
        ),
        Code::DeadlineExceeded | Code::Cancelled => Refusal::new(
            Reason::RequestTimedOut,
            "the call took too long and was given up",
            "try again; a submission with the same submission id",
        ),
        Code::Ok
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => return None,
    };
    Some(status_of(refusal))
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn every_error_of_the_library_gets_a_reason() {
        let said = |code, message: &str| {
            let ours = in_our_words(&Status::new(code, message))?;
            let reason = ours
                .get_error_details()
                .error_info()
                .map(|info| info.reason.clone());
            Some((ours.code(), reason?))
        };
        let oversize =
            "Error, decoded message length too large: found 5242890 bytes, the limit is: 9";
        for (code, message, expected) in [
            (
                Code::OutOfRange,
                oversize,
                (Code::ResourceExhausted, "DOCUMENT_TOO_LARGE"),
            ),
            (
                Code::Internal,
                "failed to decode",
                (Code::InvalidArgument, "REQUEST_MALFORMED"),
            ),
            (
                Code::Unimplemented,
                "",
                (Code::Unimplemented, "METHOD_UNKNOWN"),
            ),
            (
                Code::Cancelled,
                "Timeout expired",
                (Code::DeadlineExceeded, "REQUEST_TIMED_OUT"),
            ),
        ] {
            let (expected_code, reason) = expected;
            assert_eq!(
                said(code, message),
                Some((expected_code, reason.to_owned())),
                "{code:?}"
            );
        }
        let size =
            in_our_words(&Status::out_of_range(oversize)).map(|ours| ours.message().to_owned());
        assert!(size.is_some_and(|what| what.contains("5.0 MiB")));
    }

    #[test]
    fn the_brokers_own_errors_stay_as_they_are() {
        let own = status_of(Refusal::new(Reason::Conflict, "moved", "again"));
        assert!(in_our_words(&own).is_none());
        assert!(in_our_words(&Status::ok("")).is_none());
    }
}
