//! Servers and clients that others wrote, which the probe is tested and measured against.
//!
//! They come from Debian's packages, and are started by the tests, as ordinary processes on loopback: the
//! packages' own services are not.

use std::env::split_paths;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, environment, output};
use crate::tell;

/// Each program, and the package of Debian 12 that brings it.
const PROGRAMS: [(&str, &str); 7] = [
    ("gdnsd", "gdnsd"),
    ("named", "bind9"),
    ("unbound", "unbound"),
    ("dnsmasq", "dnsmasq-base"),
    ("turnserver", "coturn"),
    ("srt-live-transmit", "srt-tools"),
    ("dnsperf", "dnsperf"),
];

/// What decides in Debian whether a package starts its service.
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// An answer to every question of that kind: forbidden.
const FORBIDS: &str = "#!/bin/sh\nexit 101\n";

/// Installs what is missing, where this may; otherwise says what is missing and how to get it.
///
/// # Errors
/// Where programs are missing and this user cannot install them, or the installation fails.
pub(crate) fn ensure() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    let (list, programs) = (packages.join(" "), names(&missing));
    if !is_root()? || find("apt-get").is_none() {
        bail!("{programs} not found on the path (hint: on Debian, as root: apt-get install {list})");
    }
    tell(&format!("-- installing {list}"));
    install(&packages).with_context(|| format!("{list} could not be installed"))?;
    match self::missing() {
        rest if rest.is_empty() => Ok(()),
        rest => bail!("{} not found on the path, although installed", names(&rest)),
    }
}

/// The tests that start these servers; cargo alone leaves them out.
pub(crate) fn tests() -> Command {
    let mut command = cargo(&["test", "--workspace", "--test", "probe", "--", "--ignored", "real"]);
    command.env("PATH", path());
    command
}

/// Names programs, for a person.
fn names(programs: &[(&str, &str)]) -> String {
    programs.iter().map(|(program, _)| *program).collect::<Vec<_>>().join(", ")
}

fn missing() -> Vec<(&'static str, &'static str)> {
    PROGRAMS.into_iter().filter(|(program, _)| find(program).is_none()).collect()
}

fn find(program: &str) -> Option<PathBuf> {
    split_paths(&path()).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The path with the folders of servers, which Debian leaves out of an ordinary user's.
fn path() -> String {
    format!("{}:/usr/local/sbin:/usr/sbin:/sbin", environment("PATH").unwrap_or_default())
}

fn is_root() -> Result<bool> {
    Ok(output(Command::new("id").arg("-u"))? == "0")
}

fn install(packages: &[&str]) -> Result<()> {
    let _no_services = NoServices::declare(Path::new(POLICY))?;
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    output(command.arg("--quiet").args(arguments).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}

/// As long as this lives, packages that are installed do not start their services.
struct NoServices<'a>(Option<&'a Path>);

impl<'a> NoServices<'a> {
    /// Leaves a policy of the machine's own as it is.
    fn declare(policy: &'a Path) -> Result<Self> {
        if policy.exists() {
            return Ok(Self(None));
        }
        let written = fs::write(policy, FORBIDS)
            .and_then(|()| fs::set_permissions(policy, Permissions::from_mode(0o755)));
        written.with_context(|| format!("{} could not be written", policy.display()))?;
        Ok(Self(Some(policy)))
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if let Some(policy) = self.0 {
            drop(fs::remove_file(policy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_forbidden_while_packages_are_installed_and_no_longer() {
        let policy = std::env::temp_dir().join(format!("policy-rc.d-{}", std::process::id()));
        {
            let _no_services = NoServices::declare(&policy).unwrap();
            let status = Command::new(&policy).args(["named", "start"]).status().unwrap();
            assert_eq!(status.code(), Some(101));
            // Somebody else's policy is not taken away.
            drop(NoServices::declare(&policy).unwrap());
            assert!(policy.exists());
        }
        assert!(!policy.exists());
    }

    #[test]
    fn a_program_is_looked_for_on_the_whole_path() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-anywhere"), None);
    }
}
