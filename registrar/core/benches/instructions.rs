//! How many instructions planning takes: a figure that does not depend on what else the machine does.
//!
//! It needs valgrind and `gungraun-runner` (`cargo install gungraun-runner --version 0.20.0`), and says
//! so where one of them is missing.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has to stop")]
#![expect(missing_docs, reason = "the macros write undocumented items")]
#![expect(clippy::print_stdout, reason = "a bench reports to standard output")]
#![expect(unreachable_pub, reason = "the world is a module of each bench")]

mod world;

use std::hint::black_box;
use std::process::{Command, Stdio};

use gungraun::{library_benchmark, library_benchmark_group, main};
use registrar_core::inventory::Inventory;
use registrar_core::lint::CheckedPlan;
use world::World;

fn read(instances: usize) -> (World, Inventory) {
    observed(World::new(instances))
}

fn read_one_pool(instances: usize) -> (World, Inventory) {
    observed(World::of_one_pool(instances))
}

fn observed(world: World) -> (World, Inventory) {
    let inventory = world.observe();
    (world, inventory)
}

#[library_benchmark]
#[bench::hundred(args = (100), setup = read)]
#[bench::thousand(args = (1_000), setup = read)]
#[bench::ten_thousand(args = (10_000), setup = read)]
#[bench::one_pool_of_7_500(args = (7_500), setup = read_one_pool)]
fn plan((world, inventory): (World, Inventory)) -> CheckedPlan {
    black_box(world.plan(black_box(&inventory)))
}

library_benchmark_group!(name = planning, benchmarks = plan);

fn main() {
    for tool in ["valgrind", "gungraun-runner"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            println!("instructions: not counted, because {tool} is not installed");
            return;
        }
    }
    // The macro writes another `main`, which is only run where the tools are there.
    main!(library_benchmark_groups = planning);
    main();
}
