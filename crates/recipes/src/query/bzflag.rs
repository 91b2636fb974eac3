//! BZFlag 2.4: after a greeting, messages of length, code and content, all big-endian. `qg` asks for the
//! game's settings, `qp` for its players, who then come as one `ap` message each.

use std::{net::SocketAddr, time::Duration};

use super::{
    Answer, QueryError,
    bytes::{Bytes, padded},
    exchange::Stream,
    names, some,
};

const QUERY_GAME: u16 = u16::from_be_bytes(*b"qg");
const QUERY_PLAYERS: u16 = u16::from_be_bytes(*b"qp");
const ADD_PLAYER: u16 = u16::from_be_bytes(*b"ap");

/// A server holds at most 200 players and sends few other messages in between.
const MAX_MESSAGES: usize = 500;

pub(super) fn ask(address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    let mut stream = Stream::open(address, timeout)?;
    stream.send(b"BZFLAG\r\n\r\n")?;
    let version = greeting(&stream.take(9)?)?;
    stream.send(&request(QUERY_GAME))?;
    let max = game(&await_message(&mut stream, QUERY_GAME)?)?;
    stream.send(&request(QUERY_PLAYERS))?;
    let count = player_count(&await_message(&mut stream, QUERY_PLAYERS)?)?;
    let mut callsigns = Vec::new();
    for _ in 0..count {
        callsigns.push(callsign(&await_message(&mut stream, ADD_PLAYER)?)?);
    }
    Ok(Answer {
        players: Some(count.into()),
        max: Some(max.into()),
        names: names(callsigns.iter().map(String::as_str)),
        version: some(&version),
        title: None,
    })
}

fn request(code: u16) -> [u8; 4] {
    let [high, low] = code.to_be_bytes();
    [0, 0, high, low]
}

fn await_message(stream: &mut Stream, wanted: u16) -> Result<Vec<u8>, QueryError> {
    for _ in 0..MAX_MESSAGES {
        let mut header = [0; 4];
        header.copy_from_slice(&stream.take(4)?);
        let [length_high, length_low, code_high, code_low] = header;
        let content = stream.take(u16::from_be_bytes([length_high, length_low]).into())?;
        if u16::from_be_bytes([code_high, code_low]) == wanted {
            return Ok(content);
        }
    }
    Err(QueryError::Malformed("it says much, but not what was asked"))
}

/// The protocol's version, such as `0221`. The last byte is the number given to us, 255 when refused.
fn greeting(bytes: &[u8]) -> Result<String, QueryError> {
    let mut bytes = Bytes::new(bytes);
    bytes.expect(b"BZFS", "it is no BZFlag server")?;
    let version = String::from_utf8_lossy(bytes.take(4)?).into_owned();
    if bytes.u8()? == 255 { Err(QueryError::Refused) } else { Ok(version) }
}

/// How many players fit. Style and options stand before it.
fn game(content: &[u8]) -> Result<u16, QueryError> {
    let mut bytes = Bytes::new(content);
    bytes.take(4)?;
    bytes.u16()
}

/// How many players there are. The number of teams stands before it.
fn player_count(content: &[u8]) -> Result<u16, QueryError> {
    let mut bytes = Bytes::new(content);
    bytes.take(2)?;
    match bytes.u16()? {
        count if count <= 255 => Ok(count),
        _ => Err(QueryError::Malformed("it counts more players than its protocol can number")),
    }
}

/// Number, type, team and three scores stand before the name, which is 32 bytes filled up with zeros.
fn callsign(content: &[u8]) -> Result<String, QueryError> {
    let mut bytes = Bytes::new(content);
    bytes.take(1 + 5 * 2)?;
    Ok(padded(bytes.take(32)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (greeting(&bytes), game(&bytes), player_count(&bytes), callsign(&bytes));
        }

        #[test]
        fn a_name_comes_back(name in "[ -~]{1,31}") {
            let mut content = vec![0; 11];
            content.extend_from_slice(name.as_bytes());
            content.resize(11 + 32 + 128, 0);
            prop_assert_eq!(callsign(&content).expect("an ap message"), name);
        }
    }
}
