//! Triggers: hints that it is time to look, parsed from what EventBridge delivers.
//!
//! A trigger names an instance and says what is claimed of it. It never carries an address, and by
//! itself it never changes a record: events are lost, doubled, delayed and reordered.

mod envelope;

use jiff::Timestamp;

use crate::ids::{AutoScalingGroupName, DeploymentName, InstanceId, LifecycleHookName};
use crate::inventory::InstanceState;
use crate::json::JsonError;

/// The largest event that is read, in bytes: SQS's and EventBridge's own limit of 1 MiB.
pub const LARGEST_EVENT: usize = 1024 * 1024;

/// The kinds of events that are recognised, by `source` and `detail-type`; an event of any other asks for nothing.
/// Auto Scaling's test notifications are recognised besides, whatever their detail type.
pub const KNOWN: &[(&str, &str)] = envelope::KNOWN;

/// The API calls that are recognised in CloudTrail's events, by `eventSource` and `eventName`.
pub const KNOWN_CALLS: &[(&str, &str)] = envelope::KNOWN_CALLS;

/// One message's meaning. A closed set: whatever is not here is [`Dropped`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// EC2 says that an instance changed its state.
    InstanceState {
        /// The instance.
        instance: InstanceId,
        /// Its new state.
        state: InstanceState,
        /// When, where the event says.
        at: Option<Timestamp>,
    },
    /// Auto Scaling moves an instance into or out of service.
    GroupChange {
        /// The instance.
        instance: InstanceId,
        /// The group.
        group: AutoScalingGroupName,
        /// What the move means for the instance's record.
        movement: Movement,
        /// The lifecycle hook that waits for an answer, where there is one.
        hook: Option<HookAction>,
        /// When, where the event says.
        at: Option<Timestamp>,
    },
    /// A Spot instance is taken back within two minutes.
    SpotInterruption {
        /// The instance.
        instance: InstanceId,
        /// When the warning was given, where the event says.
        at: Option<Timestamp>,
    },
    /// A Spot instance may be taken back; it is counted and nothing else.
    RebalanceRecommendation {
        /// The instance.
        instance: InstanceId,
    },
    /// The schedule asks for a look at everything.
    Sweep,
    /// A parameter of the registrar's may have changed.
    ParameterChanged {
        /// The parameter's name.
        name: String,
    },
    /// An address was associated or disassociated; the instance is named only for some calls.
    AddressChanged {
        /// The instance, where the call named it.
        instance: Option<InstanceId>,
    },
    /// Auto Scaling tests that notifications arrive.
    TestNotification,
}

/// What a lifecycle event means, after the table of origins and destinations.
///
/// | transition | origin → destination | movement |
/// |---|---|---|
/// | launching | EC2 → WarmPool | `Elsewhere` |
/// | launching | WarmPool or EC2 → AutoScalingGroup | `Into` |
/// | terminating | AutoScalingGroup → EC2 or WarmPool | `OutOf` |
/// | terminating | WarmPool → EC2 | `Elsewhere` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// Into service.
    Into,
    /// Out of service.
    OutOf,
    /// Within the warm pool, which never serves.
    Elsewhere,
}

/// A lifecycle hook that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAction {
    /// The hook.
    pub hook: LifecycleHookName,
    /// The token that completes it, where the event has one.
    pub token: Option<String>,
}

/// A message that asks for nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// It is larger than anything AWS sends.
    #[error("the event has {bytes} bytes, more than {LARGEST_EVENT}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is not the JSON of an event.
    #[error("not an event: {0}")]
    Malformed(#[source] JsonError),
    /// Its source and detail type are not among those that matter.
    #[error("no use for {detail_type:?} from {source_name:?}")]
    Unrecognised {
        /// The envelope's `source`.
        source_name: String,
        /// The envelope's `detail-type`.
        detail_type: String,
    },
    /// A field that the detail type needs is missing or is not what it should be.
    #[error("{detail_type:?} has no usable {field}")]
    BadDetail {
        /// The envelope's `detail-type`.
        detail_type: &'static str,
        /// The field.
        field: &'static str,
    },
    /// The API call that it reports failed, so nothing changed.
    #[error("the call it reports failed with {error_code}")]
    FailedCall {
        /// CloudTrail's `errorCode`.
        error_code: String,
    },
    /// A record of a batch that is not a message of a queue.
    #[error("not a message: {problem}")]
    NotAMessage {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A record of a batch that another service sent.
    #[error("not from a queue but from {source_name:?}")]
    ForeignSource {
        /// The record's `eventSource`.
        source_name: String,
    },
    /// A message that stands in the same batch already.
    #[error("the same message stands in this batch already")]
    Duplicate,
    /// A drain ticket that cannot be used.
    #[error("not a drain ticket: {problem}")]
    BadTicket {
        /// What is wrong with it.
        problem: String,
    },
    /// A drain ticket that another deployment wrote.
    #[error("a drain ticket of deployment {deployment}")]
    OtherDeployment {
        /// The deployment.
        deployment: DeploymentName,
    },
}

impl Dropped {
    /// Names the kind, for counting.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::Malformed(_) => "malformed",
            Self::Unrecognised { .. } => "unrecognised",
            Self::BadDetail { .. } => "bad-detail",
            Self::FailedCall { .. } => "failed-call",
            Self::NotAMessage { .. } => "not-a-message",
            Self::ForeignSource { .. } => "foreign-source",
            Self::Duplicate => "duplicate",
            Self::BadTicket { .. } => "bad-ticket",
            Self::OtherDeployment { .. } => "other-deployment",
        }
    }
}

impl Trigger {
    /// Reads one EventBridge envelope, or a bare notification of Auto Scaling.
    ///
    /// # Errors
    /// When the message asks for nothing; the reason is for counting and logging.
    pub fn parse(text: &str) -> Result<Self, Dropped> {
        envelope::parse(text)
    }

    /// Names the kind, for counting.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InstanceState { .. } => "instance-state",
            Self::GroupChange { .. } => "group-change",
            Self::SpotInterruption { .. } => "spot-interruption",
            Self::RebalanceRecommendation { .. } => "rebalance-recommendation",
            Self::Sweep => "sweep",
            Self::ParameterChanged { .. } => "parameter-changed",
            Self::AddressChanged { .. } => "address-changed",
            Self::TestNotification => "test-notification",
        }
    }

    /// Returns the instance that the trigger is about, where it is about one.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::InstanceState { instance, .. }
            | Self::GroupChange { instance, .. }
            | Self::SpotInterruption { instance, .. }
            | Self::RebalanceRecommendation { instance } => Some(instance),
            Self::AddressChanged { instance } => instance.as_ref(),
            Self::Sweep | Self::ParameterChanged { .. } | Self::TestNotification => None,
        }
    }

    /// Returns when it happened, where it proves something and the event says.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::InstanceState { at, .. }
            | Self::GroupChange { at, .. }
            | Self::SpotInterruption { at, .. } => *at,
            Self::RebalanceRecommendation { .. }
            | Self::Sweep
            | Self::ParameterChanged { .. }
            | Self::AddressChanged { .. }
            | Self::TestNotification => None,
        }
    }

    /// Says whether the trigger asks for a look at all.
    #[must_use]
    pub fn asks_for_a_look(&self) -> bool {
        match self {
            Self::InstanceState { .. }
            | Self::SpotInterruption { .. }
            | Self::Sweep
            | Self::ParameterChanged { .. }
            | Self::AddressChanged { .. } => true,
            Self::GroupChange { movement, .. } => *movement != Movement::Elsewhere,
            Self::RebalanceRecommendation { .. } | Self::TestNotification => false,
        }
    }
}
