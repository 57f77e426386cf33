//! Hostile input without a fuzzer: the corpora of what the registrar reads, thousands of changes of them that are the
//! same in every run, and inputs that grow.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "what cannot be read, and a promise that is broken, is a failure of these tests, told with its input"
)]

#[expect(unreachable_pub, reason = "elsewhere it is a library, and its inputs are public")]
#[path = "../../../fuzz/src/growth.rs"]
mod growth;
#[expect(unreachable_pub, reason = "elsewhere it is a library, and its targets are public")]
#[path = "../../../fuzz/src/registrar.rs"]
mod registrar;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use allocation_counter::AllocationInfo;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use growth::Growing;

/// Changed inputs for each target.
const CHANGED: usize = 1_500;
const SEED: u64 = 20_261_122;
/// What parsers trip over.
const TOKENS: [&str; 12] = ["{", "}", "[", "]", "\"", "\\", ",", ":", "null", "-1", "1e999", "\u{202e}"];
/// How much more twice the input may allocate, in percent: lists that grow by doubling may be twice as wasteful.
const MOST_PERCENT: u64 = 260;
/// What an input may allocate beside what it is in proportion to, in bytes and in pieces.
const LEAST: u64 = 64 * 1024;
/// Bytes that one byte of input may hold in memory at once, and bytes that are held whatever the input. The densest is
/// an empty list: three bytes of JSON are a value of 72 where objects keep their order, in a list that doubles.
const HELD_PER_BYTE: u64 = 96;
const HELD_BESIDES: u64 = 1024 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = fuzz().join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Says which input it was when a target panics.
struct Witness<'a>(&'a str, &'a [u8]);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the target {} broke on {:?}", self.0, String::from_utf8_lossy(self.1));
        }
    }
}

fn changed(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = corpus[random.random_range(0..corpus.len())].clone();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=input.len());
        match random.random_range(0..6) {
            0 if at < input.len() => drop(input.remove(at)),
            1 if at < input.len() => input[at] = random.random(),
            2 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
            3 => {
                let token = TOKENS[random.random_range(0..TOKENS.len())];
                input.splice(at..at, token.bytes());
            }
            4 => {
                let end = (at + random.random_range(0..64)).min(input.len());
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
            _ => {
                let other = &corpus[random.random_range(0..corpus.len())];
                input.truncate(at);
                input.extend(other.iter().skip(at));
            }
        }
    }
    input
}

#[test]
fn hostile_input_breaks_no_promise_of_the_registrar() {
    for (name, target) in registrar::TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() > 2, "{name} has a corpus");
        let mut random = StdRng::seed_from_u64(SEED);
        let more = (0..CHANGED).map(|_| changed(&corpus, &mut random));
        for input in corpus.iter().cloned().chain(more) {
            let _witness = Witness(name, &input);
            target(&input);
        }
    }
}

#[test]
fn every_program_for_the_fuzzer_has_a_target_and_a_corpus() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let programs = names("fuzz_targets");
    assert_eq!(programs, names("corpus"));
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let targets: String = ["probe.rs", "registrar.rs"]
        .map(|file| fs::read_to_string(fuzz().join("src").join(file)).unwrap())
        .concat();
    for program in &programs {
        assert!(manifest.contains(&format!("name = \"{program}\"")), "{program} is not in the manifest");
        assert!(targets.contains(&format!("(\"{program}\", ")), "{program} is not replayed by a test");
    }
    let of_registrar: BTreeSet<String> =
        registrar::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(of_registrar.is_subset(&programs), "{of_registrar:?}");
}

fn measure(growing: &Growing, parts: usize) -> (u64, AllocationInfo) {
    let input = (growing.input)(parts);
    let info = allocation_counter::measure(|| (growing.target)(input.as_bytes()));
    (input.len() as u64, info)
}

/// Time is not measured: what is allocated is the same in every run. Comparisons are counted by `cargo xtask fuzz`.
#[test]
fn twice_the_input_allocates_twice_as_much_and_holds_a_bounded_share_of_its_size() {
    let mut problems = Vec::new();
    for growing in &growth::GROWING {
        let (_, small) = measure(growing, growing.parts);
        let (length, large) = measure(growing, 2 * growing.parts);
        let most = |small: u64| small * MOST_PERCENT / 100 + LEAST;
        let name = growing.name;
        if large.bytes_total > most(small.bytes_total) {
            problems.push(format!("{name}: {} bytes, then {}", small.bytes_total, large.bytes_total));
        }
        if large.count_total > most(small.count_total) {
            problems.push(format!("{name}: {} pieces, then {}", small.count_total, large.count_total));
        }
        if large.bytes_max > length * HELD_PER_BYTE + HELD_BESIDES {
            problems.push(format!("{name}: {} bytes are held for {length}", large.bytes_max));
        }
    }
    assert!(problems.is_empty(), "more than in proportion:\n  {}", problems.join("\n  "));
}
