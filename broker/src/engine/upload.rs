//! Upload: a document that arrives piece by piece. What is durable of it is told to its sender
//! alone; it becomes a message once it is whole, has the digest its sender stated, and is accepted
//! like any other. No more of it is in memory than one piece, unless its kind has to be read.

use axle_core::{
    authorise::{Authorised, authorise},
    change::Acceptance,
    route::route,
    validate::{unread, validate},
};
use axle_model::{
    digest::{Digest, Hasher},
    envelope::Submission,
    id::SubmissionId,
    identity::Identity,
    ods::OdsCode,
    refusal::{Reason, Refusal},
};
use axle_store::{Chunk, Store, Upload};
use bytes::{Bytes, BytesMut};

use super::{Engine, refuse::refusal_of, submit::Accepted};
use crate::clock::Clock;

/// Chunks are gathered to about this many bytes before they are made durable.
const PIECE_BYTES: usize = 1024 * 1024;

/// A document under way.
#[derive(Debug)]
pub struct Uploading {
    authorised: Authorised,
    size: u64,
    request: Digest,
    /// This call, told from all others.
    call: u64,
    /// Where the next chunk begins.
    position: u64,
    /// Where what is durable ends.
    committed: u64,
    hasher: Hasher,
    gathered: BytesMut,
}

/// How an upload begins.
#[derive(Debug)]
pub enum Begun {
    /// With the chunks that follow.
    Open(Box<Uploading>),
    /// It was completed before: this is its receipt.
    Repeat(Accepted),
}

impl Uploading {
    /// How many bytes are durable.
    pub const fn committed(&self) -> u64 {
        self.committed
    }

    fn sender(&self) -> OdsCode {
        self.authorised.sender()
    }

    fn submission(&self) -> &SubmissionId {
        &self.authorised.submission().id
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Begins an upload at 0, or takes one up where it was left. `submission` has no body yet, and
    /// the digest its sender states. What can be refused without the document is refused here.
    pub async fn begin_upload(
        &self,
        caller: &Identity,
        submission: Submission,
        size: u64,
        offset: u64,
    ) -> Result<Begun, Refusal> {
        self.refuse_when_draining()?;
        let view = self.view.load_full();
        let request = submission.request_digest();
        let authorised = authorise(view.snapshot.table.policy(), caller, submission)?;
        let submission = authorised.submission();
        if !submission.media_type.is_read() {
            let checked = unread(&authorised, size, view.limits.document_bytes_max)?;
            let registration = self.registration(&view.snapshot, &checked).await;
            route(&view.snapshot, &checked, registration, self.clock.now())?;
        } else if size > view.limits.fhir_bytes_max as u64 {
            return Err(unreadably_large(size, view.limits.fhir_bytes_max));
        }
        let earlier = self
            .store
            .find_submission(authorised.sender(), &submission.id);
        if let Some(message) = earlier.await.map_err(refusal_of)? {
            if message.request == request {
                return Ok(Begun::Repeat(Accepted {
                    receipt: message.receipt(true),
                    warnings: message.warnings.clone(),
                }));
            }
            let earlier = message.id;
            return Err(refusal_of(axle_store::StoreError::SubmissionConflict {
                earlier,
            }));
        }
        let mut upload = Uploading {
            size,
            request,
            call: self.clock.chance() as u64,
            position: 0,
            committed: 0,
            hasher: Hasher::default(),
            gathered: BytesMut::new(),
            authorised,
        };
        if offset > 0 {
            self.take_up(&mut upload, offset).await?;
        }
        Ok(Begun::Open(Box::new(upload)))
    }

    /// Reads what is durable again, for the digest of the whole.
    async fn take_up(&self, upload: &mut Uploading, offset: u64) -> Result<(), Refusal> {
        let (sender, id) = (upload.sender(), upload.submission());
        // From here on nobody else adds to it, so that what is read now is what it will be.
        let kept = self.store.take_up(sender, id, upload.call);
        let kept = kept.ok_or_else(unknown_upload)?;
        if kept.request != upload.request {
            return Err(refusal_of(axle_store::StoreError::UploadConflict));
        }
        if kept.length != offset {
            let expected = kept.length;
            return Err(refusal_of(axle_store::StoreError::ChunkOutOfOrder {
                expected,
            }));
        }
        while upload.position < offset {
            let (sender, id) = (upload.sender(), upload.submission());
            let piece = self.store.uploaded(sender, id, upload.position).await;
            let piece = piece.map_err(refusal_of)?;
            if piece.is_empty() {
                return Err(unknown_upload());
            }
            upload.hasher.update(&piece);
            upload.position += piece.len() as u64;
        }
        upload.committed = offset;
        Ok(())
    }

    /// Takes the next chunk. It is durable once [`Uploading::committed`] has passed it.
    pub async fn add_chunk(
        &self,
        upload: &mut Uploading,
        offset: u64,
        data: &Bytes,
        crc32c: u32,
    ) -> Result<(), Refusal> {
        let expected = upload.position;
        if offset != expected {
            return Err(refusal_of(axle_store::StoreError::ChunkOutOfOrder {
                expected,
            }));
        }
        if crc32c::crc32c(data) != crc32c {
            return Err(Refusal::new(
                Reason::ChecksumMismatch,
                format!("the chunk at byte {offset} is not the one its CRC-32C was made of"),
                "ask GetUpload where to go on, and send it again",
            ));
        }
        if offset + data.len() as u64 > upload.size {
            return Err(wrong_size(upload.size, offset + data.len() as u64));
        }
        upload.hasher.update(data);
        upload.gathered.extend_from_slice(data);
        upload.position += data.len() as u64;
        if upload.gathered.len() >= PIECE_BYTES {
            self.keep(upload).await?;
        }
        Ok(())
    }

    /// Makes durable what was gathered.
    pub async fn keep(&self, upload: &mut Uploading) -> Result<(), Refusal> {
        if upload.gathered.is_empty() {
            return Ok(());
        }
        let chunk = Chunk {
            sender: upload.sender(),
            submission: upload.submission().clone(),
            request: upload.request,
            call: upload.call,
            offset: upload.committed,
            data: upload.gathered.split().freeze(),
            now: self.clock.now(),
        };
        let kept: Upload = self.store.append(chunk).await.map_err(refusal_of)?;
        upload.committed = kept.length;
        Ok(())
    }

    /// Completes an upload: accepts the document, or says why not.
    pub async fn finish_upload(&self, mut upload: Uploading) -> Result<Accepted, Refusal> {
        self.keep(&mut upload).await?;
        if upload.position != upload.size {
            return Err(wrong_size(upload.size, upload.position));
        }
        let (sender, id) = (upload.sender(), upload.submission().clone());
        let digest = std::mem::take(&mut upload.hasher).finish();
        if digest != upload.authorised.submission().digest {
            self.store.discard(sender, &id);
            return Err(Refusal::new(
                Reason::ChecksumMismatch,
                "header.sha256 is not the SHA-256 of the bytes that arrived",
                "begin again at offset 0; if it happens again, look for what changes the document",
            ));
        }
        let accepted = match self.decide_uploaded(upload).await {
            Ok(acceptance) => self.take_in(acceptance).await,
            Err(refusal) => Err(refusal),
        };
        // Kept only for another try: otherwise it is a message now, or never will be one.
        let may_pass = accepted
            .as_ref()
            .is_err_and(|refusal| refusal.reason.is_passing());
        if !may_pass {
            self.store.discard(sender, &id);
        }
        accepted
    }

    async fn decide_uploaded(&self, upload: Uploading) -> Result<Box<Acceptance>, Refusal> {
        let (view, now) = (self.view.load_full(), self.clock.now());
        let (size, call) = (upload.size, upload.call);
        let acceptance = if upload.authorised.submission().media_type.is_read() {
            let body = self.read_back(&upload).await?;
            let authorised = upload.authorised.with_body(body);
            let checked = validate(&view.snapshot, &authorised, now)?;
            self.acceptance(&view.snapshot, &checked, now).await?
        } else {
            let checked = unread(&upload.authorised, size, view.limits.document_bytes_max)?;
            self.acceptance(&view.snapshot, &checked, now).await?
        };
        Ok(Box::new(acceptance.uploaded(size, call)))
    }

    /// The whole document, for a kind that must be read to be checked.
    async fn read_back(&self, upload: &Uploading) -> Result<Bytes, Refusal> {
        let mut body = BytesMut::with_capacity(usize::try_from(upload.size).unwrap_or_default());
        while (body.len() as u64) < upload.size {
            let (sender, id) = (upload.sender(), upload.submission());
            let piece = self.store.uploaded(sender, id, body.len() as u64).await;
            let piece = piece.map_err(refusal_of)?;
            if piece.is_empty() {
                return Err(unknown_upload());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }

    /// How far one of the caller's own uploads has come.
    pub fn upload(&self, caller: &Identity, id: &SubmissionId) -> Result<Upload, Refusal> {
        let organisation = axle_core::authorise::organisation_of(caller)?;
        let upload = self.store.upload(organisation, id);
        upload.ok_or_else(unknown_upload)
    }

    /// Gives up uploads that nobody has added to for too long.
    pub(super) fn abandon_uploads(&self) {
        let idle = self.view.load().limits.upload_idle;
        let given_up = self.store.abandon(self.clock.now().before(idle));
        if given_up > 0 {
            tracing::warn!(given_up, "uploads that were never finished are given up");
        }
    }
}

fn unknown_upload() -> Refusal {
    refusal_of(axle_store::StoreError::UploadUnknown)
}

fn wrong_size(stated: u64, arrived: u64) -> Refusal {
    Refusal::new(
        Reason::SizeMismatch,
        format!("header.size_bytes says {stated} but {arrived} bytes arrived"),
        "send the whole document, and its length",
    )
}

fn unreadably_large(size: u64, most: usize) -> Refusal {
    Refusal::new(
        Reason::DocumentTooLarge,
        format!("the document has {size} bytes; of a kind that is checked, {most} are taken"),
        "send its large attachments apart, in a workflow for opaque payloads",
    )
}
