//! Oversize: a request above the decode limit never reaches a service; tonic answers it with
//! `OUT_OF_RANGE` and its own words. This layer says it in ours: `RESOURCE_EXHAUSTED`, with a reason.

use std::task::{Context, Poll};

use axle_proto::MESSAGE_BYTES_MAX;
use futures::future::BoxFuture;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::{header::too_large, status::status_of};

/// Puts [`Oversize`] around every service.
#[derive(Clone, Copy, Debug, Default)]
pub struct OversizeLayer;

/// A service whose refusals of oversize requests are told in the broker's words.
#[derive(Clone, Debug)]
pub struct Oversize<T> {
    inner: T,
}

impl<T> Layer<T> for OversizeLayer {
    type Service = Oversize<T>;

    fn layer(&self, inner: T) -> Self::Service {
        Oversize { inner }
    }
}

impl<T, R> Service<http::Request<R>> for Oversize<T>
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
        Box::pin(async move { answered.await.map(in_our_words) })
    }
}

fn in_our_words(response: http::Response<Body>) -> http::Response<Body> {
    // Only a refusal has its status in the headers; everything else has it in the trailers.
    let status = Status::from_header_map(response.headers());
    let Some(status) = status.filter(|status| status.code() == Code::OutOfRange) else {
        return response;
    };
    let mut numbers = status.message().split(|c: char| !c.is_ascii_digit());
    let found = numbers.find_map(|digits| digits.parse().ok());
    found.map_or(response, |bytes: usize| {
        status_of(too_large(bytes, MESSAGE_BYTES_MAX)).into_http()
    })
}
