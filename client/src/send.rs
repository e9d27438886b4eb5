//! Sending documents: the header made complete, the checksum always set, and every repeat of a submit
//! under the same submission id. What is too large for one call is uploaded.

use std::path::{Path, PathBuf};

use axle_model::digest::Digest;
use axle_proto::v1::{
    DocumentHeader, SubmitDocumentRequest, SubmitDocumentResponse, ValidateDocumentRequest,
    ValidateDocumentResponse,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use uuid::Uuid;

use crate::{
    bulk::Submitter,
    connection::Client,
    error::{Class, ClientError},
    retry::CALL_DEADLINE,
    upload::{Progress, Source, beginning, measure, no_progress},
};

/// The largest document one call carries, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What became of one file of many.
#[derive(Clone, Debug)]
pub struct FileOutcome {
    /// The file.
    pub path: PathBuf,
    /// The submission id it was sent under; empty when it could not be read.
    pub submission_id: String,
    /// The receipt, or why there is none.
    pub result: Result<SubmitDocumentResponse, ClientError>,
}

impl Client {
    /// Submits a document; when it returns, the document is on the broker's disk. What `header` leaves
    /// out is filled in: a new submission id, the media type as far as the content tells it, and
    /// always the length and SHA-256.
    pub async fn submit(
        &self,
        header: DocumentHeader,
        content: Bytes,
    ) -> Result<SubmitDocumentResponse, ClientError> {
        let header = completed(header, &content, None);
        if content.len() > DOCUMENT_BYTES_MAX {
            let source = Source::Bytes(content);
            return self.upload(header, &source, &no_progress()).await;
        }
        let request = SubmitDocumentRequest {
            header: Some(header),
            content,
        };
        self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.submission();
            async move { service.submit_document(request).await }
        })
        .await
    }

    /// Asks what `submit` would be told; nothing is stored.
    pub async fn validate(
        &self,
        header: DocumentHeader,
        content: Bytes,
    ) -> Result<ValidateDocumentResponse, ClientError> {
        check_size(content.len())?;
        let header = completed(header, &content, None);
        let request = ValidateDocumentRequest {
            header: Some(header),
            content,
        };
        self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.submission();
            async move { service.validate_document(request).await }
        })
        .await
    }

    /// Submits files, several of them over one stream, up to `in_flight_max` at once and in no order, each with a header like `header`.
    /// A submission id in `header` becomes `ID/` and the beginning of the document's digest when there
    /// are several files, so that a repeated call repeats no document. `progress` hears of bytes that
    /// are durable at the broker.
    pub fn submit_files(
        &self,
        paths: Vec<PathBuf>,
        header: DocumentHeader,
        in_flight_max: usize,
        progress: Progress,
    ) -> impl Stream<Item = FileOutcome> + use<> {
        let several = paths.len() > 1;
        let submitter = several.then(|| self.submitter());
        let client = self.clone();
        stream::iter(paths)
            .map(move |path| {
                let (client, submitter) = (client.clone(), submitter.clone());
                let (header, progress) = (header.clone(), progress.clone());
                async move {
                    let submitter = submitter.as_ref();
                    client.submit_file(path, header, submitter, &progress).await
                }
            })
            .buffer_unordered(in_flight_max.max(1))
    }

    async fn submit_file(
        &self,
        path: PathBuf,
        mut header: DocumentHeader,
        submitter: Option<&Submitter>,
        progress: &Progress,
    ) -> FileOutcome {
        let mut submission_id = String::new();
        let result = async {
            let size = size_of(&path).await?;
            let upload = size > DOCUMENT_BYTES_MAX as u64;
            let content = match upload {
                true => beginning(&path)
                    .await
                    .map_err(|error| unreadable(&path, &error))?,
                false => read_document(&path).await?,
            };
            let mut complete = completed(header.clone(), &content, Some(&path));
            if upload {
                measure(&Source::File(path.clone()), &mut complete).await?;
            }
            if submitter.is_some() && !header.submission_id.is_empty() {
                let digest = complete.sha256.iter().take(8);
                let beginning: String = digest.map(|byte| format!("{byte:02x}")).collect();
                header.submission_id = format!("{}/{beginning}", header.submission_id);
                complete.submission_id.clone_from(&header.submission_id);
            }
            submission_id.clone_from(&complete.submission_id);
            if upload {
                let source = Source::File(path.clone());
                return self.upload(complete, &source, progress).await;
            }
            let receipt = match submitter {
                Some(submitter) => submitter.submit(complete, content).await,
                None => self.submit(complete, content).await,
            };
            progress(size);
            receipt
        };
        let result = result.await;
        FileOutcome {
            path,
            submission_id,
            result,
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ClientError {
    ClientError::new(
        Class::Refused,
        "FILE_UNREADABLE",
        format!("{} cannot be read: {error}", path.display()),
        "name a file that exists and that you may read",
    )
}

async fn size_of(path: &Path) -> Result<u64, ClientError> {
    let found = tokio::fs::metadata(path).await;
    Ok(found.map_err(|error| unreadable(path, &error))?.len())
}

/// Reads a document that is small enough for one call.
pub async fn read_document(path: &Path) -> Result<Bytes, ClientError> {
    let size = size_of(path).await?;
    check_size(usize::try_from(size).unwrap_or(usize::MAX))?;
    let content = tokio::fs::read(path).await;
    Ok(content.map_err(|error| unreadable(path, &error))?.into())
}

/// The media type of a document: FHIR, HL7 v2 and CDA by how they begin, otherwise by the name's
/// extension.
pub fn media_type(content: &[u8], path: Option<&Path>) -> Option<&'static str> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    /// By which a message of HL7 v2 begins, where it was saved as it came over MLLP.
    const START_OF_BLOCK: &[u8] = b"\x0b";
    let text = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
    let text = text.trim_ascii_start();
    let message = text.strip_prefix(START_OF_BLOCK).unwrap_or(text);
    match text.first() {
        Some(b'{') => return Some("application/fhir+json"),
        Some(b'<') if is_cda(text) => return Some("application/cda+xml"),
        Some(b'<') => return Some("application/fhir+xml"),
        Some(_) if message.starts_with(b"MSH") => return Some("x-application/hl7-v2+er7"),
        Some(_) | None => {}
    }
    let extension = path?.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "json" => Some("application/fhir+json"),
        "xml" => Some("application/fhir+xml"),
        "hl7" => Some("x-application/hl7-v2+er7"),
        "pdf" => Some("application/pdf"),
        "txt" => Some("text/plain"),
        _ => None,
    }
}

/// Whether XML is a document of CDA or an envelope of one: its first element tells.
fn is_cda(text: &[u8]) -> bool {
    /// What stands before the first element is not longer than this in any document there is.
    const LOOKED_AT_BYTES_MAX: usize = 4 * 1024;
    let text = text.get(..LOOKED_AT_BYTES_MAX).unwrap_or(text);
    let mut rest = &*String::from_utf8_lossy(text);
    // The declaration and comments.
    while let Some(end) = [("<?", "?>"), ("<!--", "-->")]
        .into_iter()
        .find_map(|(start, end)| rest.starts_with(start).then_some(end))
    {
        rest = rest
            .split_once(end)
            .map_or("", |(_, after)| after.trim_start());
    }
    let tag = rest.strip_prefix('<').unwrap_or_default();
    let ends = |character: char| character.is_whitespace() || matches!(character, '>' | '/');
    let name = tag.split(ends).next().unwrap_or_default();
    let local = name.rsplit(':').next().unwrap_or_default();
    matches!(
        local,
        "ClinicalDocument" | "DistributionEnvelope" | "Envelope"
    )
}

pub(crate) fn completed(
    mut header: DocumentHeader,
    content: &Bytes,
    path: Option<&Path>,
) -> DocumentHeader {
    if header.submission_id.is_empty() {
        header.submission_id = Uuid::now_v7().to_string();
    }
    if header.media_type.is_empty() {
        // Left empty when nothing tells it: the broker's refusal names the field.
        header.media_type = media_type(content, path).unwrap_or_default().to_owned();
    }
    header.size_bytes = content.len() as u64;
    header.sha256 = Bytes::copy_from_slice(Digest::of(content).as_bytes());
    header
}

/// A larger document would only break off the call: the broker does not read to its end.
pub(crate) fn check_size(size: usize) -> Result<(), ClientError> {
    if size <= DOCUMENT_BYTES_MAX {
        return Ok(());
    }
    Err(ClientError::new(
        Class::Refused,
        "DOCUMENT_TOO_LARGE",
        format!("the document has {size} bytes, more than the {DOCUMENT_BYTES_MAX} of one call"),
        "send it instead: what is too large for one call is uploaded in pieces",
    ))
}

#[cfg(test)]
mod tests;
