//! The machines that are packaged for, and what a binary has to be to run there.
//!
//! It knows facts only; it builds nothing and reads no binary.

use clap::ValueEnum;
use object::elf;

/// The newest glibc that provided.al2023 has; Amazon Linux 2023 keeps it for its whole life.
/// <https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html>
pub(crate) const GLIBC: GlibcVersion = GlibcVersion { major: 2, minor: 34, patch: 0 };

/// What the runtime's image has beside the loader. A binary that needs another library does not start there.
pub(crate) const LIBRARIES: [&str; 6] =
    ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"];

/// A version of glibc, compared by number: 2.4 is older than 2.34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GlibcVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

impl GlibcVersion {
    /// Reads the version of a symbol, such as `GLIBC_2.34` or `GLIBC_2.2.5`; none where it is not glibc's or not a
    /// number, as `GLIBC_PRIVATE` and `GLIBC_ABI_DT_RELR`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("GLIBC_")?.split('.').map(|part| part.parse().ok());
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = parts.next().unwrap_or(Some(0))?;
        parts.next().is_none().then_some(Self { major, minor, patch })
    }
}

impl std::fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

/// A machine that Lambda runs functions on, by Lambda's own name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    /// 64-bit Intel and AMD
    #[value(name = "x86_64")]
    X86_64,
    /// AWS Graviton
    #[value(name = "arm64")]
    Arm64,
}

impl Architecture {
    /// Every architecture.
    pub(crate) const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// Returns Lambda's name for it, as in a function's `Architectures`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// Returns the architecture of the binary with this ELF machine number.
    pub(crate) fn of_machine(machine: elf::Machine) -> Option<Self> {
        Self::ALL.into_iter().find(|architecture| architecture.machine() == machine)
    }

    /// Returns Rust's name for the target.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// Returns the machine number in the ELF header.
    pub(crate) fn machine(self) -> elf::Machine {
        match self {
            Self::X86_64 => elf::EM_X86_64,
            Self::Arm64 => elf::EM_AARCH64,
        }
    }

    /// Returns where glibc's loader is, which the binary names as its interpreter.
    pub(crate) fn loader(self) -> &'static str {
        match self {
            Self::X86_64 => "/lib64/ld-linux-x86-64.so.2",
            Self::Arm64 => "/lib/ld-linux-aarch64.so.1",
        }
    }

    /// Tells whether this program runs on it, so that its binaries can be built without a cross linker.
    pub(crate) fn is_host(self) -> bool {
        match self {
            Self::X86_64 => cfg!(target_arch = "x86_64"),
            Self::Arm64 => cfg!(target_arch = "aarch64"),
        }
    }

    /// Returns the one that this program runs on, and x86_64 where it is neither.
    pub(crate) fn host() -> Self {
        if Self::Arm64.is_host() { Self::Arm64 } else { Self::X86_64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let parse = |text| GlibcVersion::parse(text).unwrap();
        assert!(parse("GLIBC_2.4") < parse("GLIBC_2.34"));
        assert!(parse("GLIBC_2.2.5") < parse("GLIBC_2.3"));
        assert!(parse("GLIBC_2.35") > GLIBC);
        assert_eq!(parse("GLIBC_2.34"), GLIBC);
        assert_eq!(parse("GLIBC_2.2.5").to_string(), "2.2.5");
    }

    #[test]
    fn what_is_no_version_of_glibc_is_none() {
        for text in ["GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR", "GCC_3.0", "GLIBC_2", "GLIBC_2.1.2.3", "2.34"] {
            assert_eq!(GlibcVersion::parse(text), None, "{text}");
        }
    }
}
