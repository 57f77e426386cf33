//! One test for each scenario file: those in `scenarios` hold, those in `scenarios-failing` do not yet.

use std::path::Path;

use registrar_tests::check;

fn comes_out_as_it_says(path: &Path, text: String) -> datatest_stable::Result<()> {
    let name = path.display().to_string();
    match (check::scenario(&name, &text), name.contains("scenarios-failing")) {
        (Ok(()), true) => Err(format!("{name} holds now: move it to scenarios").into()),
        (Err(error), failing) if !failing || !error.readable => Err(error.into()),
        (Ok(()), false) | (Err(_), _) => Ok(()),
    }
}

datatest_stable::harness! {
    { test = comes_out_as_it_says, root = ".", pattern = r"^scenarios(-failing)?/[^/]*\.toml$" },
}
