//! Uploads: documents that arrive piece by piece. Nothing of one is visible to a recipient before
//! the change that accepts its message; what is durable of it is told to its sender alone.

use std::collections::BTreeMap;

use axle_core::message::Message;
use axle_model::{digest::Digest, id::SubmissionId, ods::OdsCode, time::Timestamp};

use super::{Half, MessageKeys, State, holdings::Holdings};
use crate::{Chunk, StoreError, Upload};

/// Where a body is: whole, or in the pieces of an upload.
pub(crate) trait Body: Clone {
    /// One piece.
    type Piece: Piece;
    /// The body of an upload's pieces, in their order.
    fn of(pieces: Vec<Self::Piece>) -> Self;
    /// Its pieces.
    fn pieces(&self) -> &[Self::Piece];
}

/// A piece of a body.
pub(crate) trait Piece: Clone + std::fmt::Debug {
    /// The segment of the journal it is in, where there is one.
    fn segment(&self) -> Option<u32>;
}

/// A document under way.
#[derive(Clone, Debug)]
pub(crate) struct Uploading<P> {
    pub(crate) sender: OdsCode,
    /// What the submission is, for telling a resumption from another document.
    pub(crate) request: Digest,
    /// Its pieces and where each ends.
    pub(crate) pieces: Vec<(u64, P)>,
    /// When the newest came.
    pub(crate) time: Timestamp,
    /// The call that may add to it; none after a start, until one takes it up.
    call: Option<u64>,
}

/// The documents under way.
#[derive(Debug)]
pub(crate) struct Uploads<P> {
    open: BTreeMap<Half, Uploading<P>>,
    /// Those whose next piece is on its way to the disk.
    reserved: Vec<Half>,
    /// Those whose message is on its way to the disk: nobody may give up what it is made of.
    becoming: Vec<Half>,
    /// What the index does not have yet: first what it must forget, then what came.
    ended: Vec<Half>,
    fresh: Vec<(Half, u64)>,
}

/// What the index must follow.
#[derive(Clone, Debug)]
pub(crate) struct ChangedUploads<P> {
    pub(crate) ended: Vec<Half>,
    pub(crate) pieces: Vec<StoredPiece<P>>,
}

/// One piece, with all that must be known to take its upload up again.
#[derive(Clone, Debug)]
pub(crate) struct StoredPiece<P> {
    pub(crate) key: Half,
    pub(crate) sender: OdsCode,
    pub(crate) request: Digest,
    /// Where it begins and ends in the document.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) piece: P,
    pub(crate) time: Timestamp,
    /// The call that sent it, which no restart remembers.
    pub(crate) call: Option<u64>,
}

impl<P> Default for Uploads<P> {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
            reserved: Vec::new(),
            becoming: Vec::new(),
            ended: Vec::new(),
            fresh: Vec::new(),
        }
    }
}

impl<P> StoredPiece<P> {
    /// A chunk that is durable at `piece`.
    pub(crate) const fn of(key: Half, chunk: &Chunk, piece: P) -> Self {
        Self {
            key,
            sender: chunk.sender,
            request: chunk.request,
            start: chunk.offset,
            end: chunk.offset + chunk.data.len() as u64,
            piece,
            time: chunk.now,
            call: Some(chunk.call),
        }
    }
}

impl<P> Uploading<P> {
    /// How much of it is durable.
    pub(crate) fn length(&self) -> u64 {
        self.pieces.last().map_or(0, |&(end, _)| end)
    }

    /// The piece that holds the byte at `offset`, and which of its bytes that is.
    pub(crate) fn piece(&self, offset: u64) -> Option<(P, u64)>
    where
        P: Clone,
    {
        let at = self.pieces.partition_point(|&(end, _)| end <= offset);
        let start = match at.checked_sub(1).and_then(|before| self.pieces.get(before)) {
            Some(&(end, _)) => end,
            None => 0,
        };
        let (_, piece) = self.pieces.get(at)?;
        Some((piece.clone(), offset - start))
    }
}

impl<P: Piece> Uploads<P> {
    /// The key of a sender's upload.
    pub(crate) fn key(sender: OdsCode, submission: &SubmissionId) -> Half {
        MessageKeys::submission(sender, submission)
    }

    /// A document under way.
    pub(crate) fn get(&self, key: &Half) -> Option<&Uploading<P>> {
        self.open.get(key)
    }

    /// What a sender is told of it.
    pub(crate) fn state(&self, key: &Half) -> Option<Upload> {
        let upload = self.open.get(key)?;
        Some(Upload {
            request: upload.request,
            length: upload.length(),
            time: upload.time,
        })
    }

    /// Lets this call go on with an upload, and no other.
    pub(crate) fn take_up(&mut self, key: &Half, call: u64) -> Option<Upload> {
        self.open.get_mut(key)?.call = Some(call);
        self.state(key)
    }

    /// The pieces of an upload of this call that is to become `message`, when it is all there.
    pub(crate) fn whole(
        &self,
        key: &Half,
        message: &Message,
        call: u64,
    ) -> Result<Vec<P>, StoreError> {
        let upload = self.open.get(key);
        let upload = upload
            .filter(|one| one.request == message.request && one.length() == message.size)
            .filter(|one| one.call == Some(call))
            .ok_or(StoreError::UploadUnknown)?;
        let pieces = upload.pieces.iter().map(|(_, piece)| piece.clone());
        Ok(pieces.collect())
    }

    /// Whether a piece follows what is there; if so, the next one waits until this one is taken or
    /// [released](Self::release_all). A piece at the very beginning begins anew.
    pub(crate) fn reserve(&mut self, chunk: &Chunk, most: usize) -> Result<Half, StoreError> {
        let key = Self::key(chunk.sender, &chunk.submission);
        let upload = self.open.get(&key);
        let expected = upload.map_or(0, Uploading::length);
        if self.reserved.contains(&key) || (chunk.offset != 0 && chunk.offset != expected) {
            return Err(StoreError::ChunkOutOfOrder { expected });
        }
        match upload {
            Some(upload) if chunk.offset != 0 && upload.request != chunk.request => {
                return Err(StoreError::UploadConflict);
            }
            Some(upload) if chunk.offset != 0 && upload.call != Some(chunk.call) => {
                return Err(StoreError::ChunkOutOfOrder { expected });
            }
            Some(_) => {}
            None => {
                let own = self.open.values().filter(|one| one.sender == chunk.sender);
                if own.count() >= most {
                    return Err(StoreError::UploadsFull { most });
                }
            }
        }
        self.reserved.push(key);
        Ok(key)
    }

    /// Whether an upload is still in these pieces, in which its message was decided on; if so, nobody
    /// gives it up until the message is taken or [released](Self::release_all).
    pub(crate) fn complete(&mut self, key: Half, pieces: &[P]) -> Result<(), StoreError>
    where
        P: PartialEq,
    {
        let upload = self.open.get(&key).ok_or(StoreError::UploadUnknown)?;
        if !upload.pieces.iter().map(|(_, piece)| piece).eq(pieces) {
            return Err(StoreError::UploadUnknown);
        }
        self.becoming.push(key);
        Ok(())
    }

    /// Ends every reservation.
    pub(super) fn release_all(&mut self) {
        self.reserved.clear();
        self.becoming.clear();
    }

    /// Takes a piece that is durable now. One that does not follow, which only a replay of what was
    /// abandoned meets, is passed over.
    pub(super) fn take(&mut self, new: StoredPiece<P>, holdings: &mut Holdings) {
        if new.start == 0 {
            self.end(&new.key, holdings);
        }
        let upload = self.open.entry(new.key).or_insert_with(|| Uploading {
            sender: new.sender,
            request: new.request,
            pieces: Vec::new(),
            time: new.time,
            call: new.call,
        });
        if upload.length() == new.start && upload.request == new.request {
            if let Some(segment) = new.piece.segment() {
                holdings.hold(segment);
            }
            upload.pieces.push((new.end, new.piece));
            upload.time = new.time;
            self.fresh.push((new.key, new.start));
        }
        if self
            .open
            .get(&new.key)
            .is_some_and(|one| one.pieces.is_empty())
        {
            self.open.remove(&new.key);
        }
    }

    /// The upload is a message now, or is given up.
    pub(super) fn end(&mut self, key: &Half, holdings: &mut Holdings) {
        if let Some(upload) = self.open.remove(key) {
            for segment in upload
                .pieces
                .iter()
                .filter_map(|(_, piece)| piece.segment())
            {
                holdings.release(segment, upload.time);
            }
            self.ended.push(*key);
            self.fresh.retain(|(fresh, _)| fresh != key);
        }
    }

    /// Gives up what nobody has added to since; how many that were.
    pub(super) fn abandon(&mut self, before: Timestamp, holdings: &mut Holdings) -> usize {
        let old: Vec<Half> = self
            .open
            .iter()
            .filter(|(key, upload)| {
                let awaited = self.reserved.contains(key) || self.becoming.contains(key);
                upload.time < before && !awaited
            })
            .map(|(&key, _)| key)
            .collect();
        for key in &old {
            self.end(key, holdings);
        }
        old.len()
    }

    /// What changed since this was last asked, for the index.
    pub(super) fn take_changed(&mut self) -> ChangedUploads<P> {
        let mut pieces = Vec::new();
        for (key, start) in std::mem::take(&mut self.fresh) {
            let Some(upload) = self.open.get(&key) else {
                continue;
            };
            let at = upload.pieces.partition_point(|&(end, _)| end <= start);
            if let Some((end, piece)) = upload.pieces.get(at) {
                pieces.push(StoredPiece {
                    key,
                    sender: upload.sender,
                    request: upload.request,
                    start,
                    end: *end,
                    piece: piece.clone(),
                    time: upload.time,
                    call: None,
                });
            }
        }
        ChangedUploads {
            ended: std::mem::take(&mut self.ended),
            pieces,
        }
    }

    /// What was taken from the index need not be written there again.
    pub(super) fn settle_in(&mut self) {
        self.fresh.clear();
        self.ended.clear();
    }
}

impl<B: Body> State<B> {
    /// Takes a piece that is durable now.
    pub(crate) fn take_piece(&mut self, piece: StoredPiece<B::Piece>) {
        self.uploads.take(piece, &mut self.holdings);
    }

    /// Gives an upload up, unless it is just becoming a message.
    pub(crate) fn end_upload(&mut self, key: &Half) {
        if !self.uploads.becoming.contains(key) {
            self.uploads.end(key, &mut self.holdings);
        }
    }

    /// Gives up what nobody has added to since; how many uploads that were.
    pub(crate) fn abandon(&mut self, before: Timestamp) -> usize {
        self.uploads.abandon(before, &mut self.holdings)
    }
}

impl<P> ChangedUploads<P> {
    /// Whether nothing did.
    pub(crate) fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.pieces.is_empty()
    }
}

#[cfg(test)]
mod tests;
