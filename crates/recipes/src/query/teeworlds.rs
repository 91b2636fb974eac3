//! Teeworlds 0.7: connectionless packets carry two tokens, so that nobody can ask in another's name. First
//! the server's token is asked for, then the server info.

use std::{
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    time::Duration,
};

use super::{Answer, QueryError, bytes::Bytes, exchange::Datagrams, names, some};

/// The header's flags stand above its two lowest bits: control (1) and connectionless (8), the latter with
/// the header's version, 1, in those two bits.
const CONTROL: u8 = 1 << 2;
const CONNECTIONLESS: u8 = 8 << 2 | 1;

const CONTROL_TOKEN: u8 = 5;
const NO_TOKEN: [u8; 4] = [0xff; 4];

/// A token request is filled up to this, so that the answer is never larger than the question.
const TOKEN_REQUEST: usize = 512;

const GET_INFO: &[u8; 8] = b"\xff\xff\xff\xffgie3";
const INFO: &[u8; 8] = b"\xff\xff\xff\xffinf3";

pub(super) fn ask(address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    let socket = Datagrams::open(address, timeout)?;
    // The hasher's keys are random for each of them; all ones means "no token".
    let mine = (RandomState::new().hash_one(address) as u32 & 0x7fff_ffff).to_be_bytes();
    let theirs = socket.ask(&[&token_request(mine)], |datagram| token(datagram, mine).ok())?;
    socket.ask(&[&info_request(mine, theirs)], |datagram| match decode(datagram, mine) {
        Err(QueryError::Malformed(OTHER)) => None,
        decoded => Some(decoded),
    })?
}

const OTHER: &str = "it is another packet";

fn token_request(mine: [u8; 4]) -> Vec<u8> {
    let mut packet = vec![CONTROL, 0, 0];
    packet.extend(NO_TOKEN);
    packet.push(CONTROL_TOKEN);
    packet.extend(mine);
    // The header does not count.
    packet.resize(7 + 1 + TOKEN_REQUEST, 0);
    packet
}

fn token(packet: &[u8], mine: [u8; 4]) -> Result<[u8; 4], QueryError> {
    let mut bytes = Bytes::new(packet);
    if bytes.u8()? & 0xfc != CONTROL {
        return Err(QueryError::Malformed(OTHER));
    }
    bytes.take(2)?;
    bytes.expect(&mine, OTHER)?;
    bytes.expect(&[CONTROL_TOKEN], OTHER)?;
    let mut token = [0; 4];
    token.copy_from_slice(bytes.take(4)?);
    Ok(token)
}

fn info_request(mine: [u8; 4], theirs: [u8; 4]) -> Vec<u8> {
    let mut packet = vec![CONNECTIONLESS];
    packet.extend(theirs);
    packet.extend(mine);
    packet.extend(GET_INFO);
    // A number that the answer repeats; the tokens make it needless.
    packet.push(0);
    packet
}

fn decode(packet: &[u8], mine: [u8; 4]) -> Result<Answer, QueryError> {
    let mut bytes = Bytes::new(packet);
    bytes.expect(&[CONNECTIONLESS], OTHER)?;
    bytes.expect(&mine, OTHER)?;
    bytes.take(4)?;
    bytes.expect(INFO, OTHER)?;
    let _repeated = integer(&mut bytes)?;
    let version = text(&mut bytes)?;
    let title = text(&mut bytes)?;
    let (_host, _map, _game_type) = (text(&mut bytes)?, text(&mut bytes)?, text(&mut bytes)?);
    let (_flags, _skill) = (integer(&mut bytes)?, integer(&mut bytes)?);
    let (_playing, _slots) = (integer(&mut bytes)?, integer(&mut bytes)?);
    // Clients are players and watchers together.
    let (clients, most) = (integer(&mut bytes)?, integer(&mut bytes)?);
    let mut listed = Vec::new();
    while !bytes.is_empty() && listed.len() < super::MAX_NAMES {
        listed.push(text(&mut bytes)?);
        let _clan = text(&mut bytes)?;
        let (_country, _score, _kind) = (integer(&mut bytes)?, integer(&mut bytes)?, integer(&mut bytes)?);
    }
    Ok(Answer {
        players: u32::try_from(clients).ok(),
        max: u32::try_from(most).ok(),
        names: names(listed.iter().map(String::as_str)),
        version: some(&version),
        title: some(&title),
    })
}

fn text(bytes: &mut Bytes<'_>) -> Result<String, QueryError> {
    Ok(String::from_utf8_lossy(bytes.until_zero()?).into_owned())
}

/// Teeworlds' own variable-length integer: the first byte has "more", the sign and six bits, the others
/// "more" and seven bits; five bytes at most.
fn integer(bytes: &mut Bytes<'_>) -> Result<i32, QueryError> {
    let first = bytes.u8()?;
    let mut value = i32::from(first & 0x3f);
    let mut more = first & 0x80 != 0;
    for shift in [6, 13, 20, 27] {
        if !more {
            break;
        }
        let byte = bytes.u8()?;
        value |= i32::from(byte & 0x7f).wrapping_shl(shift);
        more = byte & 0x80 != 0;
    }
    Ok(if first & 0x40 == 0 { value } else { !value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(value: i32) -> Vec<u8> {
        let (sign, mut rest) = if value < 0 { (0x40, !value) } else { (0, value) };
        let mut bytes = vec![sign | (rest & 0x3f) as u8];
        rest >>= 6;
        while rest != 0 {
            *bytes.last_mut().expect("one byte") |= 0x80;
            bytes.push((rest & 0x7f) as u8);
            rest >>= 7;
        }
        bytes
    }

    proptest! {
        #[test]
        fn integers_come_back(value in any::<i32>()) {
            prop_assert_eq!(integer(&mut Bytes::new(&packed(value))).expect("an integer"), value);
        }

        #[test]
        fn no_packet_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mine = [1, 2, 3, 4];
            let _ = (token(&bytes, mine), decode(&bytes, mine));
            let prefix = [&[CONNECTIONLESS], mine.as_slice(), &[0; 4], INFO].concat();
            let _ = decode(&[prefix.as_slice(), &bytes].concat(), mine);
        }

        #[test]
        fn players_come_back(players in proptest::collection::vec("[a-z]{1,15}", 0..16)) {
            let mine = [1, 2, 3, 4];
            let mut packet = [&[CONNECTIONLESS], mine.as_slice(), &[0; 4], INFO, &[0]].concat();
            for text in ["0.7.5", "A name", "", "dm1", "DM"] {
                packet.extend(text.bytes().chain([0]));
            }
            let count = i32::try_from(players.len()).expect("few");
            for number in [0, 0, count, 16, count, 16] {
                packet.extend(packed(number));
            }
            for player in &players {
                packet.extend(player.bytes().chain([0, 0]));
                packet.extend([packed(-1), packed(7), packed(0)].concat());
            }
            let answer = decode(&packet, mine).expect("an answer");
            prop_assert_eq!(answer.players, Some(players.len() as u32));
            prop_assert_eq!(answer.names, players);
        }
    }
}
