//! The codec of every method: Protocol Buffers, in buffers that most documents fit into.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// A buffer holds a few documents of 16 KiB. One that is too small is made anew for each document, and
/// what is in it already is copied over.
const BUFFER_BYTES: usize = 64 * 1024;
/// So much is handed on to the connection at a time.
const HANDED_ON_BYTES: usize = 32 * 1024;

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
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(buffers())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::raw_decoder(buffers())
    }
}
