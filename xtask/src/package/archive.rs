//! Archives that come out the same, byte for byte, whenever the same files go in.
//!
//! Times, owners and the order of entries are fixed; nothing of the machine that packs gets in.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// What is executable for everybody and writable for its owner.
const EXECUTABLE: u32 = 0o755;
const PLAIN: u32 = 0o644;

/// A file of an archive.
pub(crate) struct Entry {
    /// The path in the archive.
    pub(crate) path: String,
    /// The content.
    pub(crate) content: Vec<u8>,
    /// Whether it is a program.
    pub(crate) executable: bool,
}

impl Entry {
    fn mode(&self) -> u32 {
        if self.executable { EXECUTABLE } else { PLAIN }
    }
}

/// Packs entries into a zip, as Lambda takes it.
pub(crate) fn zip(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(entry.mode());
        zip.start_file(entry.path.as_str(), options)
            .with_context(|| format!("{} cannot be zipped", entry.path))?;
        zip.write_all(&entry.content).with_context(|| format!("{} cannot be zipped", entry.path))?;
    }
    Ok(zip.finish().context("the zip cannot be finished")?.into_inner())
}

/// Packs entries into a compressed tape archive.
pub(crate) fn tar_gz(entries: &[Entry]) -> Result<Vec<u8>> {
    // The header of gzip would carry the time and the system otherwise; 255 is "unknown", RFC 1952 §2.3.1.
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for entry in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(entry.mode());
        header.set_size(entry.content.len() as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        tar.append_data(&mut header, &entry.path, entry.content.as_slice())
            .with_context(|| format!("{} cannot be archived", entry.path))?;
    }
    let gzip = tar.into_inner().context("the archive cannot be finished")?;
    gzip.finish().context("the archive cannot be compressed")
}

/// Returns the SHA-256 of some bytes in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes `SHA256SUMS` about every file of a folder with this ending, as `sha256sum --check` reads it.
pub(crate) fn write_sums(folder: &Path, ending: &str) -> Result<()> {
    let mut sums = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(ending) {
            let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            sums.push((name, sha256(&bytes)));
        }
    }
    sums.sort();
    let text: String = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    let path = folder.join("SHA256SUMS");
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn entries() -> Vec<Entry> {
        vec![
            Entry {
                path: "bootstrap".to_owned(),
                content: b"\x7fELF and more".repeat(100),
                executable: true,
            },
            Entry { path: "a/README.md".to_owned(), content: b"text".to_vec(), executable: false },
        ]
    }

    #[test]
    fn a_zip_keeps_content_and_the_executable_bit_and_has_a_fixed_time() {
        let bytes = zip(&entries()).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        let mut file = archive.by_name("bootstrap").unwrap();
        assert_eq!(file.unix_mode().unwrap() & 0o777, 0o755);
        assert_eq!(file.last_modified(), Some(DateTime::DEFAULT));
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, entries()[0].content);
        drop(file);
        assert_eq!(archive.by_name("a/README.md").unwrap().unix_mode().unwrap() & 0o777, 0o644);
        assert_eq!(zip(&entries()).unwrap(), bytes);
    }

    #[test]
    fn a_tape_archive_names_nobody_and_no_time() {
        let bytes = tar_gz(&entries()).unwrap();
        assert_eq!(tar_gz(&entries()).unwrap(), bytes);
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let found = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            (entry.path().unwrap().display().to_string(), header.mode().unwrap(), header.size().unwrap())
        });
        let found: Vec<_> = found.collect();
        let expected = [("bootstrap", 0o755, 1300), ("a/README.md", 0o644, 4)];
        assert_eq!(found, expected.map(|(path, mode, size)| (path.to_owned(), mode, size)));
    }

    #[test]
    fn sums_are_as_sha256sum_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b.zip"), "abc").unwrap();
        fs::write(folder.path().join("a.zip"), "").unwrap();
        fs::write(folder.path().join("a.txt"), "").unwrap();
        write_sums(folder.path(), ".zip").unwrap();
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.zip\n\
                        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b.zip\n";
        assert_eq!(fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap(), expected);
    }
}
