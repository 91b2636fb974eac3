//! A server's own folder. Everything the agent does in it goes through a handle that no path, link or mount
//! trick of a game or a recipe leads out of, and existing files are replaced, never written into.

use std::{
    io::{self, Read as _, Write as _},
    os::fd::AsFd as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, File, OpenOptions, OpenOptionsExt as _},
};
use rustix::{
    fs::{Mode, OFlags},
    process::{Gid, Uid},
};

use crate::user::User;

/// The most of an existing configuration file that is read.
const MAX_CONFIG: u64 = 4 * 1024 * 1024;

/// A server's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: Arc<Dir>,
    path: PathBuf,
    user: Option<User>,
}

impl Folder {
    /// Opens the folder, and makes it when it is not there: for its user alone, and its group. `true` when it
    /// was made just now.
    pub(crate) fn open(path: &Path, user: Option<User>) -> io::Result<(Self, bool)> {
        let (parent, name) = (path.parent().unwrap_or(Path::new("/")), path.file_name().unwrap_or_default());
        let parent = Dir::open_ambient_dir(parent, ambient_authority())?;
        let fresh = match parent.create_dir(name) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        let folder = Self { dir: Arc::new(parent.open_dir(name)?), path: path.to_owned(), user };
        if fresh {
            let own = folder.dir.open(".")?;
            rustix::fs::fchmod(&own, Mode::from_raw_mode(0o750))?;
            folder.give(&own)?;
        }
        Ok((folder, fresh))
    }

    /// Removes a folder with everything in it. Links are removed, not followed.
    pub(crate) fn remove(path: &Path) -> io::Result<()> {
        let (parent, name) = (path.parent().unwrap_or(Path::new("/")), path.file_name().unwrap_or_default());
        let gone = Dir::open_ambient_dir(parent, ambient_authority())?.remove_dir_all(name);
        gone.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }

    /// Its absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Who owns what is in it.
    pub(crate) fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Whether something is at a path.
    pub(crate) fn holds(&self, path: &str) -> bool {
        inside(Path::new(path)).is_ok_and(|path| self.dir.exists(path))
    }

    /// A file's text; `None` when there is none. What is no plain file, or too large, is an error.
    pub(crate) fn text(&self, path: &str) -> io::Result<Option<String>> {
        let mut file = match self.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?.take(MAX_CONFIG + 1),
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        if text.len() as u64 > MAX_CONFIG { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(text)) }
    }

    /// Opens a plain file for reading.
    pub(crate) fn read(&self, path: &str) -> io::Result<File> {
        // A game may have put a pipe there; opening that would wait for ever.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = self
            .dir
            .open_with(inside(Path::new(path))?, OpenOptions::new().read(true).custom_flags(flags))?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no plain file")) }
    }

    /// Makes a folder, with the folders above it.
    pub(crate) fn make(&self, path: &Path) -> io::Result<()> {
        let mut so_far = PathBuf::new();
        for part in &inside(path)? {
            so_far.push(part);
            match self.dir.create_dir(&so_far) {
                Ok(()) => {
                    let made = self.dir.open_dir(&so_far)?;
                    let made = made.open(".")?;
                    rustix::fs::fchmod(&made, Mode::from_raw_mode(0o750))?;
                    self.give(&made)?;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes a file as a whole, in the place of whatever was there.
    pub(crate) fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let mut file = self.begin(Path::new(path), false)?;
        file.write_all(text.as_bytes())?;
        file.finish()
    }

    /// Begins a file beside the one that it will replace once it is finished.
    pub(crate) fn begin(&self, path: &Path, executable: bool) -> io::Result<Unfinished<'_>> {
        let to = inside(path)?;
        let name = to.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = to.parent().unwrap_or(Path::new(""));
        self.make(parent)?;
        let mut part = std::ffi::OsString::from(".");
        part.push(name);
        part.push(".part");
        let part = parent.join(part);
        self.remove_file(&part)?;
        let file = self.dir.open_with(&part, OpenOptions::new().write(true).create_new(true))?;
        let mode = if executable { 0o750 } else { 0o640 };
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        self.give(&file)?;
        Ok(Unfinished { folder: self, file: Some(file), part, to })
    }

    /// Makes a symbolic link that stays in the folder.
    pub(crate) fn symlink(&self, target: &Path, at: &Path) -> io::Result<()> {
        let at = inside(at)?;
        let parent = at.parent().unwrap_or(Path::new(""));
        let beyond = || io::Error::other(format!("a link to {} leaves the folder", target.display()));
        if target.is_absolute() {
            return Err(beyond());
        }
        let mut depth = parent.components().count();
        for component in target.components() {
            match component {
                Component::ParentDir => depth = depth.checked_sub(1).ok_or_else(beyond)?,
                Component::Normal(_) => depth += 1,
                _ => {}
            }
        }
        self.make(parent)?;
        self.remove_file(&at)?;
        self.dir.symlink(target, &at)?;
        let Some(user) = &self.user else { return Ok(()) };
        // The link itself, not what it points to.
        let holder =
            if parent.as_os_str().is_empty() { self.dir.try_clone()? } else { self.dir.open_dir(parent)? };
        let name = at.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::chownat(
            holder.as_fd(),
            name,
            Some(Uid::from_raw(user.uid)),
            Some(Gid::from_raw(user.gid)),
            flags,
        )?)
    }

    /// Makes a second name for a plain file of the folder.
    pub(crate) fn hard_link(&self, target: &Path, at: &Path) -> io::Result<()> {
        let (target, at) = (inside(target)?, inside(at)?);
        if !self.dir.symlink_metadata(&target)?.is_file() {
            return Err(io::Error::other("a hard link to what is no plain file"));
        }
        self.make(at.parent().unwrap_or(Path::new("")))?;
        self.remove_file(&at)?;
        self.dir.hard_link(target, &self.dir, at)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        match self.dir.remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn give(&self, file: &File) -> io::Result<()> {
        let Some(user) = &self.user else { return Ok(()) };
        Ok(rustix::fs::fchown(file, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?)
    }
}

/// A file that takes its place when it is finished, and is taken away when it is not.
pub(crate) struct Unfinished<'a> {
    folder: &'a Folder,
    file: Option<File>,
    part: PathBuf,
    to: PathBuf,
}

impl Unfinished<'_> {
    /// Writes everything out and takes the place.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        self.folder.dir.rename(&self.part, &self.folder.dir, &self.to)
    }
}

impl io::Write for Unfinished<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // After `finish` there is nothing by this name any more.
        let _ = self.folder.dir.remove_file(&self.part);
    }
}

/// A path without detours; one that is absolute or climbs is refused.
pub(crate) fn inside(path: &Path) -> io::Result<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            _ => return Err(io::Error::other(format!("the path {} leaves the folder", path.display()))),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_path_or_link_leads_out() {
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        std::fs::write(&victim, "safe").unwrap();
        let (folder, fresh) = Folder::open(&outside.path().join("files"), None).unwrap();
        assert!(fresh && !Folder::open(folder.path(), None).unwrap().1);
        for path in ["../victim", "/etc/passwd", "a/../../victim"] {
            assert!(folder.write(path, "x").is_err() && folder.read(path).is_err() && !folder.holds(path));
        }
        // What a game may plant: links in the place of a file, of a folder, and of the part file.
        symlink(&victim, folder.path().join("direct")).unwrap();
        symlink(outside.path(), folder.path().join("above")).unwrap();
        symlink(&victim, folder.path().join(".config.part")).unwrap();
        assert!(folder.text("direct").is_err() && folder.write("above/victim", "x").is_err());
        folder.write("direct", "mine").unwrap();
        folder.write("config", "mine").unwrap();
        assert_eq!(folder.text("direct").unwrap().as_deref(), Some("mine"));
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "safe");
        Folder::remove(folder.path()).unwrap();
        assert!(victim.exists() && !folder.path().exists());
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_does_not_hold_the_agent() {
        let outside = tempfile::tempdir().unwrap();
        let (folder, _) = Folder::open(&outside.path().join("files"), None).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("config")).status().unwrap();
        assert!(made.success());
        assert!(folder.text("config").is_err());
    }

    #[test]
    fn links_stay_inside() {
        let outside = tempfile::tempdir().unwrap();
        let (folder, _) = Folder::open(&outside.path().join("files"), None).unwrap();
        folder.write("a/b", "x").unwrap();
        folder.symlink(Path::new("../a/b"), Path::new("c/d")).unwrap();
        assert_eq!(folder.text("c/d").unwrap().as_deref(), Some("x"));
        assert!(folder.symlink(Path::new("../../x"), Path::new("c/e")).is_err());
        assert!(folder.symlink(Path::new("/etc/passwd"), Path::new("f")).is_err());
        assert!(folder.hard_link(Path::new("c/d"), Path::new("g")).is_err(), "a link is no plain file");
        folder.hard_link(Path::new("a/b"), Path::new("g")).unwrap();
    }
}
