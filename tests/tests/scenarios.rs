//! One test for each scenario file.

use std::path::Path;

use registrar_tests::check;

fn comes_out_as_it_says(path: &Path, text: String) -> datatest_stable::Result<()> {
    Ok(check::scenario(&path.display().to_string(), &text)?)
}

datatest_stable::harness! {
    { test = comes_out_as_it_says, root = "scenarios", pattern = r"\.toml$" },
}
