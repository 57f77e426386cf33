//! Every order in which two registrars and the world can take their steps, for a handful of short stories.
//!
//! A registrar's look is a step, and so is each of its calls to Route 53; what else happens in a story is
//! a third actor. Each schedule is played from the start, with the referee beside it; then both sweep
//! once more, and the records must be exactly right.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot set its scene has failed")]

use registrar_core::pool::Routing;
use registrar_local::edge::{Route53Faults, RunReport};
use registrar_tests::simulation::{
    DocumentChange, FleetRead, ForeignKind, GroupsRead, Happening, LaunchKind, Progress, Stage, Truth,
    expected,
};

/// Two registrars, what they were shown, and what else is going to happen.
struct Play {
    stage: Stage,
    truth: Truth,
    /// Whether each has begun, and whether it is done.
    begun: [bool; 2],
    done: [bool; 2],
    reports: Vec<RunReport>,
    /// What happens in between, in this order.
    meanwhile: Vec<Happening>,
}

impl Play {
    fn new() -> Self {
        let truth = Truth::default();
        let stage = Stage::new(2, &truth).unwrap();
        let (reports, meanwhile) = (Vec::new(), Vec::new());
        Self { stage, truth, begun: [false; 2], done: [false; 2], reports, meanwhile }
    }

    fn happens(&mut self, happening: &Happening) -> Result<(), String> {
        self.stage.play(&mut self.truth, happening)
    }

    fn set(&mut self, happenings: &[Happening]) {
        happenings.iter().for_each(|happening| self.happens(happening).unwrap());
    }

    fn launch(&mut self, slots: &[u16]) {
        for slot in slots {
            self.set(&[Happening::Launch { slot: *slot, kind: LaunchKind::Addressed, group: None }]);
        }
    }

    /// Launches instances, and lets the first registrar publish them.
    fn publish(&mut self, slots: &[u16]) {
        self.launch(slots);
        self.set(&[Happening::Sweep(0, FleetRead::Whole, GroupsRead::Whole)]);
    }

    /// Shows a registrar how things are now.
    fn show(&mut self, edge: u8) {
        self.stage.show(edge, &self.truth, FleetRead::Whole, GroupsRead::Whole);
    }

    /// The actors that have a step left: 0 and 1 are the registrars, 2 is everything else.
    fn actors(&self) -> Vec<u8> {
        let ready = |actor: &u8| match actor {
            0 | 1 => !self.done[usize::from(*actor)],
            _ => !self.meanwhile.is_empty(),
        };
        (0..3).filter(ready).collect()
    }

    fn take_step(&mut self, actor: u8) -> Result<(), String> {
        if actor == 2 {
            return self.take_happening();
        }
        let index = usize::from(actor);
        if !self.begun[index] {
            self.begun[index] = true;
            self.done[index] = !self.stage.begin(actor)?;
            return Ok(());
        }
        match self.stage.step(actor)? {
            Progress::Moved => {}
            Progress::Idle => self.done[index] = true,
            Progress::Waits(at) => self.stage.now = self.stage.now.max(at),
            Progress::Done(report) => {
                self.done[index] = true;
                self.reports.push(*report);
            }
        }
        Ok(())
    }

    fn take_happening(&mut self) -> Result<(), String> {
        let happening = self.meanwhile.remove(0);
        if let Happening::Crash { edge, .. } = happening {
            self.begun[usize::from(edge)] = true;
            self.done[usize::from(edge)] = true;
        }
        self.happens(&happening)
    }

    /// Nothing is poisoned or left over, and after one more sweep each all is as it should be.
    fn ends_well(mut self) -> Result<(), String> {
        for edge in 0..2 {
            let report = self.stage.sweep(edge, &self.truth, FleetRead::Whole, GroupsRead::Whole)?;
            self.reports.extend(report.map(|report| *report));
        }
        for report in &self.reports {
            if !report.outcome.is_complete() {
                return Err(format!("not everything was done: {:#?}", report.outcome));
            }
        }
        expected::check(&self.truth, &self.stage.zone())
    }
}

/// Plays every schedule of a story and returns how many there are.
fn every_schedule(story: impl Fn() -> Play) -> usize {
    let mut schedules = 0;
    // The place of each step's actor among those that could have taken it, and how many those were.
    let mut path: Vec<(usize, usize)> = Vec::new();
    loop {
        let mut play = story();
        let mut schedule = Vec::new();
        let take_all = || {
            for step in 0.. {
                let actors = play.actors();
                if actors.is_empty() {
                    return play.ends_well();
                }
                if step == path.len() {
                    path.push((0, actors.len()));
                }
                schedule.push(actors[path[step].0]);
                play.take_step(actors[path[step].0])?;
            }
            Ok(())
        };
        if let Err(what) = take_all() {
            panic!("{what}\nwith the schedule {schedule:?}");
        }
        schedules += 1;
        while path.last().is_some_and(|(chosen, options)| chosen + 1 == *options) {
            path.pop();
        }
        match path.last_mut() {
            Some((chosen, _)) => *chosen += 1,
            None => return schedules,
        }
    }
}

fn at_least(least: usize, schedules: usize) {
    assert!(schedules >= least, "only {schedules} schedules were played");
}

#[test]
fn a_launch_that_both_see_is_published_once() {
    let story = || {
        let mut play = Play::new();
        play.launch(&[0, 1]);
        play.show(0);
        play.show(1);
        play
    };
    at_least(20, every_schedule(story));
}

#[test]
fn an_instance_that_one_adds_and_the_other_knows_dead_ends_without_a_record() {
    let story = |published: bool| {
        move || {
            let mut play = Play::new();
            play.publish(&[1]);
            play.launch(&[0]);
            play.show(0);
            if published {
                play.set(&[Happening::Sweep(1, FleetRead::Whole, GroupsRead::Whole)]);
            }
            play.set(&[Happening::Terminate(0)]);
            play.show(1);
            play
        }
    };
    at_least(10, every_schedule(story(false)));
    at_least(10, every_schedule(story(true)));
}

#[test]
fn a_change_of_ttl_and_an_addition_end_with_one_ttl() {
    let story = || {
        let mut play = Play::new();
        play.publish(&[0, 1]);
        play.launch(&[2]);
        play.show(0);
        play.set(&[Happening::Edit(0, DocumentChange::Ttl(60))]);
        play.show(1);
        play
    };
    at_least(20, every_schedule(story));
}

#[test]
fn a_change_of_routing_and_a_removal_end_in_the_new_routing_without_the_dead() {
    let story = |to: Routing| {
        move || {
            let mut play = Play::new();
            play.publish(&[0, 1, 2]);
            play.set(&[Happening::Terminate(1)]);
            play.show(0);
            play.set(&[Happening::Edit(0, DocumentChange::Routing(to))]);
            play.stage.show(1, &play.truth, FleetRead::First(3), GroupsRead::Whole);
            play
        }
    };
    at_least(20, every_schedule(story(Routing::Simple)));
    at_least(20, every_schedule(story(Routing::Multivalue)));
}

#[test]
fn two_changes_of_one_simple_set_do_not_lose_each_other() {
    let story = || {
        let mut play = Play::new();
        play.set(&[Happening::Edit(0, DocumentChange::Routing(Routing::Simple))]);
        play.publish(&[0, 1]);
        play.launch(&[2]);
        play.show(0);
        play.set(&[Happening::Terminate(0)]);
        play.show(1);
        play
    };
    at_least(20, every_schedule(story));
}

#[test]
fn an_address_that_moved_for_one_of_them_only_ends_as_it_is() {
    let story = || {
        let mut play = Play::new();
        play.publish(&[0, 1]);
        play.show(0);
        play.set(&[Happening::Associate(0)]);
        play.launch(&[2]);
        play.show(1);
        play.set(&[Happening::Associate(0)]);
        play
    };
    at_least(4, every_schedule(story));
}

#[test]
fn two_readers_who_are_both_behind_do_no_harm_that_lasts() {
    let story = || {
        let mut play = Play::new();
        play.publish(&[0, 1]);
        play.set(&[Happening::Stop(0)]);
        play.show(0);
        play.set(&[Happening::Start(0, true), Happening::Stop(1)]);
        play.show(1);
        play.set(&[Happening::Start(1, true)]);
        play.launch(&[2]);
        play
    };
    at_least(20, every_schedule(story));
}

#[test]
fn a_crash_of_one_at_any_point_leaves_nothing_that_the_other_cannot_finish() {
    let story = |memory_kept: bool| {
        move || {
            let mut play = Play::new();
            play.publish(&[0, 1]);
            play.set(&[Happening::Terminate(0)]);
            play.launch(&[2]);
            play.show(0);
            play.show(1);
            play.meanwhile = vec![Happening::Crash { edge: 0, memory_kept }];
            play
        }
    };
    at_least(100, every_schedule(story(true)));
    at_least(100, every_schedule(story(false)));
}

#[test]
fn a_reply_or_a_request_that_one_loses_is_noticed_whatever_the_other_does() {
    let story = |faults: Route53Faults| {
        move || {
            let mut play = Play::new();
            play.publish(&[0]);
            play.launch(&[1]);
            play.show(0);
            play.set(&[Happening::Terminate(0), Happening::Faults(0, faults)]);
            play.show(1);
            play
        }
    };
    at_least(50, every_schedule(story(Route53Faults { lose_reply: 1, ..Route53Faults::default() })));
    at_least(50, every_schedule(story(Route53Faults { lose_request: 1, ..Route53Faults::default() })));
}

#[test]
fn a_record_of_somebody_else_that_appears_at_any_point_is_left_alone() {
    let story = |kind: ForeignKind| {
        move || {
            let mut play = Play::new();
            play.launch(&[0, 1]);
            play.show(0);
            play.show(1);
            play.meanwhile = vec![Happening::Foreign(0, kind)];
            play
        }
    };
    at_least(100, every_schedule(story(ForeignKind::Weighted { own_ttl: true })));
    at_least(100, every_schedule(story(ForeignKind::Simple)));
}

#[test]
fn plans_that_grow_old_at_any_point_are_made_anew() {
    let story = || {
        let mut play = Play::new();
        play.publish(&[0]);
        play.launch(&[1]);
        play.show(0);
        play.set(&[Happening::Terminate(0)]);
        play.show(1);
        play.meanwhile = vec![Happening::Pass(11)];
        play
    };
    at_least(100, every_schedule(story));
}
