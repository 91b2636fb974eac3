//! Which ports are taken on this host, by what the kernel tells in /proc/net.

use std::fs;

use guildhall_recipes::recipe::Protocol;

/// The state of a TCP socket that listens, in hexadecimal (include/net/tcp_states.h of Linux).
const LISTENING: &str = "0A";

/// A port that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    port: u16,
    inode: u64,
}

/// The taken ports of a transport.
pub(crate) fn taken(protocol: Protocol) -> Vec<Taken> {
    let tables: &[&str] = match protocol {
        Protocol::Tcp => &["tcp", "tcp6"],
        Protocol::Udp => &["udp", "udp6"],
        Protocol::Both => &["tcp", "tcp6", "udp", "udp6"],
    };
    let read = |table: &&str| {
        Some((table.starts_with("tcp"), fs::read_to_string(format!("/proc/net/{table}")).ok()?))
    };
    let tables = tables.iter().filter_map(read);
    tables
        .flat_map(|(tcp, text)| text.lines().filter_map(|line| parse(line, tcp)).collect::<Vec<_>>())
        .collect()
}

/// Whether a port is listened on (TCP) or bound (UDP); on both for [`Protocol::Both`].
pub(crate) fn is_open(port: u16, protocol: Protocol) -> bool {
    let open = |protocol| taken(protocol).iter().any(|taken| taken.port == port);
    match protocol {
        Protocol::Both => open(Protocol::Tcp) && open(Protocol::Udp),
        one => open(one),
    }
}

/// Whether a port is taken on any of its transports, and by which process as far as that can be seen.
pub(crate) fn taken_by(port: u16, protocol: Protocol) -> Option<String> {
    let found = taken(protocol).into_iter().find(|taken| taken.port == port)?;
    Some(owner(found.inode).unwrap_or_else(|| "another process".to_owned()))
}

impl Taken {
    /// The port's number.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

fn parse(line: &str, tcp: bool) -> Option<Taken> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    if tcp && state != LISTENING {
        return None;
    }
    let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    Some(Taken { port, inode: fields.nth(5)?.parse().ok()? })
}

/// `name (process id)` of the process that has a socket. Only root sees those of other users.
fn owner(inode: u64) -> Option<String> {
    let wanted = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        let has =
            |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == wanted.as_str());
        if files.flatten().any(has) {
            let command = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {pid})", command.trim()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_port_is_open_while_somebody_listens() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        assert!(is_open(port, Protocol::Tcp) && !is_open(port, Protocol::Both));
        let by = taken_by(port, Protocol::Both).unwrap();
        assert!(by.contains(&format!("process {}", std::process::id())), "{by}");
        let udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        assert!(is_open(port, Protocol::Both));
        drop((tcp, udp));
        assert!(!is_open(port, Protocol::Tcp));
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_harm(line in "\\PC*", tcp in any::<bool>()) {
            let _ = parse(&line, tcp);
        }
    }
}
