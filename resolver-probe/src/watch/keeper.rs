//! The history file of a watch: read at the beginning, appended while it goes on, bounded in size.
//!
//! A change is on the disk before the watch goes on; what was merely watched may be lost with the power. A last line
//! that was torn is cut off. A file that is full takes the place of `FILE.1`, which is read again with it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use registrar_core::name::RecordName;

use crate::history::{History, HistoryError, HistoryLine};

/// Why a history file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// It cannot be read or written.
    #[error("use the history file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another watch writes it.
    #[error(
        "use the history file {path}, which another watch is writing (hint: give each watch a file of its own)"
    )]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// What it holds is no history.
    #[error("read the history file {path}")]
    History {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: HistoryError,
    },
    /// It is about another name.
    #[error("use the history file {path}: it is about {found}, and not about {name}")]
    OtherName {
        /// The file.
        path: PathBuf,
        /// What is watched.
        name: RecordName,
        /// What it is about.
        found: RecordName,
    },
}

/// A history file that is being written.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    file: File,
    size: u64,
    most: u64,
}

impl Keeper {
    /// Opens a history file, or makes it, for the watch of `name`; returns what it holds. It is replaced when it has
    /// `most` octets.
    ///
    /// # Errors
    /// Where it cannot be read and written, another watch writes it, or it is no history of this name.
    pub fn open(path: &Path, name: &RecordName, most: u64) -> Result<(Self, History), KeeperError> {
        let fail = |source| KeeperError::Io { path: path.to_owned(), source };
        let mut file = open(path)?;
        let mut text = String::new();
        if let Ok(mut older) = File::open(older(path)) {
            older.read_to_string(&mut text).map_err(fail)?;
        }
        let before = text.len();
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).map_err(fail)?;
        // What has no line break was being written when the power went, in the middle of a character maybe.
        let whole = octets.iter().rposition(|octet| *octet == b'\n').map_or(0, |last| last + 1);
        if whole < octets.len() {
            file.set_len(whole as u64).map_err(fail)?;
            file.seek(SeekFrom::End(0)).map_err(fail)?;
        }
        octets.truncate(whole);
        text.push_str(&String::from_utf8_lossy(&octets));
        let size = (text.len() - before) as u64;
        let history =
            History::read(&text).map_err(|source| KeeperError::History { path: path.to_owned(), source })?;
        match history.name() {
            Some(found) if found != name => {
                let (name, found) = (name.clone(), found.clone());
                Err(KeeperError::OtherName { path: path.to_owned(), name, found })
            }
            Some(_) | None => Ok((Self { path: path.to_owned(), file, size, most }, history)),
        }
    }

    /// Appends lines. A change is on the disk when this returns.
    ///
    /// # Errors
    /// Where they cannot be written; what was written in part is cut off.
    pub fn append(&mut self, lines: &[HistoryLine]) -> Result<(), KeeperError> {
        let text: String = lines.iter().map(HistoryLine::write).collect();
        let changes = lines.iter().any(HistoryLine::is_change);
        let done = self.write(&text, changes);
        if done.is_err() {
            // A torn line in the middle would spoil all that follow.
            drop(self.file.set_len(self.size));
            drop(self.file.seek(SeekFrom::End(0)));
        }
        done.map_err(|source| KeeperError::Io { path: self.path.clone(), source })?;
        self.size += text.len() as u64;
        if self.size >= self.most { self.begin_anew() } else { Ok(()) }
    }

    fn write(&mut self, text: &str, sync: bool) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        if sync { self.file.sync_data() } else { Ok(()) }
    }

    fn begin_anew(&mut self) -> Result<(), KeeperError> {
        let fail = |source| KeeperError::Io { path: self.path.clone(), source };
        self.file.sync_data().map_err(fail)?;
        std::fs::rename(&self.path, older(&self.path)).map_err(fail)?;
        self.file = open(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // There is nobody left to tell.
        drop(self.file.sync_data());
    }
}

/// Opens a file to read and append, and keeps other watches out.
fn open(path: &Path) -> Result<File, KeeperError> {
    let fail = |source| KeeperError::Io { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(KeeperError::Taken { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(fail(source)),
    }
}

/// The file that was full.
fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NAME, STARTED_AT, address, server};

    fn line(last: u8) -> HistoryLine {
        HistoryLine::change(
            STARTED_AT,
            NAME.parse().unwrap(),
            server(1),
            vec![address(last)],
            Vec::new(),
            Some(20),
        )
    }

    fn open_at(path: &Path, most: u64) -> (Keeper, History) {
        Keeper::open(path, &NAME.parse().unwrap(), most).unwrap()
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_and_a_torn_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let (mut keeper, empty) = open_at(&path, 1 << 20);
        assert_eq!(empty, History::default());
        keeper.append(&[line(1), line(2)]).unwrap();
        drop(keeper);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all("{\"schema\":\"resolver-probe-history/1\",\"at\":\"20é".as_bytes()).unwrap();
        let (mut keeper, history) = open_at(&path, 1 << 20);
        assert_eq!(history.addresses(), [address(1), address(2)]);
        keeper.append(&[line(3)]).unwrap();
        drop(keeper);
        assert_eq!(open_at(&path, 1 << 20).1.addresses(), [address(1), address(2), address(3)]);
    }

    #[test]
    fn a_full_file_is_replaced_and_both_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let (mut keeper, _) = open_at(&path, 300);
        for last in 1..=5 {
            keeper.append(&[line(last)]).unwrap();
        }
        drop(keeper);
        let sizes = [older(&path), path.clone()].map(|path| std::fs::metadata(path).unwrap().len());
        assert!(sizes.iter().all(|size| *size < 600), "{sizes:?}");
        let history = open_at(&path, 300).1;
        assert!(history.addresses().contains(&address(5)) && history.addresses().len() >= 3, "{history:?}");
    }

    #[test]
    fn two_watches_do_not_write_one_file_and_another_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let (mut keeper, _) = open_at(&path, 1 << 20);
        keeper.append(&[line(1)]).unwrap();
        let again = Keeper::open(&path, &NAME.parse().unwrap(), 1 << 20);
        assert!(matches!(again, Err(KeeperError::Taken { .. })), "{again:?}");
        drop(keeper);
        let other = Keeper::open(&path, &"audio.example.com".parse().unwrap(), 1 << 20);
        assert!(matches!(other, Err(KeeperError::OtherName { .. })), "{other:?}");
        std::fs::write(&path, "{}\n").unwrap();
        let broken = Keeper::open(&path, &NAME.parse().unwrap(), 1 << 20);
        assert!(matches!(broken, Err(KeeperError::History { .. })), "{broken:?}");
    }
}
