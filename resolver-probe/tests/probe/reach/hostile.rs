//! The fuzz targets without a fuzzer: their corpus, and thousands of changes of it that are the same in
//! every run.

#[expect(unreachable_pub, reason = "elsewhere it is a library, and its targets are public")]
#[path = "../../../../fuzz/src/probe.rs"]
mod targets;

use std::fmt::Write as _;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Changed inputs for each target.
const CHANGED: usize = 20_000;
const SEED: u64 = 20_261_121;

/// Values at which parsers go wrong.
const EDGES: [u8; 8] = [0, 1, 3, 4, 0x7f, 0x80, 0xfe, 0xff];

/// Says which input it was when a target panics.
struct Witness<'a>(&'a str, &'a [u8]);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let input = self.1.iter().fold(String::new(), |mut text, octet| {
                let _ = write!(text, "{octet:02x}");
                text
            });
            eprintln!("the target {} broke on {input}", self.0);
        }
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn changed(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = corpus[random.random_range(0..corpus.len())].clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=input.len());
        match random.random_range(0..6) {
            0 => input.truncate(at),
            1 => input.insert(at, random.random()),
            2 if at < input.len() => drop(input.remove(at)),
            3 if at < input.len() => input[at] = EDGES[random.random_range(0..EDGES.len())],
            4 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
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
fn hostile_input_breaks_no_promise() {
    for (name, target) in targets::TARGETS {
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
