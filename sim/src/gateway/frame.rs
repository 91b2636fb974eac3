//! How a payload becomes a WebSocket message: text, or one zlib stream for the whole connection in which each
//! payload ends with a sync flush (Discord's `compress=zlib-stream`).

use axum::extract::ws::Message;
use flate2::{Compress, Compression, FlushCompress};

pub(crate) enum Framing {
    Text,
    ZlibStream(Box<Compress>),
}

impl Framing {
    /// From the `compress` parameter of the gateway address. Discord ignores values it does not know.
    pub(crate) fn named(compress: Option<&str>) -> Self {
        match compress {
            Some("zlib-stream") => Self::ZlibStream(Box::new(Compress::new(Compression::fast(), true))),
            _ => Self::Text,
        }
    }

    pub(crate) fn message(&mut self, payload: &str) -> Message {
        match self {
            Self::Text => Message::text(payload),
            Self::ZlibStream(stream) => Message::binary(deflate(stream, payload.as_bytes())),
        }
    }
}

fn deflate(stream: &mut Compress, input: &[u8]) -> Vec<u8> {
    let start = stream.total_in();
    let mut output = Vec::with_capacity(input.len() / 2 + 64);
    loop {
        let taken = usize::try_from(stream.total_in() - start).unwrap_or(input.len());
        let rest = input.get(taken..).unwrap_or_default();
        if stream.compress_vec(rest, &mut output, FlushCompress::Sync).is_err() {
            return output;
        }
        // Room left over means that the flush is complete.
        if output.len() < output.capacity() {
            return output;
        }
        output.reserve(input.len() / 2 + 64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_message_of_the_stream_can_be_read_as_it_comes() {
        let mut framing = Framing::named(Some("zlib-stream"));
        let mut inflater = flate2::write::ZlibDecoder::new(Vec::new());
        let long: String = (0..40_000).map(|n| char::from(b'a' + (n * n % 23) as u8)).collect();
        for payload in ["{}", "hello", &long, "again"] {
            let Message::Binary(bytes) = framing.message(payload) else { panic!("zlib frames are binary") };
            assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]), "each payload ends with a sync flush");
            inflater.get_mut().clear();
            inflater.write_all(&bytes).unwrap();
            inflater.flush().unwrap();
            assert_eq!(String::from_utf8_lossy(inflater.get_ref()), payload);
        }
    }
}
