//! The EDNS part of an answer (RFC 6891), and how large an answer may be.
//!
//! Options other than the client subnet are not answered.

use hickory_proto::op::Edns;
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};

/// Largest answer over UDP to a question without EDNS (RFC 1035 §4.2.1), and least that EDNS can ask for.
pub(crate) const SMALLEST_PAYLOAD: u16 = 512;
/// Largest answer over UDP whatever the question asks for: it passes every path unfragmented (DNS flag
/// day 2020).
const LARGEST_PAYLOAD: u16 = 1232;

/// Builds the EDNS part of an answer to a question that has one.
///
/// What it announces is the limit of the answer itself, so that this is where the question's size is
/// bounded. The client subnet comes back with scope 0, since no answer here depends on it (RFC 7871
/// §7.2.1).
pub(crate) fn reply(asked: &Edns) -> Edns {
    let mut edns = Edns::new();
    edns.set_version(0);
    edns.set_max_payload(asked.max_payload().clamp(SMALLEST_PAYLOAD, LARGEST_PAYLOAD));
    edns.set_dnssec_ok(asked.flags().dnssec_ok);
    if let Some(EdnsOption::Subnet(subnet)) = asked.option(EdnsCode::Subnet) {
        let echo = ClientSubnet::new(subnet.addr(), subnet.source_prefix(), 0);
        edns.options_mut().insert(EdnsOption::Subnet(echo));
    }
    edns
}

/// Returns how many octets a reply over UDP may have.
pub(crate) fn room(reply: Option<&Edns>) -> u16 {
    reply.map_or(SMALLEST_PAYLOAD, Edns::max_payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_clamped_in_both_directions() {
        for (asked, answered) in
            [(0, 512), (511, 512), (1000, 1000), (1232, 1232), (4096, 1232), (65_535, 1232)]
        {
            let mut question = Edns::new();
            question.set_max_payload(asked);
            assert_eq!(reply(&question).max_payload(), answered, "asked for {asked}");
        }
    }

    #[test]
    fn the_client_subnet_comes_back_with_scope_zero_and_nothing_else_does() {
        let mut question = Edns::new();
        let subnet = ClientSubnet::new("192.0.2.0".parse().unwrap(), 24, 0);
        question.options_mut().insert(EdnsOption::Subnet(subnet));
        question.options_mut().insert(EdnsOption::Unknown(10, vec![1; 8]));
        let answer = reply(&question);
        assert_eq!(answer.options().as_ref().len(), 1);
        let Some(EdnsOption::Subnet(echo)) = answer.option(EdnsCode::Subnet) else { panic!("no subnet") };
        assert_eq!((echo.source_prefix(), echo.scope_prefix()), (24, 0));
        assert_eq!((room(Some(&answer)), room(None)), (answer.max_payload(), 512));
    }
}
