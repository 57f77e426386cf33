//! Replies that are no DNS message, or one that must not be believed.
//!
//! Made of a good reply and random numbers; nothing is sent here.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::Share;

/// Octets of a header (RFC 1035 §4.1.1).
const HEADER_LENGTH: usize = 12;
/// Most octets of noise.
const LONGEST_NOISE: u32 = 512;
/// A pointer to the octets right behind the header, which is where it stands itself (RFC 1035 §4.1.4).
const POINTER_TO_ITSELF: [u8; 2] = [0xc0, 0x0c];
/// Type A, class IN, behind the name of a question.
const TYPE_AND_CLASS: [u8; 4] = [0, 1, 0, 1];

/// Replies that are replaced by something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Garbage {
    /// The share of the replies.
    pub share: Share,
    /// What they are replaced by, each as often as the others.
    #[serde(deserialize_with = "some_kinds")]
    pub kinds: Vec<GarbageKind>,
}

/// What a reply is replaced by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GarbageKind {
    /// Up to 512 random octets, or none.
    Random,
    /// Its header, which promises sections that do not follow.
    Header,
    /// Its octets up to somewhere in the middle.
    Cut,
    /// Its header and a question whose name is a pointer to itself.
    PointerLoop,
}

impl Default for Garbage {
    fn default() -> Self {
        use GarbageKind::{Cut, Header, PointerLoop, Random};
        Self { share: Share::ALL, kinds: vec![Random, Header, Cut, PointerLoop] }
    }
}

impl Garbage {
    /// Replaces a reply, as often as its share says.
    pub(super) fn strike(&self, bytes: &mut Vec<u8>, rng: &mut impl Rng) {
        if self.share.hits(rng)
            && let Some(kind) = self.kinds.get(below(rng, self.kinds.len()))
        {
            kind.replace(bytes, rng);
        }
    }
}

impl GarbageKind {
    fn replace(self, bytes: &mut Vec<u8>, rng: &mut impl Rng) {
        match self {
            Self::Random => {
                let length = usize::try_from(rng.next_u32() % (LONGEST_NOISE + 1)).unwrap_or_default();
                bytes.resize(length, 0);
                rng.fill_bytes(bytes);
            }
            Self::Header => bytes.truncate(HEADER_LENGTH),
            Self::Cut => {
                let rest = bytes.len().saturating_sub(HEADER_LENGTH);
                bytes.truncate(HEADER_LENGTH + below(rng, rest));
            }
            Self::PointerLoop => {
                bytes.truncate(HEADER_LENGTH);
                bytes.extend(POINTER_TO_ITSELF.iter().chain(&TYPE_AND_CLASS));
            }
        }
    }
}

/// Draws an index below a small bound; 0 where there is none.
fn below(rng: &mut impl Rng, bound: usize) -> usize {
    let draw = usize::try_from(rng.next_u32()).unwrap_or_default();
    draw.checked_rem(bound).unwrap_or_default()
}

fn some_kinds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<GarbageKind>, D::Error> {
    let kinds = Vec::deserialize(deserializer)?;
    if kinds.is_empty() {
        return Err(serde::de::Error::custom("there is no kind of garbage"));
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, OpCode, Query};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData, Record, RecordType};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn reply() -> Vec<u8> {
        let mut reply = Message::response(4711, OpCode::Query);
        let name = Name::from_ascii("video.example.com.").unwrap();
        reply.add_query(Query::query(name.clone(), RecordType::A));
        reply.add_answer(Record::from_rdata(name, 20, RData::A(A::new(192, 0, 2, 1))));
        reply.to_vec().unwrap()
    }

    #[test]
    fn no_kind_of_garbage_can_be_read_as_a_message() {
        let mut rng = StdRng::seed_from_u64(1);
        assert!(Message::from_vec(&reply()).is_ok());
        for kind in Garbage::default().kinds {
            for _ in 0..100 {
                let mut bytes = reply();
                kind.replace(&mut bytes, &mut rng);
                let noise = kind == GarbageKind::Random;
                // Random octets may happen to be a message, but never this reply.
                assert!(noise || Message::from_vec(&bytes).is_err(), "{kind:?}: {bytes:?}");
                assert_eq!(bytes.starts_with(&4711_u16.to_be_bytes()), !noise, "{kind:?}");
            }
        }
    }

    #[test]
    fn garbage_is_the_same_under_the_same_seed_and_strikes_its_share() {
        let struck = |share: f64| {
            let garbage = Garbage { share: Share::try_from(share).unwrap(), ..Garbage::default() };
            let mut rng = StdRng::seed_from_u64(3);
            let strike = |_| {
                let mut bytes = reply();
                garbage.strike(&mut bytes, &mut rng);
                bytes
            };
            (0..400).map(strike).collect::<Vec<_>>()
        };
        assert_eq!(struck(0.25), struck(0.25));
        let whole = struck(0.25).iter().filter(|bytes| **bytes == reply()).count();
        // 300 are expected; the bound is five standard deviations.
        assert!(whole.abs_diff(300) < 44, "{whole}");
        assert!(struck(0.0).iter().all(|bytes| *bytes == reply()));
    }
}
