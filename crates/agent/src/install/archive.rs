//! Unpacks an archive in a server's folder. What is in it is not trusted: an entry that would leave the folder,
//! by its path or by a link, ends the step.

use std::{
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    folder::{self, Folder},
    trouble::Trouble,
};

/// The most that an archive may unpack to, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// The most entries.
const MAX_ENTRIES: usize = 500_000;
/// The longest target of a link in a zip archive.
const MAX_TARGET: u64 = 4_096;

/// Unpacks `file` into the folder `to`, without the first `strip` folders of each entry.
pub(super) fn unpack(folder: &Folder, file: &str, to: &str, strip: u32) -> Result<(), Trouble> {
    let trouble = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Trouble::io(&format!("unpacking {file}"), &error)
        }
        _ => Trouble::install(format!("{file} cannot be unpacked: {error}")),
    };
    let archive = folder.read(file).map_err(trouble)?.into_std();
    let to = folder::inside(Path::new(to)).map_err(trouble)?;
    folder.make(&to).map_err(trouble)?;
    let mut target = Target { folder, to, strip: strip as usize, bytes: 0, entries: 0 };
    let name = file.to_ascii_lowercase();
    if name.ends_with(".zip") {
        unzip(archive, &mut target).map_err(trouble)
    } else if name.ends_with(".tar") {
        untar(archive, &mut target).map_err(trouble)
    } else if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
        untar(flate2::read::MultiGzDecoder::new(archive), &mut target).map_err(trouble)
    } else {
        Err(Trouble::bad_recipe(format!("{file} is neither .zip nor .tar nor .tar.gz.")))
    }
}

struct Target<'a> {
    folder: &'a Folder,
    to: PathBuf,
    strip: usize,
    bytes: u64,
    entries: usize,
}

impl Target<'_> {
    /// Where an entry goes; `None` for one that is left out.
    fn place(&mut self, path: &Path) -> io::Result<Option<PathBuf>> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(io::Error::other(format!("it has more than {MAX_ENTRIES} entries")));
        }
        let kept: PathBuf = folder::inside(path)?.components().skip(self.strip).collect();
        Ok((!kept.as_os_str().is_empty()).then(|| self.to.join(kept)))
    }

    fn write(&mut self, at: &Path, executable: bool, content: &mut impl Read) -> io::Result<()> {
        let mut file = self.folder.begin(at, executable)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = content.read(&mut buffer)?;
            if length == 0 {
                return file.finish();
            }
            self.bytes += length as u64;
            if self.bytes > MAX_BYTES {
                return Err(io::Error::other(format!("it unpacks to more than {} GiB", MAX_BYTES >> 30)));
            }
            file.write_all(&buffer[..length])?;
        }
    }
}

fn untar(archive: impl Read, target: &mut Target<'_>) -> io::Result<()> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Some(at) = target.place(&path)? else { continue };
        let link = entry.link_name()?.map(|link| link.into_owned());
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            target.folder.make(&at)?;
        } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
            target.write(&at, executable, &mut entry)?;
        } else if kind.is_symlink() {
            target.folder.symlink(&link.unwrap_or_default(), &at)?;
        } else if kind.is_hard_link() {
            // Names another entry of the archive, by its path there.
            match target.place(&link.unwrap_or_default())? {
                Some(other) => target.folder.hard_link(&other, &at)?,
                None => return Err(io::Error::other("a hard link to what is left out")),
            }
        } else if !(kind.is_pax_global_extensions() || kind.is_pax_local_extensions()) {
            return Err(io::Error::other(format!("{} is neither file, folder nor link", path.display())));
        }
    }
    Ok(())
}

fn unzip(archive: std::fs::File, target: &mut Target<'_>) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(archive).map_err(io::Error::other)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(io::Error::other)?;
        // Archives made on Windows may have its separator.
        let path = PathBuf::from(entry.name().map_err(io::Error::other)?.replace('\\', "/"));
        let Some(at) = target.place(&path)? else { continue };
        if entry.is_dir() {
            target.folder.make(&at)?;
        } else if entry.is_symlink() {
            let mut link = String::new();
            (&mut entry).take(MAX_TARGET).read_to_string(&mut link)?;
            target.folder.symlink(Path::new(&link), &at)?;
        } else {
            let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
            target.write(&at, executable, &mut entry)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> (tempfile::TempDir, Folder) {
        let outside = tempfile::tempdir().unwrap();
        let (folder, _) = Folder::open(&outside.path().join("files"), None).unwrap();
        (outside, folder)
    }

    fn put(folder: &Folder, name: &str, bytes: &[u8]) {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }

    /// The library does not write climbing paths, so they are put into the header by hand.
    fn tar_with(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o6755);
            let is_link = kind.is_symlink() || kind.is_hard_link();
            if is_link {
                header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content.as_bytes());
            }
            header.set_size(if is_link { 0 } else { content.len() as u64 });
            header.set_cksum();
            builder.append(&header, if is_link { &[] } else { content.as_bytes() }).unwrap();
        }
        builder.into_inner().unwrap()
    }

    const FILE: tar::EntryType = tar::EntryType::Regular;
    const SYMLINK: tar::EntryType = tar::EntryType::Symlink;
    const LINK: tar::EntryType = tar::EntryType::Link;

    #[test]
    fn files_and_links_come_out_under_the_folder() {
        let (_outside, folder) = place();
        let entries = [
            ("top/bin/run", FILE, "go"),
            ("top/run", SYMLINK, "bin/run"),
            ("top/again", LINK, "top/bin/run"),
        ];
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&tar_with(&entries)).unwrap();
        put(&folder, "game.tar.gz", &packed.finish().unwrap());
        unpack(&folder, "game.tar.gz", "game", 1).unwrap();
        for path in ["game/bin/run", "game/run", "game/again"] {
            assert_eq!(folder.text(path).unwrap().as_deref(), Some("go"), "{path}");
        }
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("game/bin/run")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o750, "no setuid bit comes along");
    }

    #[test]
    fn what_would_leave_the_folder_ends_the_step() {
        let bad: [&[(&str, tar::EntryType, &str)]; 6] = [
            &[("../evil", FILE, "x")],
            &[("/tmp/guildhall-evil", FILE, "x")],
            &[("out", SYMLINK, "../../.."), ("out/evil", FILE, "x")],
            &[("out", SYMLINK, "/etc"), ("out/evil", FILE, "x")],
            &[("passwd", LINK, "/etc/passwd")],
            &[("device", tar::EntryType::Char, "")],
        ];
        for entries in bad {
            let (outside, folder) = place();
            put(&folder, "bad.tar", &tar_with(entries));
            assert!(unpack(&folder, "bad.tar", "", 0).is_err(), "{entries:?}");
            assert!(!outside.path().join("evil").exists());
        }
        assert!(!Path::new("/tmp/guildhall-evil").exists());
    }

    #[test]
    fn a_zip_is_unpacked_and_its_climbing_entry_refused() {
        let (outside, folder) = place();
        for (name, fits) in [("a/b.txt", true), ("../evil", false), ("..\\evil", false)] {
            let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(b"x").unwrap();
            put(&folder, "a.zip", writer.finish().unwrap().get_ref());
            assert_eq!(unpack(&folder, "a.zip", "", 0).is_ok(), fits, "{name}");
        }
        assert!(folder.holds("a/b.txt") && !outside.path().join("evil").exists());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rubbish_is_no_archive(bytes in prop::collection::vec(any::<u8>(), 0..3_000), kind in 0..3_usize) {
            let (_outside, folder) = place();
            let name = ["a.zip", "a.tar", "a.tar.gz"][kind];
            put(&folder, name, &bytes);
            let _ = unpack(&folder, name, "", 0);
        }
    }
}
