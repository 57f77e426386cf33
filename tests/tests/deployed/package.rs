//! What is deployed: the templates of the sources, and the functions' zips as `cargo xtask package` leaves them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::aws::Aws;

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra");

/// The templates, by their keys.
pub(crate) const REGISTRAR: &str = "registrar.yaml";
pub(crate) const PROBER: &str = "prober.yaml";

/// The keys of the same function, packed twice.
pub(crate) const FIRST: &str = "registrar-1.zip";
pub(crate) const SECOND: &str = "registrar-2.zip";
/// The key of the probe.
pub(crate) const PROBE: &str = "resolver-probe-1.zip";

/// Where everything is that CloudFormation wants.
pub(crate) struct Package {
    pub(crate) bucket: &'static str,
    url: String,
    pub(crate) architecture: String,
}

impl Package {
    /// Puts templates and zips into a new bucket, by way of files in `dir`.
    pub(crate) fn upload(aws: &Aws, endpoint: &str, dir: &Path) -> Result<Self> {
        let folder = target_folder()?.join("lambda");
        let (zip, probe) = (folder.join("registrar.zip"), folder.join("resolver-probe.zip"));
        for zip in [&zip, &probe] {
            ensure!(zip.exists(), "{} is not there (hint: cargo xtask package)", zip.display());
        }
        let about: Value = serde_json::from_slice(&fs::read(folder.join("registrar.json"))?)?;
        let again = dir.join(SECOND);
        fs::write(&again, with_comment(fs::read(&zip)?, b"packed again")?)?;
        let bucket = "code";
        aws.call("s3", "create_bucket", json!({"Bucket": bucket}))?;
        let template = |name: &str| Path::new(TEMPLATES).join(name);
        for (file, key) in [
            (template(REGISTRAR), REGISTRAR),
            (template(PROBER), PROBER),
            (zip, FIRST),
            (again, SECOND),
            (probe, PROBE),
        ] {
            aws.call("s3", "upload_file", json!({"Filename": file, "Bucket": bucket, "Key": key}))?;
        }
        let architecture = about["architecture"].as_str().context("the package's architecture")?.to_owned();
        Ok(Self { bucket, url: format!("{endpoint}/{bucket}"), architecture })
    }

    /// Returns where CloudFormation finds a template.
    pub(crate) fn template_url(&self, template: &str) -> String {
        format!("{}/{template}", self.url)
    }
}

/// Returns a zip of the same content and other bytes: it ends with its comment, after the comment's length.
fn with_comment(mut zip: Vec<u8>, comment: &[u8]) -> Result<Vec<u8>> {
    ensure!(zip.ends_with(&[0, 0]), "the package has a comment already");
    zip.truncate(zip.len() - 2);
    zip.extend(u16::try_from(comment.len())?.to_le_bytes());
    zip.extend(comment);
    Ok(zip)
}

/// Returns the folder of everything that is built, which is three above this test's own program.
fn target_folder() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(3).context("the target folder")?.to_owned())
}
