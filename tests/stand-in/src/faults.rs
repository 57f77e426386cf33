//! What goes wrong, armed in advance for the calls to come.
//!
//! Each fault waits for calls of its operation, lets some pass, and acts on the next ones. The first
//! fault in the order of arming that is ready acts; the others have still seen the call go by.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::operation::Operation;

/// Something that goes wrong with calls of an operation.
///
/// As JSON: `{"operation": "ec2:DescribeInstances", "effect": "throttle", "after": 1, "times": 5}`; without
/// `operation` it is every one, without `times` one call, and with `"times": null` every call from then on. With
/// `"naming": "video.edge.example.com"` it is only calls of Route 53 whose body has this text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    #[serde(default)]
    operation: Option<Operation>,
    #[serde(default)]
    naming: Option<String>,
    effect: Effect,
    #[serde(default)]
    after: u64,
    #[serde(default = "once")]
    times: Option<u64>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn once() -> Option<u64> {
    Some(1)
}

/// What a fault does to a call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The service says that it is asked too often, with its own code and status.
    Throttle,
    /// The service refuses the call, which is not applied.
    Refuse {
        /// HTTP status.
        status: u16,
        /// Error code, as the service writes it.
        code: String,
        /// Error message.
        message: String,
    },
    /// The connection is closed without an answer; the call is not applied.
    DropBefore,
    /// The call is applied, and the connection closed without an answer: a lost reply.
    DropAfter,
    /// Nothing comes for so long (in milliseconds as JSON), then the connection is closed; not applied.
    #[serde(deserialize_with = "milliseconds")]
    Hang(Duration),
    /// The call is applied and answered, so much later (in milliseconds as JSON).
    #[serde(deserialize_with = "milliseconds")]
    Delay(Duration),
    /// The call is applied, and the connection closed in the middle of the answer.
    CutAnswer,
    /// A listing that was asked for a further page names that page as the next one.
    RepeatCursor,
    /// A listing answers with an empty page that has a next one (SSM documents that it may).
    EmptyPage,
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

impl Fault {
    /// Builds a fault that acts on the next call of an operation.
    #[must_use]
    pub fn on(operation: Operation, effect: Effect) -> Self {
        Self { operation: Some(operation), naming: None, effect, after: 0, times: Some(1) }
    }

    /// Builds a fault that acts on the next call, whatever it is.
    #[must_use]
    pub fn on_any(effect: Effect) -> Self {
        Self { operation: None, naming: None, effect, after: 0, times: Some(1) }
    }

    /// Lets so many calls pass first: on a listing, page `n` fails after `n - 1` calls.
    #[must_use]
    pub fn after(mut self, calls: u64) -> Self {
        self.after = calls;
        self
    }

    /// Makes it act on so many calls.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    /// Makes it act on every call until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Has it see only calls whose body has this text (Route 53's alone have one that is kept as it came), as IAM's
    /// conditions deny by name.
    #[must_use]
    pub fn naming(mut self, text: &str) -> Self {
        self.naming = Some(text.to_owned());
        self
    }

    fn sees(&self, operation: Operation, body: &str) -> bool {
        self.operation.is_none_or(|of| of == operation)
            && self.naming.as_ref().is_none_or(|text| body.contains(text))
    }
}

/// The faults that are armed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn arm(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Says how many faults have not acted for the last time.
    pub(crate) fn armed(&self) -> usize {
        self.0.len()
    }

    /// Shows a call to every fault and returns what the first one that is ready does to it.
    pub(crate) fn strike(&mut self, operation: Operation, body: &str) -> Option<Effect> {
        let mut effect = None;
        for fault in self.0.iter_mut().filter(|fault| fault.sees(operation, body)) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if effect.is_none() && fault.times != Some(0) {
                fault.times = fault.times.map(|left| left - 1);
                effect = Some(fault.effect.clone());
            }
        }
        self.0.retain(|fault| fault.times != Some(0));
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lets_calls_pass_then_acts_so_often_and_is_gone() {
        let mut faults = Faults::default();
        faults.arm(Fault::on(Operation::DescribeInstances, Effect::Throttle).after(1).times(2));
        let mut strike = || faults.strike(Operation::DescribeInstances, "").is_some();
        assert_eq!([strike(), strike(), strike(), strike()], [false, true, true, false]);
        assert_eq!(faults.armed(), 0);
    }

    #[test]
    fn a_fault_sees_only_its_own_operation() {
        let mut faults = Faults::default();
        faults.arm(Fault::on(Operation::GetChange, Effect::Throttle));
        assert_eq!(faults.strike(Operation::DescribeInstances, ""), None);
        assert_eq!(faults.strike(Operation::GetChange, ""), Some(Effect::Throttle));
    }

    #[test]
    fn a_fault_that_names_a_text_sees_only_bodies_that_have_it() {
        let mut faults = Faults::default();
        let change = Operation::ChangeResourceRecordSets;
        faults.arm(Fault::on(change, Effect::Throttle).naming("games.edge"));
        assert_eq!(faults.strike(change, "<Name>video.edge</Name>"), None);
        assert_eq!(faults.strike(change, "<Name>games.edge</Name>"), Some(Effect::Throttle));
    }

    #[test]
    fn the_json_form_names_operations_exactly() {
        let read = |text| serde_json::from_str::<Fault>(text);
        let fault = read(r#"{"operation":"ssm:GetParameter","effect":{"hang":250},"times":null}"#).unwrap();
        let expected = Fault::on(Operation::GetParameter, Effect::Hang(Duration::from_millis(250))).always();
        assert_eq!(fault, expected);
        assert!(read(r#"{"operation":"ssm:GetParamter","effect":"throttle"}"#).is_err());
    }
}
