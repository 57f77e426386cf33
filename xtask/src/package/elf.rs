//! What a built binary needs from the machine that it is started on, and whether provided.al2023 has it.
//!
//! Read from the binary itself, so that the answer does not depend on what the build believes that it did.

use anyhow::{Context, Result};
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{ImportFlags, Object};

use super::target::{Architecture, GLIBC, GlibcVersion, LIBRARIES};

/// What a binary needs.
#[derive(Debug)]
pub(crate) struct Needs {
    /// The machine number of the ELF header.
    pub(crate) machine: elf::Machine,
    /// The loader; a static binary has none.
    pub(crate) interpreter: Option<String>,
    /// The shared libraries.
    pub(crate) libraries: Vec<String>,
    /// The versions of symbols that the loader looks for before it starts anything.
    pub(crate) versions: Vec<Version>,
}

/// One version, and the symbols that need it: none where the binary's format itself does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Such as `GLIBC_2.34`.
    pub(crate) name: String,
    /// The symbols of this version.
    pub(crate) symbols: Vec<String>,
}

impl Needs {
    /// Reads what a binary needs.
    ///
    /// # Errors
    /// Where the bytes are no 64-bit ELF file, or are damaged.
    pub(crate) fn read(binary: &[u8]) -> Result<Self> {
        let file: ElfFile64 = ElfFile64::parse(binary).context("it is no 64-bit ELF binary")?;
        let libraries = file.import_libraries()?.map(|library| Ok(text(library?.name())));
        Ok(Self {
            machine: file.elf_header().e_machine(file.endian()),
            interpreter: interpreter(&file, binary)?,
            libraries: libraries.collect::<Result<_>>()?,
            versions: versions(&file, binary)?,
        })
    }

    /// Returns the newest version of glibc that is needed.
    pub(crate) fn glibc(&self) -> Option<GlibcVersion> {
        self.versions.iter().filter_map(|version| GlibcVersion::parse(&version.name)).max()
    }

    /// Says each reason why the binary does not start on provided.al2023 on this architecture.
    pub(crate) fn problems(&self, architecture: Architecture) -> Vec<String> {
        let mut problems = Vec::new();
        if self.machine != architecture.machine() {
            let other = Architecture::of_machine(self.machine).map(Architecture::name);
            let other = other.map_or_else(|| format!("ELF machine {}", self.machine.0), str::to_owned);
            problems.push(format!("it is for {other}, and not for {}", architecture.name()));
        } else if self.interpreter.as_deref() != Some(architecture.loader()) {
            let found = self.interpreter.as_deref().unwrap_or("none, as in a static binary");
            problems.push(format!("its loader is {found}, and not glibc's {}", architecture.loader()));
        }
        for library in self.libraries.iter().filter(|library| !is_there(library, architecture)) {
            problems.push(format!("it needs the library {library}, which the runtime does not have"));
        }
        for version in self.versions.iter().filter(|version| is_too_new(&version.name)) {
            if version.symbols.is_empty() {
                problems.push(format!("its format needs {}", version.name));
            }
            problems.extend(version.symbols.iter().map(|symbol| format!("{symbol} needs {}", version.name)));
        }
        problems
    }
}

fn is_there(library: &str, architecture: Architecture) -> bool {
    LIBRARIES.contains(&library) || architecture.loader().ends_with(&format!("/{library}"))
}

/// A version that is glibc's and has no number is either private to one build of glibc, or a mark of a format that is
/// newer than 2.34, such as `GLIBC_ABI_DT_RELR` of 2.36.
fn is_too_new(version: &str) -> bool {
    version.starts_with("GLIBC_") && GlibcVersion::parse(version).is_none_or(|version| version > GLIBC)
}

fn interpreter(file: &ElfFile64<'_>, binary: &[u8]) -> Result<Option<String>> {
    for header in file.elf_program_headers() {
        if let Some(path) = header.interpreter(file.endian(), binary)? {
            return Ok(Some(text(path)));
        }
    }
    Ok(None)
}

/// The loader refuses a binary for every version that is listed, whether or not a symbol has it.
fn versions(file: &ElfFile64<'_>, binary: &[u8]) -> Result<Vec<Version>> {
    let endian = file.endian();
    let sections = file.elf_section_table();
    let mut found = Vec::new();
    let Some((mut needs, link)) = sections.gnu_verneed(endian, binary)? else { return Ok(found) };
    let strings = sections.strings(endian, binary, link)?;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            found.push(Version { name: text(version.name(endian, strings)?), symbols: Vec::new() });
        }
    }
    for import in file.imports()? {
        let import = import?;
        let ImportFlags::Elf { version: Some(version), .. } = import.flags() else { continue };
        let symbol = import.name().name().map(text).unwrap_or_default();
        for entry in found.iter_mut().filter(|entry| entry.name.as_bytes() == version) {
            entry.symbols.push(symbol.clone());
        }
    }
    Ok(found)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Needs {
        Needs {
            machine: elf::EM_X86_64,
            interpreter: Some("/lib64/ld-linux-x86-64.so.2".to_owned()),
            libraries: vec!["libc.so.6".to_owned(), "ld-linux-x86-64.so.2".to_owned()],
            versions: vec![
                version("GLIBC_2.2.5", &["malloc"]),
                version("GLIBC_2.34", &["dlsym"]),
                version("GCC_4.2.0", &["_Unwind_Resume"]),
            ],
        }
    }

    fn version(name: &str, symbols: &[&str]) -> Version {
        Version { name: name.to_owned(), symbols: symbols.iter().map(|&symbol| symbol.to_owned()).collect() }
    }

    #[test]
    fn a_binary_with_the_runtimes_own_glibc_has_no_problem() {
        assert_eq!(good().problems(Architecture::X86_64), Vec::<String>::new());
        assert_eq!(good().glibc().unwrap().to_string(), "2.34");
    }

    #[test]
    fn each_symbol_that_is_too_new_is_named_with_its_version() {
        let mut needs = good();
        needs.versions.push(version("GLIBC_2.36", &["arc4random", "arc4random_buf"]));
        needs.versions.push(version("GLIBC_2.38", &["__isoc23_strtol"]));
        let expected = [
            "arc4random needs GLIBC_2.36",
            "arc4random_buf needs GLIBC_2.36",
            "__isoc23_strtol needs GLIBC_2.38",
        ];
        assert_eq!(needs.problems(Architecture::X86_64), expected);
    }

    #[test]
    fn a_format_that_an_older_loader_refuses_is_a_problem_without_a_symbol() {
        let mut needs = good();
        needs.versions.push(version("GLIBC_ABI_DT_RELR", &[]));
        assert_eq!(needs.problems(Architecture::X86_64), ["its format needs GLIBC_ABI_DT_RELR"]);
    }

    #[test]
    fn a_binary_for_the_other_machine_is_named_as_such() {
        let problems = good().problems(Architecture::Arm64);
        assert_eq!(problems[0], "it is for x86_64, and not for arm64");
    }

    #[test]
    fn a_static_binary_and_a_foreign_library_are_problems() {
        let mut needs = good();
        needs.interpreter = None;
        needs.libraries.push("libssl.so.3".to_owned());
        let expected = [
            "its loader is none, as in a static binary, and not glibc's /lib64/ld-linux-x86-64.so.2",
            "it needs the library libssl.so.3, which the runtime does not have",
        ];
        assert_eq!(needs.problems(Architecture::X86_64), expected);
    }

    #[test]
    fn this_programs_own_needs_are_read_from_its_file() {
        let needs = Needs::read(&std::fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert_eq!(Architecture::of_machine(needs.machine), Some(Architecture::host()));
        assert_eq!(needs.interpreter.as_deref(), Some(Architecture::host().loader()));
        assert!(needs.libraries.iter().any(|library| library == "libc.so.6"), "{:?}", needs.libraries);
        let with_symbols = needs.versions.iter().filter(|version| version.name.starts_with("GLIBC_2."));
        assert!(with_symbols.clone().count() > 0 && with_symbols.clone().any(|it| !it.symbols.is_empty()));
        assert!(needs.glibc().is_some());
    }

    #[test]
    fn what_is_no_elf_file_is_refused() {
        let error = Needs::read(b"#!/bin/sh\n").unwrap_err();
        assert!(error.to_string().contains("no 64-bit ELF binary"), "{error}");
    }
}
