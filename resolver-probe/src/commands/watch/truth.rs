//! The truth of a watch from files, read again when what they hold has changed.
//!
//! What they hold decides, and not their times: a file that is copied or replaced within a second has changed too.

use std::collections::hash_map::DefaultHasher;
use std::future::Future;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Result, bail};
use registrar_core::name::RecordName;
use resolver_probe::Truth;
use resolver_probe::arguments::{TruthSource as From, WatchArgs};
use resolver_probe::watch::TruthSource;

use crate::inputs;

/// The files of a truth.
pub(super) struct FileTruth {
    name: RecordName,
    arguments: Arc<WatchArgs>,
    files: Vec<PathBuf>,
    /// What they held at the last look.
    seen: Option<u64>,
}

impl FileTruth {
    /// Checks that the truth can be read; without one there is nothing to read.
    pub(super) fn open(name: &RecordName, arguments: &Arc<WatchArgs>) -> Result<Option<Self>> {
        let truth = &arguments.truth;
        let Some(From::File(fleet)) = &truth.truth else { return Ok(None) };
        let mut files = vec![fleet.clone()];
        files.extend(truth.pool.as_ref().map(PathBuf::from));
        files.extend(truth.groups.clone());
        if files.iter().any(|file| file == Path::new("-")) {
            bail!("standard input cannot be read again (hint: write the truth to a file, and replace that)");
        }
        inputs::truth(name, truth)?;
        Ok(Some(Self { name: name.clone(), arguments: Arc::clone(arguments), files, seen: None }))
    }
}

impl TruthSource for FileTruth {
    fn look(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Truth>, String>> + Send + '_>> {
        Box::pin(async move {
            let (name, arguments) = (self.name.clone(), Arc::clone(&self.arguments));
            let (files, seen) = (self.files.clone(), self.seen);
            // A large dump takes long to read, and queries shall go on.
            let read = tokio::task::spawn_blocking(move || {
                let now = contents(&files);
                if now == seen {
                    return (now, Ok(None));
                }
                let truth = inputs::truth(&name, &arguments.truth);
                (now, truth.map_err(|error| format!("{error:#}")))
            });
            let (now, truth) = read.await.map_err(|error| error.to_string())?;
            // What could not be read is read again, changed or not.
            self.seen = if truth.is_ok() { now } else { None };
            truth
        })
    }
}

/// Returns a digest of what the files hold; nothing where one cannot be read, which its reader tells better.
fn contents(files: &[PathBuf]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(file).ok()?.hash(&mut hasher);
    }
    Some(hasher.finish())
}
