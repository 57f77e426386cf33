//! Everything that can happen, in one enum: to the fleet, its events, its documents, and to the registrar.
//!
//! Anything may happen at any time. What makes no sense at the moment (an instance that is not there
//! stops) does nothing, so that a sequence stays a sequence when parts of it are taken away.

use registrar_local::edge::Route53Faults;

use super::document::DocumentChange;

/// One thing that happens. `slot` numbers a place in the fleet, `edge` a registrar, `pool` a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// An instance is launched where none is alive.
    Launch {
        /// Where.
        slot: u16,
        /// How far it has come.
        kind: LaunchKind,
        /// Its lifecycle state, where it belongs to a group.
        group: Option<Lifecycle>,
    },
    /// A pending instance runs, with an address or without.
    Boot(u16, bool),
    /// A running instance gets an address, another one where it has one.
    Associate(u16),
    /// A running instance loses its address.
    Disassociate(u16),
    /// An instance stops.
    Stop(u16),
    /// A stopped instance starts, with an address or without.
    Start(u16, bool),
    /// An instance ends for good.
    Terminate(u16),
    /// EC2 forgets a terminated instance.
    Forget(u16),
    /// An instance's group moves it to another lifecycle state.
    Move(u16, Lifecycle),
    /// The tag by which the pool selects an instance is lost, or comes back.
    Select(u16, bool),
    /// Every instance of a pool loses that tag, or gets it back: somebody renamed it.
    SelectAll(u8, bool),
    /// The weight tag changes.
    Weigh(u16, WeightTag),
    /// EC2 announces that it takes a Spot instance back.
    SpotWarning(u16),
    /// An event of the bag reaches an edge; `again` leaves it in the bag, to come twice.
    Deliver {
        /// Which of the undelivered events.
        index: u8,
        /// Which edge.
        edge: u8,
        /// Whether it will come again.
        again: bool,
    },
    /// An event is lost.
    Lose(u8),
    /// An operator edits a document.
    Edit(u8, DocumentChange),
    /// Somebody creates a record at a pool's name, as far as Route 53 lets them.
    Foreign(u8, ForeignKind),
    /// Somebody's records at a pool's name go away.
    ForeignGone(u8),
    /// Somebody deletes one of a pool's own records: that of this number, or the next one that Route 53 lets go.
    Vandalise(u8, u8),
    /// Calls to Route 53 will go wrong.
    Faults(u8, Route53Faults),
    /// Nothing happens for so many seconds.
    Pass(u16),
    /// An edge reads, looks, plans and executes to the end.
    Sweep(u8, FleetRead, GroupsRead),
    /// An edge reads, looks and plans.
    Begin(u8, FleetRead, GroupsRead),
    /// An edge takes up to so many steps of the run that it began.
    Steps(u8, u8),
    /// A part of the Region's control plane fails for a stretch of time; events that it holds back come
    /// all at once when it is over.
    Outage {
        /// For which edge, or for all.
        edge: Option<u8>,
        /// Which part.
        plane: Plane,
        /// How.
        kind: OutageKind,
        /// For how many seconds.
        secs: u16,
    },
    /// An edge's process ends in the middle, and its memory with it or not.
    Crash {
        /// Which edge.
        edge: u8,
        /// Whether events, earlier reads and spent budgets survive.
        memory_kept: bool,
    },
}

/// How far a launched instance has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchKind {
    /// EC2 is starting it.
    Pending,
    /// It runs and has no address yet.
    Bare,
    /// It runs and has an address.
    Addressed,
}

/// A lifecycle state of Auto Scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// A launch hook waits.
    PendingWait,
    /// It serves.
    InService,
    /// An operator took it out.
    Standby,
    /// A terminate hook waits.
    TerminatingWait,
}

impl Lifecycle {
    /// Returns Auto Scaling's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PendingWait => "Pending:Wait",
            Self::InService => "InService",
            Self::Standby => "Standby",
            Self::TerminatingWait => "Terminating:Wait",
        }
    }
}

/// The value of an instance's weight tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightTag {
    /// There is none.
    Absent,
    /// This one.
    Weight(u8),
    /// One that is no weight.
    Garbage,
}

/// What somebody else puts at a pool's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignKind {
    /// A weighted record with the set's TTL, or another where there is no set yet.
    Weighted {
        /// Whether it brings a TTL of its own.
        own_ttl: bool,
    },
    /// A multivalue record, likewise.
    Multivalue {
        /// Whether it brings a TTL of its own.
        own_ttl: bool,
    },
    /// A simple record.
    Simple,
    /// Another name for the name.
    Cname,
}

/// A part of a Region's control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// What reads of the instances need.
    Ec2,
    /// What reads of the groups need.
    AutoScaling,
    /// What lists and changes records.
    Route53,
    /// What delivers events.
    Events,
    /// All of them.
    Region,
}

impl Plane {
    /// Says whether an outage of this part is one of that part too.
    #[must_use]
    pub fn includes(self, part: Self) -> bool {
        self == part || self == Self::Region
    }
}

/// How a part of the control plane goes wrong. Events are late in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageKind {
    /// Every call fails.
    Fails,
    /// Reads show what was when it began; changes of records are made, and their replies lost.
    Stale,
}

/// What a read of the instances shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetRead {
    /// Everything.
    Whole,
    /// The first few, and a token that says there are more.
    First(u16),
    /// Nothing: it fails.
    Fails,
    /// Nothing, without an error: another Region was asked.
    WrongRegion,
    /// Everything as it was before the last change: EC2 lags.
    Before,
    /// There is no read; what was seen before stays.
    Skipped,
}

/// What a read of the groups shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupsRead {
    /// Everything.
    Whole,
    /// Nothing: it fails.
    Fails,
}
