//! `cargo xtask package`: the functions' zips for Lambda, and the operator's programs with their manuals.
//!
//! What is packed is checked from the binary itself. Nothing is uploaded or deployed.

mod archive;
mod bills;
mod build;
mod elf;
mod target;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use archive::Entry;
pub(crate) use archive::sha256;
use bills::Bills;
use build::Linker;
use elf::Needs;
pub(crate) use target::Architecture;
use target::GLIBC;

use crate::command::{cargo, root, step, target_folder};
use crate::tell;

/// What an operator runs, and the package that each comes from.
const PROGRAMS: [(&str, &str); 3] = [
    ("registrar", "registrar-cli"),
    ("resolver-probe", "resolver-probe"),
    ("registrar-local", "registrar-local"),
];
/// The registrar's function.
const REGISTRAR: Packed = Packed { binary: "bootstrap", package: "registrar-lambda", name: "registrar" };
/// The probe on a schedule. Its binary cannot have the name that it has in the zip: the registrar's has it.
const PROBE: Packed =
    Packed { binary: "resolver-probe-lambda", package: "resolver-probe-lambda", name: "resolver-probe" };
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What may be asked for.
#[derive(Args, Default)]
pub(crate) struct PackageArguments {
    /// The machine that it is for, by Lambda's name for it [default: this one]
    #[arg(long, value_enum)]
    arch: Option<Architecture>,
    /// What links it [default: host where it is for this machine, else zig]
    #[arg(long, value_enum)]
    linker: Option<Linker>,
}

/// A function: the binary that becomes its `bootstrap`, the package that it comes from, and the name of its zip.
#[derive(Clone, Copy)]
struct Packed {
    binary: &'static str,
    package: &'static str,
    name: &'static str,
}

/// Where the function's zip is, and the binary that is in it.
pub(crate) struct Function {
    /// The executable.
    pub(crate) bootstrap: PathBuf,
    /// The zip.
    pub(crate) zip: PathBuf,
}

/// Builds, checks and packs everything.
pub(crate) fn run(arguments: &PackageArguments) -> Result<()> {
    let architecture = arguments.arch.unwrap_or_else(Architecture::host);
    let linker = arguments.linker.unwrap_or_else(|| Linker::for_architecture(architecture));
    let binaries = build::build(architecture, linker)?;
    let bills = Bills::make(architecture)?;
    pack_function(REGISTRAR, architecture, &binaries, &bills)?;
    pack_function(PROBE, architecture, &binaries, &bills)?;
    pack_programs(architecture, &binaries, &bills)
}

/// Builds and packs the registrar's function for this machine.
pub(crate) fn function() -> Result<Function> {
    let architecture = Architecture::host();
    let binaries = build::build(architecture, Linker::for_architecture(architecture))?;
    pack_function(REGISTRAR, architecture, &binaries, &Bills::make(architecture)?)
}

/// Writes `target/lambda/<name>.zip`, and beside it what the zip is, and its bill of materials.
fn pack_function(
    packed: Packed,
    architecture: Architecture,
    binaries: &Path,
    bills: &Bills,
) -> Result<Function> {
    let Packed { binary, package, name } = packed;
    let path = binaries.join(binary);
    let bootstrap = read_checked(&path, architecture)?;
    let needs = Needs::read(&bootstrap)?;
    let entry = Entry { path: "bootstrap".to_owned(), content: bootstrap, executable: true };
    let zip = archive::zip(std::slice::from_ref(&entry))?;
    let bill = bills.of(package)?;
    let bill_name = format!("{name}.cdx.json");
    let about = json!({
        "schema": format!("{name}-function/1"),
        "version": VERSION,
        "architecture": architecture.name(),
        "runtime": "provided.al2023",
        "glibc": needs.glibc().map(|version| version.to_string()),
        "bootstrap_bytes": entry.content.len(),
        "zip_bytes": zip.len(),
        "sha256": sha256(&zip),
        "bill_of_materials": { "file": bill_name, "sha256": sha256(&bill) },
    });
    let folder = target_folder().join("lambda");
    let written = write(&folder, &format!("{name}.zip"), &zip)?;
    write(&folder, &bill_name, &bill)?;
    write(&folder, &format!("{name}.json"), format!("{about:#}\n").as_bytes())?;
    archive::write_sums(&folder, ".zip")?;
    let glibc = needs.glibc().map_or_else(String::new, |version| format!(", needs glibc {version}"));
    tell(&format!(
        "{}: {} for {}; bootstrap is {}{glibc}",
        written.display(),
        mebibytes(zip.len()),
        architecture.name(),
        mebibytes(entry.content.len())
    ));
    Ok(Function { bootstrap: path, zip: written })
}

/// Writes `target/package/registrar-<version>-<architecture>.tar.gz`.
fn pack_programs(architecture: Architecture, binaries: &Path, bills: &Bills) -> Result<()> {
    let name = format!("registrar-{VERSION}-{}", architecture.name());
    let mut entries = Vec::new();
    for (program, package) in PROGRAMS {
        let content = read_checked(&binaries.join(program), architecture)?;
        tell(&format!("{program}: {}", mebibytes(content.len())));
        entries.push(Entry { path: format!("{name}/bin/{program}"), content, executable: true });
        let path = format!("{name}/share/doc/registrar/{program}.cdx.json");
        entries.push(Entry { path, content: bills.of(package)?, executable: false });
    }
    for (path, content) in manuals()? {
        entries.push(Entry { path: format!("{name}/share/{path}"), content, executable: false });
    }
    for document in ["README.md", "CHANGELOG.md", "LICENSE"] {
        let content =
            fs::read(root().join(document)).with_context(|| format!("{document} could not be read"))?;
        entries.push(Entry { path: format!("{name}/{document}"), content, executable: false });
    }
    let archive = archive::tar_gz(&entries)?;
    let folder = target_folder().join("package");
    let written = write(&folder, &format!("{name}.tar.gz"), &archive)?;
    archive::write_sums(&folder, ".tar.gz")?;
    tell(&format!("{}: {}", written.display(), mebibytes(archive.len())));
    Ok(())
}

/// Makes shell completions and man pages of the command lines; they are the same for every machine.
fn manuals() -> Result<Vec<(String, Vec<u8>)>> {
    let folder = target_folder().join("manuals");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} could not be removed", folder.display()))?;
    }
    let mut command = cargo(&["run", "--quiet", "--locked", "--package", "registrar-manuals", "--"]);
    command.arg(&folder);
    step("completions and man pages", command)?;
    let mut found = Vec::new();
    collect(&folder, "", &mut found)?;
    found.sort();
    if found.is_empty() {
        bail!("no completions and man pages were written to {}", folder.display());
    }
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} could not be listed", folder.display()))? {
        let path = entry?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), found)?;
        } else {
            let content = fs::read(&path).with_context(|| format!("{} could not be read", path.display()))?;
            found.push((name, content));
        }
    }
    Ok(())
}

/// Reads a binary, and refuses one that does not start on provided.al2023.
fn read_checked(path: &Path, architecture: Architecture) -> Result<Vec<u8>> {
    let binary = fs::read(path).with_context(|| format!("{} could not be read", path.display()))?;
    let needs = Needs::read(&binary).with_context(|| format!("{} cannot be packed", path.display()))?;
    let problems = needs.problems(architecture);
    if !problems.is_empty() {
        bail!(
            "{} does not start on provided.al2023, which has glibc {GLIBC}:\n  {}\n(hint: cargo xtask package --arch {} \
             --linker zig links against glibc {GLIBC}, whatever this machine has)",
            path.display(),
            problems.join("\n  "),
            architecture.name()
        );
    }
    Ok(binary)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    let path = folder.join(name);
    fs::write(&path, bytes).with_context(|| format!("{} could not be written", path.display()))?;
    Ok(path)
}

fn mebibytes(bytes: usize) -> String {
    let tenths = bytes * 10 / (1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
