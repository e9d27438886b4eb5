//! Uploading: documents too large for one call, piece by piece. What the broker keeps is asked for
//! first, so that an upload goes on where it was left, whoever was cut off: the network, the broker,
//! or an earlier run of this program with the same submission id.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axle_model::digest::Hasher;
use axle_proto::v1::{
    DocumentHeader, GetUploadRequest, SubmitDocumentResponse, UploadChunk, UploadDocumentRequest,
    UploadStart, upload_document_request::Part, upload_document_response::Update,
};
use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, SeekFrom},
    time::{Duration, Instant, timeout},
};

use crate::{
    connection::Client,
    error::{Class, ClientError},
    retry::{Backoff, CALL_DEADLINE},
};

/// The length of a chunk, in bytes.
const CHUNK_BYTES: usize = 256 * 1024;
/// The longest an upload may stand still.
const STANDSTILL: Duration = Duration::from_secs(60);

/// Hears how many more bytes of a document are durable at the broker.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// A document on this side.
#[derive(Clone, Debug)]
pub enum Source {
    /// In a file. It must not change meanwhile.
    File(PathBuf),
    /// In memory.
    Bytes(Bytes),
}

/// A source being read.
enum Reading {
    File(File),
    Bytes(Bytes),
}

impl Source {
    async fn open(&self, offset: u64) -> io::Result<Reading> {
        match self {
            Self::File(path) => {
                let mut file = File::open(path).await?;
                file.seek(SeekFrom::Start(offset)).await?;
                Ok(Reading::File(file))
            }
            Self::Bytes(bytes) => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                Ok(Reading::Bytes(bytes.slice(offset.min(bytes.len())..)))
            }
        }
    }

    fn unreadable(&self, error: &io::Error) -> ClientError {
        let name = match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes(_) => "the document".to_owned(),
        };
        ClientError::new(
            Class::Refused,
            "FILE_UNREADABLE",
            format!("{name} cannot be read: {error}"),
            "name a file that exists and that you may read",
        )
    }
}

impl Reading {
    /// The next bytes; empty at the end.
    async fn chunk(&mut self) -> io::Result<Bytes> {
        match self {
            Self::Bytes(rest) => Ok(rest.split_to(CHUNK_BYTES.min(rest.len()))),
            Self::File(file) => {
                let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
                while chunk.len() < CHUNK_BYTES {
                    let missing = CHUNK_BYTES - chunk.len();
                    let mut rest = (&mut *file).take(missing as u64);
                    if rest.read_buf(&mut chunk).await? == 0 {
                        break;
                    }
                }
                Ok(chunk.freeze())
            }
        }
    }
}

/// States the length and the digest of a document in its header, reading it once.
pub(crate) async fn measure(
    source: &Source,
    header: &mut DocumentHeader,
) -> Result<(), ClientError> {
    let unreadable = |error: io::Error| source.unreadable(&error);
    let mut reading = source.open(0).await.map_err(unreadable)?;
    let (mut hasher, mut length) = (Hasher::default(), 0);
    loop {
        let chunk = reading.chunk().await.map_err(unreadable)?;
        if chunk.is_empty() {
            break;
        }
        hasher.update(&chunk);
        length += chunk.len() as u64;
    }
    header.size_bytes = length;
    header.sha256 = Bytes::copy_from_slice(hasher.finish().as_bytes());
    Ok(())
}

impl Client {
    /// Uploads a document of any size; when it returns, the document is on the broker's disk and
    /// accepted. The header must have a submission id: with the same one a later call goes on where
    /// this one was left.
    pub async fn upload(
        &self,
        mut header: DocumentHeader,
        source: &Source,
        progress: &Progress,
    ) -> Result<SubmitDocumentResponse, ClientError> {
        measure(source, &mut header).await?;
        let mut backoff = Backoff::new(self.retry());
        let mut moved = Instant::now();
        let mut told = 0;
        loop {
            let offset = self.committed(&header.submission_id).await?;
            let before = told;
            let mut hear = |committed: u64| {
                progress(committed.saturating_sub(told));
                told = told.max(committed);
            };
            let attempt = self.attempt(&header, source, offset, &mut hear).await;
            let error = match attempt {
                Ok(receipt) => {
                    progress(header.size_bytes.saturating_sub(told));
                    return Ok(receipt);
                }
                Err(error) => error,
            };
            if told > before {
                (moved, backoff) = (Instant::now(), Backoff::new(self.retry()));
            }
            let delay = backoff.next_delay(error.retry_after());
            // Somebody else may have moved the upload on: then the next attempt begins there.
            let again = error.is_retryable() || error.reason() == "CHUNK_OUT_OF_ORDER";
            if !again || moved.elapsed() + delay > self.retry().total {
                return Err(error);
            }
            tokio::time::sleep(delay).await;
        }
    }

    /// How much of an upload the broker keeps.
    async fn committed(&self, submission_id: &str) -> Result<u64, ClientError> {
        let request = GetUploadRequest {
            submission_id: submission_id.to_owned(),
        };
        let asked = self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.submission();
            async move { service.get_upload(request).await }
        });
        match asked.await {
            Ok(upload) => Ok(upload.committed_bytes),
            Err(error) if error.reason() == "UPLOAD_NOT_FOUND" => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Sends what is missing, and hears the receipt.
    async fn attempt(
        &self,
        header: &DocumentHeader,
        source: &Source,
        offset: u64,
        committed: &mut (dyn FnMut(u64) + Send),
    ) -> Result<SubmitDocumentResponse, ClientError> {
        let reading = source.open(offset).await;
        let reading = reading.map_err(|error| source.unreadable(&error))?;
        let requests = requests(header.clone(), offset, reading);
        let mut service = self.submission();
        let mut updates = in_time(service.upload_document(requests))
            .await?
            .into_inner();
        while let Some(response) = in_time(updates.message()).await? {
            match response.update {
                Some(Update::CommittedBytes(bytes)) => committed(bytes),
                Some(Update::Receipt(receipt)) => return Ok(receipt),
                None => {}
            }
        }
        Err(ClientError::unreachable(
            "the upload ended without a receipt",
        ))
    }
}

/// The requests of one attempt. A file that cannot be read further ends them: the broker then says
/// that the document is shorter than its header states.
fn requests(
    header: DocumentHeader,
    offset: u64,
    reading: Reading,
) -> impl Stream<Item = UploadDocumentRequest> + Send + 'static {
    let start = UploadDocumentRequest {
        part: Some(Part::Start(UploadStart {
            header: Some(header),
            resume_offset: offset,
        })),
    };
    let chunks = stream::unfold((reading, offset), |(mut reading, at)| async move {
        let data = reading.chunk().await.ok().filter(|data| !data.is_empty())?;
        let next = at + data.len() as u64;
        let chunk = UploadChunk {
            offset: at,
            crc32c: crc32c::crc32c(&data),
            data,
        };
        let part = Some(Part::Chunk(chunk));
        Some((UploadDocumentRequest { part }, (reading, next)))
    });
    futures::StreamExt::chain(stream::iter([start]), chunks)
}

async fn in_time<T>(
    step: impl Future<Output = Result<T, tonic::Status>>,
) -> Result<T, ClientError> {
    match timeout(STANDSTILL, step).await {
        Ok(outcome) => outcome.map_err(ClientError::from),
        Err(_) => Err(ClientError::unreachable("the upload stands still")),
    }
}

/// Nobody listens.
pub fn no_progress() -> Progress {
    Arc::new(|_| {})
}

/// The first bytes of a file, enough to tell what it is.
pub(crate) async fn beginning(path: &Path) -> io::Result<Bytes> {
    let mut beginning = Vec::new();
    let file = File::open(path).await?;
    file.take(1024).read_to_end(&mut beginning).await?;
    Ok(beginning.into())
}
