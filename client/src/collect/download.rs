//! From a leased delivery to a whole document: fetched apart when it did not come along, resumed where
//! a fetch broke off, and handed out only with the checksum its sender's receipt has.

use std::{future::Future, time::Duration};

use axle_model::digest::Digest;
use axle_proto::v1::{DownloadDocumentRequest, ExtendLeasesRequest, LeasedDelivery};
use bytes::{Bytes, BytesMut};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::Received;
use crate::{
    connection::Client,
    convert::duration,
    error::{Class, ClientError},
    retry::Backoff,
    track::incomplete,
};

/// The longest a download may stand still.
const PIECE_WAIT_MAX: Duration = Duration::from_secs(30);

/// How often the lease of a download under way is extended, and by how much.
const EXTEND_EVERY: Duration = Duration::from_secs(15);
const EXTENSION: Duration = Duration::from_secs(60);

/// The reason code under which damaged documents are given back.
pub(super) const DAMAGED: &str = "CHECKSUM_MISMATCH";

/// The document of `delivery` with its content fetched; `downloaded` counts bytes as they come.
/// Errors have the delivery as subject.
pub(super) async fn fetched(
    client: &Client,
    downloaded: &watch::Sender<u64>,
    mut delivery: LeasedDelivery,
) -> Result<Received, ClientError> {
    let size_bytes = delivery
        .message
        .as_ref()
        .map_or(0, |message| message.size_bytes);
    let token = &delivery.lease_token;
    match download(client, downloaded, token, size_bytes).await {
        Ok(content) => delivery.content = content,
        Err(error) => return Err(error.about(&delivery.name)),
    }
    verified(delivery)
}

/// The document of `delivery`, whose content came along. Errors have the delivery as subject.
pub(super) fn verified(delivery: LeasedDelivery) -> Result<Received, ClientError> {
    let name = &delivery.name;
    let message = delivery
        .message
        .ok_or_else(|| incomplete("message").about(name))?;
    if message.sha256.as_ref() != Digest::of(&delivery.content).as_bytes() {
        return Err(damaged("the document does not have the message's SHA-256").about(name));
    }
    Ok(Received {
        name: delivery.name,
        token: delivery.lease_token,
        mailbox: delivery.mailbox,
        attempt: delivery.attempt,
        lease_expire_time: delivery.lease_expire_time,
        message,
        content: delivery.content,
    })
}

async fn download(
    client: &Client,
    downloaded: &watch::Sender<u64>,
    token: &str,
    size_bytes: u64,
) -> Result<Bytes, ClientError> {
    let mut content = BytesMut::new();
    let mut moved = Instant::now();
    let mut backoff = Backoff::new(client.retry());
    loop {
        let before = content.len();
        let fetching = fetch(client, downloaded, token, size_bytes, &mut content);
        let Err(error) = fetching.await else {
            return Ok(content.freeze());
        };
        if content.len() > before {
            (moved, backoff) = (Instant::now(), Backoff::new(client.retry()));
        }
        let delay = backoff.next_delay(error.retry_after());
        if !error.is_retryable() || moved.elapsed() + delay > client.retry().total {
            return Err(error);
        }
        sleep(delay).await;
    }
}

/// Appends to `content` what is missing of it.
async fn fetch(
    client: &Client,
    downloaded: &watch::Sender<u64>,
    token: &str,
    size_bytes: u64,
    content: &mut BytesMut,
) -> Result<(), ClientError> {
    let request = DownloadDocumentRequest {
        lease_token: token.to_owned(),
        offset: content.len() as u64,
    };
    let mut service = client.collection();
    let mut pieces = in_time(service.download_document(request))
        .await?
        .into_inner();
    let mut extended = Instant::now();
    while let Some(piece) = in_time(pieces.message()).await? {
        if extended.elapsed() > EXTEND_EVERY {
            extend(client, token).await;
            extended = Instant::now();
        }
        if piece.crc32c != crc32c::crc32c(&piece.content) {
            return Err(ClientError::unreachable(
                "a piece of the document was damaged on its way",
            ));
        }
        let in_order = piece.offset == content.len() as u64;
        let fits = (content.len() + piece.content.len()) as u64 <= size_bytes;
        if !in_order || !fits {
            return Err(damaged("the pieces of the document do not fit together"));
        }
        content.extend_from_slice(&piece.content);
        downloaded.send_modify(|bytes| *bytes += piece.content.len() as u64);
    }
    if (content.len() as u64) < size_bytes {
        return Err(ClientError::unreachable(
            "the download ended before the document did",
        ));
    }
    Ok(())
}

/// Keeps the delivery this collector's while its document is on the way. When that fails the lease
/// may run out, and the next piece says so.
async fn extend(client: &Client, token: &str) {
    let request = ExtendLeasesRequest {
        lease_tokens: vec![token.to_owned()],
        lease_duration: Some(duration(EXTENSION)),
    };
    let _ = in_time(client.collection().extend_leases(request)).await;
}

async fn in_time<T>(
    step: impl Future<Output = Result<T, tonic::Status>>,
) -> Result<T, ClientError> {
    match timeout(PIECE_WAIT_MAX, step).await {
        Ok(outcome) => outcome.map_err(ClientError::from),
        Err(_) => Err(ClientError::unreachable("the download stands still")),
    }
}

fn damaged(what: &str) -> ClientError {
    ClientError::new(
        Class::TryAgain,
        DAMAGED,
        what,
        "nothing to do: it was given back and will be offered again; if it repeats, tell the \
         broker's operator",
    )
}
