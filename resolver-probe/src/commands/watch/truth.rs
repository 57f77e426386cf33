//! The truth of a watch, from files or from AWS, looked at again and again.
//!
//! Files are read when what they hold has changed, and not when their times have: a file that is replaced within a second
//! has changed too. AWS is asked each time.

use std::collections::hash_map::DefaultHasher;
use std::future::Future;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use registrar_core::name::RecordName;
use resolver_probe::Truth;
use resolver_probe::arguments::{TruthArgs, TruthSource as From, WatchArgs};
use resolver_probe::watch::TruthSource;

use crate::inputs;

/// How often files are looked at, and AWS, whose limits a whole account shares.
const OF_FILES: Duration = Duration::from_secs(2);
const OF_AWS: Duration = Duration::from_secs(300);
/// What a look at AWS may take; half of it is for AWS itself (`inputs::told`).
const PATIENCE: Duration = Duration::from_secs(60);

/// A truth that is looked at again.
pub(super) struct Source {
    name: RecordName,
    arguments: Arc<WatchArgs>,
    /// The files that it is made of; none where it comes from AWS.
    files: Vec<PathBuf>,
    /// What they held at the last look.
    seen: Option<u64>,
}

/// Returns how often the truth is looked at.
pub(super) fn period(arguments: &WatchArgs) -> Duration {
    let usual = if arguments.truth.truth == Some(From::Aws) { OF_AWS } else { OF_FILES };
    arguments.refresh.unwrap_or(usual)
}

impl Source {
    /// Checks that the truth can be read; without one there is nothing to read.
    pub(super) async fn open(name: &RecordName, arguments: &Arc<WatchArgs>) -> Result<Option<Self>> {
        let files = files(&arguments.truth);
        if files.iter().any(|file| file == Path::new("-")) {
            bail!("standard input cannot be read again (hint: write the truth to a file, and replace that)");
        }
        let told = inputs::told(name, &arguments.truth, PATIENCE).await?;
        let source = Self { name: name.clone(), arguments: Arc::clone(arguments), files, seen: None };
        Ok(told.truth.map(|_| source))
    }

    async fn read(&mut self) -> Result<Option<Truth>, String> {
        if !self.files.is_empty() {
            let now = self.contents().await;
            if now.is_some() && now == self.seen {
                return Ok(None);
            }
            self.seen = now;
        }
        let told = inputs::told(&self.name, &self.arguments.truth, PATIENCE).await;
        // What could not be read is read again, changed or not.
        told.map(|told| told.truth).map_err(|error| {
            self.seen = None;
            format!("{error:#}")
        })
    }

    /// Returns a digest of what the files hold; nothing where one cannot be read, which its reader tells better.
    async fn contents(&self) -> Option<u64> {
        let files = self.files.clone();
        // A large dump takes long to read, and queries shall go on.
        let digest = tokio::task::spawn_blocking(move || {
            let mut hasher = DefaultHasher::new();
            for file in files {
                std::fs::read(file).ok()?.hash(&mut hasher);
            }
            Some(hasher.finish())
        });
        digest.await.ok().flatten()
    }
}

impl TruthSource for Source {
    fn look(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Truth>, String>> + Send + '_>> {
        Box::pin(self.read())
    }
}

/// The files that a truth is made of.
fn files(truth: &TruthArgs) -> Vec<PathBuf> {
    let Some(From::File(fleet)) = &truth.truth else { return Vec::new() };
    // A pool document may be named as NAME=FILE.
    let pool =
        truth.pool.as_ref().map(|pool| PathBuf::from(pool.split_once('=').map_or(&**pool, |(_, file)| file)));
    [Some(fleet.clone()), pool, truth.groups.clone()].into_iter().flatten().collect()
}
