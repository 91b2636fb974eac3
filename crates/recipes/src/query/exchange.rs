//! The sockets: a deadline for the whole exchange, and bounds on what is read.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

/// The largest datagram there is.
const MAX_DATAGRAM: usize = 65_535;

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")) } else { Ok(left) }
}

/// A conversation over UDP with one address.
pub(super) struct Datagrams {
    socket: UdpSocket,
    deadline: Instant,
}

impl Datagrams {
    pub(super) fn open(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let any: SocketAddr = if address.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any)?;
        // Connected, so that only this address is heard, and a closed port is an error instead of silence.
        socket.connect(address)?;
        Ok(Self { socket, deadline: Instant::now() + timeout })
    }

    pub(super) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.socket.send(datagram).map(drop)
    }

    /// The first datagram that `wanted` accepts; the requests are sent again every half second until then,
    /// because datagrams get lost.
    pub(super) fn ask<T>(
        &self,
        requests: &[&[u8]],
        mut wanted: impl FnMut(&[u8]) -> Option<T>,
    ) -> io::Result<T> {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let send = || requests.iter().try_for_each(|request| self.send(request));
        send()?;
        let mut again = Instant::now() + Duration::from_millis(500);
        loop {
            let wait = left(self.deadline)?.min(again.saturating_duration_since(Instant::now()));
            self.socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    if let Some(answer) = wanted(&buffer[..length]) {
                        return Ok(answer);
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(error) => return Err(error),
            }
            if Instant::now() >= again {
                send()?;
                again = Instant::now() + Duration::from_millis(500);
            }
        }
    }
}

/// A conversation over TCP.
pub(super) struct Stream {
    stream: TcpStream,
    deadline: Instant,
}

impl Stream {
    pub(super) fn open(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + timeout;
        let stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, deadline })
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        self.stream.write_all(bytes)
    }

    /// Exactly `count` bytes. Each read gets only what is left of the whole time, so that a drip of single
    /// bytes cannot hold the thread.
    pub(super) fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let mut filled = 0;
        while filled < count {
            self.stream.set_read_timeout(Some(left(self.deadline)?))?;
            match self.stream.read(&mut bytes[filled..])? {
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
                read => filled += read,
            }
        }
        Ok(bytes)
    }
}
