//! Minecraft Java status: a handshake that asks for it, and a JSON text. Numbers are LEB128 of 32 bits.
//!
//! Written here and not taken from the query library, which reads until the server closes the connection:
//! a server that never does would hold the thread and fill the memory.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value as Json;

use super::{Answer, QueryError, bytes::Bytes, exchange::Stream, names, some};

/// Above what a status with the largest icon takes.
const MAX_STATUS: usize = 256 * 1024;

pub(super) fn ask(address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    let mut stream = Stream::open(address, timeout)?;
    stream.send(&request(address))?;
    let length = read_length(|| Ok(stream.take(1)?.first().copied().unwrap_or_default()))?;
    decode(&stream.take(length)?)
}

/// Handshake (protocol -1: "only asking"; next state 1: status) and status request.
fn request(address: SocketAddr) -> Vec<u8> {
    let host = address.ip().to_string();
    let mut handshake = vec![0];
    handshake.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    // An address is at most 45 characters, so its length is one byte.
    handshake.push(host.len() as u8);
    handshake.extend(host.bytes());
    handshake.extend(address.port().to_be_bytes());
    handshake.push(1);
    let mut packets = vec![handshake.len() as u8];
    packets.extend(handshake);
    packets.extend([1, 0]);
    packets
}

fn read_length(mut next: impl FnMut() -> Result<u8, QueryError>) -> Result<usize, QueryError> {
    let mut length = 0_usize;
    for shift in [0, 7, 14, 21, 28] {
        let byte = next()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return if length <= MAX_STATUS {
                Ok(length)
            } else {
                Err(QueryError::Malformed("it is too large"))
            };
        }
    }
    Err(QueryError::Malformed("it is no Minecraft server"))
}

fn decode(packet: &[u8]) -> Result<Answer, QueryError> {
    let mut bytes = Bytes::new(packet);
    bytes.expect(&[0], "it is another packet")?;
    let length = read_length(|| bytes.u8())?;
    let status: Json = serde_json::from_slice(bytes.take(length)?)
        .map_err(|_| QueryError::Malformed("its status is not JSON"))?;
    let players = status.get("players");
    let count =
        |key| players.and_then(|players| players.get(key)?.as_u64()).and_then(|n| u32::try_from(n).ok());
    let sample = players.and_then(|players| players.get("sample")?.as_array()).map_or(&[][..], Vec::as_slice);
    let mut title = String::new();
    append_text(status.get("description").unwrap_or(&Json::Null), &mut title);
    Ok(Answer {
        players: count("online"),
        max: count("max"),
        names: names(sample.iter().filter_map(|player| player.get("name")?.as_str())),
        version: status.pointer("/version/name").and_then(Json::as_str).and_then(some),
        title: some(&without_formatting(&title)),
    })
}

/// A chat component's text and that of its parts. The JSON reader bounds how deep they nest.
fn append_text(component: &Json, text: &mut String) {
    match component {
        Json::String(plain) => text.push_str(plain),
        Json::Array(parts) => parts.iter().for_each(|part| append_text(part, text)),
        Json::Object(map) => {
            for key in ["text", "extra"] {
                append_text(map.get(key).unwrap_or(&Json::Null), text);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// `§` and the character behind it set colour and style.
fn without_formatting(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '§' => drop(characters.next()),
            // A description may be two lines; the second would otherwise stick to the first.
            '\n' => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_status_is_read() {
        let json = r#"{"version":{"name":"1.21.4"},"players":{"max":5,"online":1,"sample":[{"name":"Alex"}]},
            "description":{"text":"§aHi","extra":["\n",{"text":"there"}]}}"#;
        let mut packet = vec![0, 0x80 | (json.len() & 0x7f) as u8, (json.len() >> 7) as u8];
        packet.extend(json.bytes());
        let answer = decode(&packet).expect("a status");
        assert_eq!(answer.title.as_deref(), Some("Hi there"));
        assert_eq!((answer.players, answer.max), (Some(1), Some(5)));
        assert_eq!(answer.names, ["Alex"]);
        assert_eq!(answer.version.as_deref(), Some("1.21.4"));
    }

    proptest! {
        #[test]
        fn no_packet_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn no_json_panics(json in "[\\[\\]{}\",:a-z0-9§]{0,120}") {
            let mut packet = vec![0, json.len().min(127) as u8];
            packet.extend(json.bytes());
            let _ = decode(&packet);
        }
    }
}
