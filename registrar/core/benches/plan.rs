//! How planning grows: from dumps to a checked plan, for fleets of 100 to 10,000 instances.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has to stop")]
#![expect(unreachable_pub, reason = "the world is a module of each bench")]

mod world;

use divan::{Bencher, black_box};
use world::World;

const SIZES: [usize; 3] = [100, 1_000, 10_000];
/// Sizes of one pool; beyond a hundred it is a tree.
const POOL_SIZES: [usize; 4] = [80, 100, 1_000, 7_500];

fn main() {
    divan::main();
}

/// Observe to plan: read both dumps, plan, and check the plan.
#[divan::bench(args = SIZES)]
fn observe_to_plan(bencher: Bencher, instances: usize) {
    let world = World::new(instances);
    bencher.bench(|| world.plan(black_box(&world.observe())));
}

/// Plan only, with the check: the fleet is read already.
#[divan::bench(args = SIZES)]
fn plan(bencher: Bencher, instances: usize) {
    let world = World::new(instances);
    let inventory = world.observe();
    bencher.bench(|| world.plan(black_box(&inventory)));
}

/// Observe to plan, for one pool.
#[divan::bench(args = POOL_SIZES)]
fn observe_to_plan_one_pool(bencher: Bencher, instances: usize) {
    let world = World::of_one_pool(instances);
    bencher.bench(|| world.plan(black_box(&world.observe())));
}

/// Plan only, with the check, for one pool.
#[divan::bench(args = POOL_SIZES)]
fn plan_one_pool(bencher: Bencher, instances: usize) {
    let world = World::of_one_pool(instances);
    let inventory = world.observe();
    bencher.bench(|| world.plan(black_box(&inventory)));
}
