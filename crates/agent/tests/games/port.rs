//! Ports for the games, each for one test at a time.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::Path,
};

/// Below what the kernel hands out by itself, so that no connection that a program opens takes one.
const NUMBERS: std::ops::Range<u16> = 20_000..30_000;

/// A port that no other test takes while this lives. All tests run side by side, most of them in processes of
/// their own, so the claim is a locked file.
pub struct Port {
    pub number: u16,
    _claim: File,
}

impl Port {
    /// A port that is free for both transports.
    pub fn free() -> Self {
        let claims = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ports");
        fs::create_dir_all(&claims).unwrap();
        let claimed = NUMBERS.filter_map(|number| {
            let claim = File::create(claims.join(number.to_string())).unwrap();
            claim.try_lock().ok()?;
            is_free(number).then_some(Self { number, _claim: claim })
        });
        { claimed }.next().unwrap()
    }
}

/// Whether a game could have the port now.
pub fn is_free(number: u16) -> bool {
    let at = (Ipv4Addr::UNSPECIFIED, number);
    TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()
}
