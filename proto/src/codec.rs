//! The codec of every method: Protocol Buffers, in buffers that most documents fit into.

use std::marker::PhantomData;

use prost::{DecodeError, Message, bytes::Buf as _};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// A buffer has room for a few documents of 16 KiB. One that is too small is made anew for each document, and
/// what is in it already is copied over.
const BUFFER_BYTES: usize = 64 * 1024;
/// So much is handed on to the connection at a time: three documents of 16 KiB. What is left of the buffer then has
/// no room for a fourth, so that none is begun there and moved.
const HANDED_ON_BYTES: usize = 48 * 1024;

/// Encodes `T` and decodes `U`.
#[derive(Debug)]
pub(crate) struct DocumentCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for DocumentCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

fn buffers() -> BufferSettings {
    BufferSettings::new(BUFFER_BYTES, HANDED_ON_BYTES)
}

impl<T, U> Codec for DocumentCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = DocumentEncoder<T>;
    type Decoder = DocumentDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        DocumentEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        DocumentDecoder(PhantomData)
    }
}

/// Encodes into a buffer that has room for all of it: one that grows behind the document is copied
/// with the document.
#[derive(Debug)]
pub(crate) struct DocumentEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for DocumentEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.encoded_len());
        // There is room now, so this cannot fail.
        item.encode_raw(buffer);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

/// Decodes what fits into the buffer so that nothing of it stays there: a document would otherwise keep
/// all of the buffer for as long as it is kept itself, and the next ones would need another.
#[derive(Debug)]
pub(crate) struct DocumentDecoder<T>(PhantomData<T>);

impl<T: Message + Default> Decoder for DocumentDecoder<T> {
    type Item = T;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<T>, Status> {
        let length = buffer.remaining();
        let decoded = match buffer.chunk() {
            all if all.len() == length && length <= BUFFER_BYTES => {
                let decoded = T::decode(all);
                buffer.advance(length);
                decoded
            }
            _ => T::decode(buffer),
        };
        let malformed = |error: DecodeError| Status::internal(error.to_string());
        decoded.map(Some).map_err(malformed)
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use bytes::Bytes;
    use http_body_util::Full;
    use tonic::{Status, Streaming};

    use super::*;

    /// As they come over the wire, together.
    fn framed(documents: &[Bytes]) -> Bytes {
        let mut frame = Vec::new();
        for document in documents {
            let message = document.encode_to_vec();
            frame.push(0);
            frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            frame.extend(message);
        }
        frame.into()
    }

    /// The next of a stream whose bytes are all there.
    fn next(stream: &mut Streaming<Bytes>) -> Option<Bytes> {
        let message: Poll<Result<_, Status>> =
            pin!(stream.message()).poll(&mut Context::from_waker(Waker::noop()));
        match message {
            Poll::Ready(message) => message.unwrap(),
            Poll::Pending => panic!("it waits for bytes that nobody sends"),
        }
    }

    #[test]
    fn documents_that_came_together_are_kept_apart() {
        let documents = [1, 2, 3].map(|byte| Bytes::from(vec![byte; 16 << 10]));
        let decoder = DocumentCodec::<(), Bytes>::default().decoder();
        let body = Full::new(framed(&documents));
        let mut stream = Streaming::new_request(decoder, body, None, None);
        let mut kept: Vec<Bytes> = Vec::new();
        while let Some(document) = next(&mut stream) {
            kept.push(document);
        }
        assert_eq!(kept, documents);
        assert!(kept.iter().all(Bytes::is_unique));
    }
}
