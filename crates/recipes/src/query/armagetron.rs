//! Armagetron Advanced: one datagram asks for the "big server info", one answers; a server without players
//! naps and takes a second or two. Messages are a descriptor,
//! a message id, a length in 16-bit words and the words, big-endian; a number is two words, the low one
//! first; a text is its length with the final zero and then its bytes, with each pair of them swapped.

use std::{net::SocketAddr, time::Duration};

use super::{Answer, QueryError, bytes::Bytes, exchange::Datagrams, names, some};

/// Descriptor, message 0, no words, and the sender's id, which strangers do not have.
const SMALL_REQUEST: [u8; 8] = [0, 52, 0, 0, 0, 0, 0, 0];
const BIG_REQUEST: [u8; 8] = [0, 53, 0, 0, 0, 0, 0, 0];

const BIG_SERVER_INFO: u16 = 51;

pub(super) fn ask(address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    let socket = Datagrams::open(address, timeout)?;
    // A server that is on no public list answers the big request only after a small one.
    socket.ask(&[&SMALL_REQUEST, &BIG_REQUEST], |datagram| match decode(datagram) {
        Err(QueryError::Malformed(OTHER)) => None,
        decoded => Some(decoded),
    })?
}

const OTHER: &str = "it is another message";

fn decode(datagram: &[u8]) -> Result<Answer, QueryError> {
    let mut bytes = Bytes::new(datagram);
    if bytes.u16()? != BIG_SERVER_INFO {
        return Err(QueryError::Malformed(OTHER));
    }
    let _message = bytes.u16()?;
    let _words = bytes.u16()?;
    let _port = number(&mut bytes)?;
    let _address = text(&mut bytes)?;
    let title = text(&mut bytes)?;
    let players = number(&mut bytes)?;
    let _versions = (number(&mut bytes)?, number(&mut bytes)?);
    let version = text(&mut bytes)?;
    let max = number(&mut bytes)?;
    let list = text(&mut bytes)?;
    let list: Vec<String> = list.lines().map(without_colours).collect();
    Ok(Answer {
        players: Some(players),
        max: Some(max),
        names: names(list.iter().map(String::as_str)),
        version: some(&version),
        title: some(&without_colours(&title)),
    })
}

fn number(bytes: &mut Bytes<'_>) -> Result<u32, QueryError> {
    let low = u32::from(bytes.u16()?);
    Ok(u32::from(bytes.u16()?) << 16 | low)
}

fn text(bytes: &mut Bytes<'_>) -> Result<String, QueryError> {
    let length = usize::from(bytes.u16()?);
    let mut text: Vec<u8> = bytes.take(length.div_ceil(2) * 2)?.to_vec();
    for pair in text.chunks_exact_mut(2) {
        pair.swap(0, 1);
    }
    text.truncate(length);
    while text.last() == Some(&0) {
        text.pop();
    }
    // The game's texts are Latin-1.
    Ok(text.into_iter().map(char::from).collect())
}

/// `0xRRGGBB` and `0xRESETT` set the colour of what follows.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        plain.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 8);
        let colour = code.is_some_and(|code| code == "RESETT" || code.bytes().all(|b| b.is_ascii_hexdigit()));
        if colour {
            rest = &rest[at + 8..];
        } else {
            plain.push_str("0x");
            rest = &rest[at + 2..];
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put_number(message: &mut Vec<u8>, number: u32) {
        let [a, b, c, d] = number.to_be_bytes();
        message.extend([c, d, a, b]);
    }

    fn put_text(message: &mut Vec<u8>, text: &str) {
        let mut bytes: Vec<u8> = text.bytes().chain([0]).collect();
        message.extend(u16::try_from(bytes.len()).expect("short").to_be_bytes());
        bytes.resize(bytes.len().div_ceil(2) * 2, 0);
        message.extend(bytes.chunks(2).flat_map(|pair| [pair[1], pair[0]]));
    }

    fn message(title: &str, players: &[String]) -> Vec<u8> {
        let mut message = vec![0, 51, 0, 1, 0, 0];
        put_number(&mut message, 4534);
        put_text(&mut message, "10.0.0.1");
        put_text(&mut message, title);
        put_number(&mut message, u32::try_from(players.len()).expect("few"));
        put_number(&mut message, 0);
        put_number(&mut message, 21);
        put_text(&mut message, "0.2.9.1.1");
        put_number(&mut message, 70_000);
        put_text(&mut message, &players.join("\n"));
        message
    }

    #[test]
    fn an_answer_is_read() {
        let answer =
            decode(&message("0xff0000Red0xRESETT 0xzz", &["Ann".to_owned(), "0x00ff00Bob".to_owned()]))
                .expect("an answer");
        assert_eq!(answer.title.as_deref(), Some("Red 0xzz"));
        assert_eq!(answer.names, ["Ann", "Bob"]);
        assert_eq!((answer.players, answer.max), (Some(2), Some(70_000)));
    }

    proptest! {
        #[test]
        fn no_datagram_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let _ = decode(&[&[0, 51], bytes.as_slice()].concat());
        }

        #[test]
        fn a_cut_answer_is_refused(title in "[a-z]{0,20}", cut in 0usize..60) {
            let whole = message(&title, &[]);
            let cut = cut.min(whole.len() - 2);
            prop_assert!(decode(&whole[..cut]).is_err());
        }
    }
}
