//! Auto Scaling groups, their lifecycle hooks, and the actions that wait at them.
//!
//! Groups do not scale by themselves: tests say who is launched and who has to go.

use std::collections::BTreeMap;

use registrar_core::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::World;
use super::instance::{GROUP_TAG, Instance, InstanceState, Membership};

/// The default of `HeartbeatTimeout` in seconds (API reference, `PutLifecycleHook`).
const DEFAULT_HEARTBEAT_SECS: u32 = 3_600;
/// The longest time that an action waits: 48 hours or 100 heartbeats, whichever is less (User Guide,
/// "Lifecycle hooks").
const LONGEST_WAIT_SECS: i64 = 172_800;
const MOST_HEARTBEATS: i64 = 100;

/// An Auto Scaling group. Its members are the instances that say so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The Region that it exists in; the world's own if absent.
    #[serde(default)]
    pub region: Option<String>,
    /// Its lifecycle hooks.
    #[serde(default)]
    pub hooks: Vec<Hook>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// What it holds up.
    pub transition: Transition,
    /// How long it waits for a heartbeat or an end, in seconds.
    #[serde(default = "default_heartbeat_secs")]
    pub heartbeat_secs: u32,
    /// What happens when nobody ends it in time.
    #[serde(default)]
    pub default_result: ActionResult,
}

fn default_heartbeat_secs() -> u32 {
    DEFAULT_HEARTBEAT_SECS
}

/// What a lifecycle hook holds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transition {
    /// A launch.
    Launching,
    /// A termination.
    Terminating,
}

impl Transition {
    /// Returns the name that the API uses.
    #[must_use]
    pub fn api_name(self) -> &'static str {
        match self {
            Self::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }

    fn waiting_state(self) -> &'static str {
        match self {
            Self::Launching => "Pending:Wait",
            Self::Terminating => "Terminating:Wait",
        }
    }
}

/// How a lifecycle action ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ActionResult {
    /// Go on.
    Continue,
    /// Give up: the instance is terminated. It is the default of a hook (API reference, `LifecycleHook`).
    #[default]
    Abandon,
}

/// A lifecycle action that waits, or has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LifecycleAction {
    /// The group.
    pub group: String,
    /// The hook that it waits at.
    pub hook: String,
    /// The instance.
    pub instance: String,
    /// The token of the event about it, of 36 characters.
    pub token: String,
    /// What is held up.
    pub transition: Transition,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ends by itself.
    pub deadline: Timestamp,
    /// How often a heartbeat came.
    pub heartbeats: u32,
    /// How it ended, and whether a call ended it or its deadline.
    pub ended: Option<(ActionResult, EndedBy)>,
}

/// What ended a lifecycle action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// `CompleteLifecycleAction`.
    Call,
    /// Nobody, until its deadline.
    Deadline,
    /// The termination of the instance by somebody else.
    Termination,
}

impl Group {
    /// Builds a group without hooks.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), region: None, hooks: Vec::new(), tags: BTreeMap::new() }
    }

    /// Gives it a hook.
    #[must_use]
    pub fn with_hook(mut self, hook: Hook) -> Self {
        self.hooks.push(hook);
        self
    }
}

impl Hook {
    /// Builds a hook on terminations that goes on when nobody ends it.
    #[must_use]
    pub fn terminating(name: &str, heartbeat_secs: u32) -> Self {
        let (transition, default_result) = (Transition::Terminating, ActionResult::Continue);
        Self { name: name.to_owned(), transition, heartbeat_secs, default_result }
    }

    /// Builds a hook on launches that gives up when nobody ends it.
    #[must_use]
    pub fn launching(name: &str, heartbeat_secs: u32) -> Self {
        let (transition, default_result) = (Transition::Launching, ActionResult::Abandon);
        Self { name: name.to_owned(), transition, heartbeat_secs, default_result }
    }
}

impl World {
    /// Puts a group into the world, in place of the one of its name.
    pub fn put_group(&mut self, group: Group) {
        self.groups.insert(group.name.clone(), group);
    }

    /// Puts an instance into the world as Auto Scaling launches it: held up where its group has hooks on
    /// launches. Returns the actions that wait.
    pub fn launch(&mut self, instance: Instance) -> Vec<LifecycleAction> {
        let id = instance.id.clone();
        self.put_instance(instance);
        self.hold_up(&id, Transition::Launching)
    }

    /// Begins to terminate a member of a group: held up where the group has hooks on terminations, at once
    /// otherwise. Returns the actions that wait.
    pub fn scale_in(&mut self, instance_id: &str) -> Vec<LifecycleAction> {
        let actions = self.hold_up(instance_id, Transition::Terminating);
        if actions.is_empty() {
            self.terminate(instance_id);
        }
        actions
    }

    /// Sets the lifecycle state of a member by hand. Says whether there is such a member.
    pub fn set_lifecycle_state(&mut self, instance_id: &str, state: &str) -> bool {
        let member = self.instances.get_mut(instance_id).and_then(|instance| instance.member.as_mut());
        member.map(|member| state.clone_into(&mut member.lifecycle_state)).is_some()
    }

    /// Returns every lifecycle action, in the order in which they began; those without an end wait.
    pub fn lifecycle_actions(&mut self) -> &[LifecycleAction] {
        self.end_overdue_actions();
        &self.actions
    }

    /// Ends a waiting action as a call does.
    pub(crate) fn end_action(&mut self, index: usize, result: ActionResult, by: EndedBy) {
        let Some(action) = self.actions.get_mut(index) else { return };
        action.ended = Some((result, by));
        let (instance, transition) = (action.instance.clone(), action.transition);
        let still_waits = |other: &LifecycleAction| {
            other.ended.is_none() && other.instance == instance && other.transition == transition
        };
        match (transition, result) {
            (Transition::Launching, ActionResult::Continue) => {
                if !self.actions.iter().any(still_waits) {
                    self.set_lifecycle_state(&instance, "InService");
                }
            }
            // ABANDON skips the hooks that are left; a termination goes on either way.
            (Transition::Launching | Transition::Terminating, ActionResult::Abandon) => {
                self.terminate(&instance);
            }
            (Transition::Terminating, ActionResult::Continue) => {
                if !self.actions.iter().any(still_waits) {
                    self.terminate(&instance);
                }
            }
        }
    }

    /// Ends what nobody ended in time.
    pub(crate) fn end_overdue_actions(&mut self) {
        let now = self.now();
        let overdue = |action: &LifecycleAction| action.ended.is_none() && action.deadline <= now;
        while let Some(index) = self.actions.iter().position(overdue) {
            let action = &self.actions[index];
            let hooks = self.groups.get(&action.group).map(|group| group.hooks.as_slice());
            let hook = hooks.unwrap_or_default().iter().find(|hook| hook.name == action.hook);
            let result = hook.map_or(ActionResult::Abandon, |hook| hook.default_result);
            self.end_action(index, result, EndedBy::Deadline);
        }
    }

    /// Lets an action wait for another heartbeat.
    pub(crate) fn heartbeat(&mut self, index: usize) {
        let now = self.now();
        let Some(action) = self.actions.get_mut(index) else { return };
        let hooks = self.groups.get(&action.group).map(|group| group.hooks.as_slice());
        let Some(hook) = hooks.unwrap_or_default().iter().find(|hook| hook.name == action.hook) else {
            return;
        };
        let longest = LONGEST_WAIT_SECS.min(MOST_HEARTBEATS * i64::from(hook.heartbeat_secs));
        let last = after(action.started_at, longest);
        action.deadline = after(now, hook.heartbeat_secs.into()).min(last);
        action.heartbeats += 1;
    }

    /// Ends what waits for an instance that is gone.
    pub(crate) fn end_actions_of(&mut self, instance_id: &str) {
        let waiting = self.actions.iter_mut().filter(|action| action.ended.is_none());
        for action in waiting.filter(|action| action.instance == instance_id) {
            action.ended = Some((ActionResult::Abandon, EndedBy::Termination));
        }
    }

    fn hold_up(&mut self, instance_id: &str, transition: Transition) -> Vec<LifecycleAction> {
        let Some(instance) = self.instances.get(instance_id) else { return Vec::new() };
        let Some(Membership { group, .. }) = instance.member.clone() else { return Vec::new() };
        let hooks = self.groups.get(&group).map(|group| group.hooks.clone()).unwrap_or_default();
        let hooks = hooks.into_iter().filter(|hook| hook.transition == transition);
        let now = self.now();
        let begin = |(number, hook): (usize, Hook)| LifecycleAction {
            group: group.clone(),
            hook: hook.name,
            instance: instance_id.to_owned(),
            token: token(self.actions.len() + number),
            transition,
            started_at: now,
            deadline: after(now, hook.heartbeat_secs.into()),
            heartbeats: 0,
            ended: None,
        };
        let actions: Vec<LifecycleAction> = hooks.enumerate().map(begin).collect();
        if !actions.is_empty() {
            self.set_lifecycle_state(instance_id, transition.waiting_state());
            self.actions.extend(actions.iter().cloned());
        }
        actions
    }

    /// Terminates an instance at once; it is described as terminated until it is forgotten, without its group.
    pub fn terminate(&mut self, instance_id: &str) {
        if let Some(instance) = self.instances.get_mut(instance_id) {
            instance.state = InstanceState::Terminated;
            instance.member = None;
        }
        self.end_actions_of(instance_id);
    }

    /// Takes the tags of an instance away, as they fade after a termination; the group's goes last.
    pub fn fade_tags(&mut self, instance_id: &str) {
        if let Some(instance) = self.instances.get_mut(instance_id) {
            instance.tags.retain(|key, _| key == GROUP_TAG);
        }
    }
}

/// Returns a token of 36 characters, as the API wants it.
fn token(number: usize) -> String {
    format!("00000000-0000-4000-c000-{number:012}")
}

fn after(at: Timestamp, secs: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(secs)).unwrap_or(Timestamp::MAX)
}
