//! Requests and replies over one connected datagram socket: UDP, or ICMP echo.
//!
//! The kernel drops what comes from elsewhere. Within a try, a request is repeated with fresh ids after
//! 500 ms, 1 s and 2 s; an address that answers is tried again, at most once a second, and one that does
//! not is left alone. Nothing is judged.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error_queue::{self, Reported};
use super::evidence::{ReachEvidence, ReplyDetail};
use super::obstacle::ObstacleKind;
use super::packet::Rejected;
use super::request::{Request, Speech};

/// When a request is repeated, in milliseconds after the one before; RFC 8489 §6.2.1 begins the same way.
const REPEAT_MS: [u64; 3] = [500, 1000, 2000];
/// Requests whose replies are still recognised: those of the last four tries.
const REMEMBERED: usize = 16;
/// Longest datagram that is read whole.
const LONGEST_DATAGRAM: usize = 4096;
/// Errors of the socket within one try before it is given up.
const MOST_ERRORS: u32 = 16;

/// How an address is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// How long a try waits, its repetitions included.
    pub(super) timeout: Duration,
    /// Tries of an address that answers.
    pub(super) tries: u16,
    /// When everything ends, done or not.
    pub(super) over: Instant,
}

/// Requests and replies, as far as they have come.
pub(super) struct Conversation {
    socket: UdpSocket,
    speech: Speech,
    random: StdRng,
    sent: VecDeque<Sent>,
    evidence: ReachEvidence,
    rtts: Vec<Duration>,
    errors: u32,
}

struct Sent {
    request: Request,
    at: Instant,
    attempt: u16,
    answered: bool,
}

/// How a try, or a part of it, ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Answered,
    Refused,
    Failed,
    Silent,
}

impl Conversation {
    pub(super) fn new(socket: UdpSocket, speech: Speech, random: StdRng) -> Self {
        Self {
            socket,
            speech,
            random,
            sent: VecDeque::new(),
            evidence: ReachEvidence::default(),
            rtts: Vec::new(),
            errors: 0,
        }
    }

    /// Asks until every try is answered, or one is not, and returns what was seen.
    pub(super) async fn run(mut self, manner: Manner) -> (ReachEvidence, Vec<Duration>) {
        self.talk(manner).await;
        self.seen()
    }

    /// Asks until every try is answered, or one is not, and returns how the last one ended.
    pub(super) async fn talk(&mut self, manner: Manner) -> Ending {
        let mut ending = Ending::Silent;
        for attempt in 0..manner.tries {
            ending = self.attempt(attempt, manner).await;
            if ending != Ending::Answered {
                break;
            }
            let last = self.sent.back().map_or_else(Instant::now, |sent| sent.at);
            let next = last + pause(&mut self.random);
            if attempt + 1 == manner.tries || next >= manner.over {
                break;
            }
            sleep_until(next).await;
        }
        self.drain(manner.tries);
        ending
    }

    /// Returns what was seen.
    pub(super) fn seen(self) -> (ReachEvidence, Vec<Duration>) {
        (self.evidence, self.rtts)
    }

    async fn attempt(&mut self, attempt: u16, manner: Manner) -> Ending {
        let until = (Instant::now() + manner.timeout).min(manner.over);
        self.errors = 0;
        for part in 0..=REPEAT_MS.len() {
            let ending = match self.send(attempt).await {
                Ending::Silent => {
                    let next = REPEAT_MS.get(part).map(|ms| Instant::now() + self.around(*ms));
                    self.receive(attempt, next.map_or(until, |next| next.min(until))).await
                }
                ended => ended,
            };
            if ending != Ending::Silent {
                return ending;
            }
            if Instant::now() >= until {
                break;
            }
        }
        self.evidence.unfinished = until == manner.over;
        Ending::Silent
    }

    /// Within a tenth of so many milliseconds, so that probes do not march in step.
    fn around(&mut self, ms: u64) -> Duration {
        Duration::from_millis(ms).mul_f64(self.random.random_range(0.9..1.1))
    }

    async fn send(&mut self, attempt: u16) -> Ending {
        let (request, datagram) = self.speech.request(&mut self.random);
        // An earlier datagram's ICMP error is reported by the next call, which then sends nothing.
        loop {
            let at = Instant::now();
            match self.socket.send(&datagram).await {
                Ok(_) => {
                    self.evidence.sent += 1;
                    self.sent.push_back(Sent { request, at, attempt, answered: false });
                    if self.sent.len() > REMEMBERED {
                        self.sent.pop_front();
                    }
                    return Ending::Silent;
                }
                Err(error) => match self.note_error(&error) {
                    Ending::Silent => {}
                    ended => return ended,
                },
            }
        }
    }

    async fn receive(&mut self, attempt: u16, until: Instant) -> Ending {
        let mut datagram = vec![0; LONGEST_DATAGRAM];
        // The clock is read each time: a flood must not keep the time limit from being noticed.
        while Instant::now() < until {
            match timeout_at(until, self.socket.recv(&mut datagram)).await {
                Ok(Ok(length)) => {
                    if self.note(&datagram[..length], attempt) {
                        return Ending::Answered;
                    }
                }
                Ok(Err(error)) => match self.note_error(&error) {
                    Ending::Silent => {}
                    ended => return ended,
                },
                Err(_elapsed) => break,
            }
        }
        Ending::Silent
    }

    /// Counts what has come in the meantime, without waiting for more.
    fn drain(&mut self, attempt: u16) {
        let mut datagram = vec![0; LONGEST_DATAGRAM];
        for _ in 0..REMEMBERED {
            match self.socket.try_recv(&mut datagram) {
                Ok(length) => {
                    self.note(&datagram[..length], attempt);
                }
                Err(_nothing_more) => return,
            }
        }
    }

    /// A refusal is final; what may pass by itself is remembered, and the request repeated.
    fn note_error(&mut self, error: &io::Error) -> Ending {
        self.errors += 1;
        match error_queue::read(&self.socket, error) {
            Reported::Obstacle(obstacle) => {
                self.evidence.obstacle = Some(obstacle);
                if obstacle.kind == ObstacleKind::Refused {
                    return Ending::Refused;
                }
            }
            Reported::Harmless => {}
            Reported::Own => self.errors = MOST_ERRORS,
        }
        if self.errors < MOST_ERRORS {
            return Ending::Silent;
        }
        self.evidence.failure = Some(error.to_string());
        Ending::Failed
    }

    /// Counts a datagram, and says whether it answers the try that is under way.
    fn note(&mut self, datagram: &[u8], attempt: u16) -> bool {
        let at = Instant::now();
        let mut rejected = Rejected::Garbage;
        let mut duplicate = false;
        for index in 0..self.sent.len() {
            let sent = &self.sent[index];
            match sent.request.read(datagram) {
                Ok(_) if sent.answered => duplicate = true,
                Ok(_) if sent.attempt != attempt && !sent.request.has_id() => duplicate = true,
                Ok(reply) => return self.note_reply(index, reply, at, attempt),
                Err(Rejected::Garbage) => {}
                Err(other) => rejected = other,
            }
        }
        match (duplicate, rejected) {
            (true, _) => self.evidence.duplicates += 1,
            (false, Rejected::OtherId) => self.evidence.mismatched += 1,
            (false, Rejected::Garbage) => self.evidence.garbage += 1,
            (false, Rejected::Unrelated) => {}
        }
        false
    }

    fn note_reply(&mut self, index: usize, reply: Option<ReplyDetail>, at: Instant, attempt: u16) -> bool {
        let unanswered = self.sent.iter().filter(|sent| sent.attempt == attempt && !sent.answered).count();
        let sent = &mut self.sent[index];
        sent.answered = true;
        if sent.attempt != attempt {
            self.evidence.late += 1;
            return false;
        }
        // A reply without an id tells its time only where one request alone can have caused it.
        if sent.request.has_id() || unanswered == 1 {
            self.rtts.push(at.duration_since(sent.at));
        }
        self.evidence.replies += 1;
        self.evidence.reply = reply;
        true
    }
}

/// The time from the last packet of a try to the next try: never less than a second.
pub(super) fn pause(random: &mut StdRng) -> Duration {
    Duration::from_millis(1000 + random.random_range(0..100))
}
