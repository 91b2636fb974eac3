//! A shim's files in the runtime folder, which is its working folder: whole or not there, also on a full disk.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::{
    fs::{FallocateFlags, FlockOperation},
    io::Errno,
};

use super::{EXIT, LOCK};

/// The ending, until it is whole.
const EXIT_PART: &str = "exit.json.part";
/// More than an ending takes, in bytes.
const ENDING_ROOM: u64 = 4_096;

/// Takes the lock that is held for as long as the shim lives.
pub(super) fn take_lock() -> io::Result<File> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(LOCK)?;
    rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    Ok(lock)
}

/// Sets the ending's room aside, so that a game on a full disk does not end without a word.
pub(super) fn room_for_ending() -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(EXIT_PART)?;
    match rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, ENDING_ROOM) {
        // Not every file system can set room aside.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(file),
        Err(error) => Err(error.into()),
    }
}

/// Writes how the game ended into the room that was set aside for it.
pub(super) fn write_ending(room: &mut File, bytes: &[u8]) -> io::Result<()> {
    room.write_all(bytes)?;
    room.sync_all()?;
    fs::rename(EXIT_PART, EXIT)?;
    File::open(Path::new("."))?.sync_all()
}

/// Removes a file, if it is there.
pub(super) fn remove(name: &str) -> io::Result<()> {
    match fs::remove_file(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file so that it is there as a whole or not at all.
pub(super) fn write_whole(name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = format!("{name}.part");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&part, name));
    if written.is_err() {
        // On a full disk, half a file would take the room that the next one needs.
        let _ = fs::remove_file(&part);
    }
    written?;
    File::open(Path::new("."))?.sync_all()
}
