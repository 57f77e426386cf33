//! The questions to one resolver over time, and what came of them.
//!
//! Nothing is judged here.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::resolver::{ResolverFailure, ResolverReply};

/// Questions of one resolver that are kept, so that memory has a bound however long it is watched.
const MOST_ASKED: usize = 4_096;

/// One question, when it is over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// When the reply came or was given up, since the run began.
    pub(crate) at: Duration,
    pub(crate) outcome: Result<ResolverReply, ResolverFailure>,
}

/// All questions to one resolver, in order.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The resolver, as it was named.
    pub(crate) resolver: String,
    pub(crate) asked: Vec<Asked>,
}

/// One reply with addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point<'a> {
    pub(crate) at: Duration,
    /// The lowest TTL in it: what the answer as a whole has left, in seconds.
    pub(crate) ttl_secs: u32,
    /// The highest.
    pub(crate) highest_ttl_secs: u32,
    pub(crate) reply: &'a ResolverReply,
}

impl Series {
    pub(crate) fn new(resolver: String) -> Self {
        Self { resolver, asked: Vec::new() }
    }

    /// Takes the next question; after some thousands, nothing more is kept.
    pub(crate) fn note(&mut self, asked: Asked) {
        if self.asked.len() < MOST_ASKED {
            self.asked.push(asked);
        }
    }

    /// Returns the replies, with whatever response code.
    pub(crate) fn replies(&self) -> impl DoubleEndedIterator<Item = (Duration, &ResolverReply)> {
        self.asked.iter().filter_map(|asked| asked.outcome.as_ref().ok().map(|reply| (asked.at, reply)))
    }

    /// Returns the replies that answer the question, with addresses or with their absence.
    pub(crate) fn answers(&self) -> impl DoubleEndedIterator<Item = (Duration, &ResolverReply)> {
        self.replies().filter(|(_, reply)| reply.rcode.is_answer())
    }

    /// Returns the replies with addresses of the name itself. Those of another name, of which it is an alias,
    /// have that one's TTLs and are that one's business.
    pub(crate) fn points(&self) -> Vec<Point<'_>> {
        let own = self.answers().filter(|(_, reply)| reply.alias.is_none());
        own.filter_map(|(at, reply)| {
            let ttl_secs = reply.addresses.values().min().copied()?;
            let highest_ttl_secs = reply.addresses.values().max().copied()?;
            Some(Point { at, ttl_secs, highest_ttl_secs, reply })
        })
        .collect()
    }

    /// Returns every address of the name itself that was answered.
    pub(crate) fn addresses(&self) -> BTreeSet<Ipv4Addr> {
        self.points().iter().flat_map(|point| point.reply.addresses.keys().copied()).collect()
    }

    /// Returns how many questions at the end went without any reply.
    pub(crate) fn lost_in_a_row(&self) -> usize {
        self.asked.iter().rev().take_while(|asked| asked.outcome.is_err()).count()
    }
}
