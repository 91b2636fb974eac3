//! Luanti: the low-level handshake. A stranger's first reliable packet is answered with a peer number; the
//! protocol tells nothing about players before a login.

use std::{net::SocketAddr, time::Duration};

use super::{Answer, QueryError, bytes::Bytes, exchange::Datagrams};

const PROTOCOL: [u8; 4] = [0x4f, 0x45, 0x74, 0x03];

pub(super) fn ask(address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    let socket = Datagrams::open(address, timeout)?;
    let peer = socket.ask(&[&greeting()], |datagram| peer(datagram).ok())?;
    // Without a goodbye the server would keep the peer until it times out.
    socket.send(&goodbye(peer))?;
    Ok(Answer::default())
}

/// Peer 0, channel 0, reliable, first sequence number, and an original packet with nothing in it.
fn greeting() -> Vec<u8> {
    [PROTOCOL.as_slice(), &[0, 0, 0, 3, 0xff, 0xdc, 1]].concat()
}

/// A control packet that disconnects.
fn goodbye(peer: u16) -> Vec<u8> {
    let [high, low] = peer.to_be_bytes();
    [PROTOCOL.as_slice(), &[high, low, 0, 0, 3]].concat()
}

/// The number given to us: reliable, then control, then "set peer id".
fn peer(datagram: &[u8]) -> Result<u16, QueryError> {
    let mut bytes = Bytes::new(datagram);
    bytes.expect(&PROTOCOL, "it is no Luanti server")?;
    bytes.take(3)?;
    bytes.expect(&[3], "it is another packet")?;
    bytes.take(2)?;
    bytes.expect(&[0, 1], "it is another packet")?;
    bytes.u16()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_number_is_read() {
        let datagram = [PROTOCOL.as_slice(), &[0, 1, 0, 3, 0xff, 0xdc, 0, 1, 0, 7]].concat();
        assert_eq!(peer(&datagram).expect("a number"), 7);
    }

    proptest! {
        #[test]
        fn no_datagram_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = peer(&bytes);
            let _ = peer(&[PROTOCOL.as_slice(), &bytes].concat());
        }
    }
}
