//! The smallest correct request of each protocol, and what counts as its reply.
//!
//! Octets in, octets out: randomness is passed in, nothing is sent, and whatever came from the network
//! is read without trust. It is public so that everything here can be fuzzed.

pub mod echo;
pub mod quic;
pub mod srt;
pub mod stun;

#[cfg(test)]
mod tests;

/// Why a datagram is not the reply to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// It is of the right protocol, and answers another request.
    OtherId,
    /// It is not a reply of the protocol.
    Garbage,
    /// It is the traffic of another program, which a raw socket sees too.
    Unrelated,
}

/// Takes `N` octets off the front.
fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Rejected> {
    let (head, tail) = rest.split_first_chunk().ok_or(Rejected::Garbage)?;
    *rest = tail;
    Ok(head)
}

fn take_u8(rest: &mut &[u8]) -> Result<u8, Rejected> {
    take::<1>(rest).map(|[octet]| *octet)
}

fn take_u16(rest: &mut &[u8]) -> Result<u16, Rejected> {
    take(rest).map(|octets| u16::from_be_bytes(*octets))
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, Rejected> {
    take(rest).map(|octets| u32::from_be_bytes(*octets))
}
