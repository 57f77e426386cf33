//! Golden vectors of real servers, what is refused, and that hostile octets never panic.
//!
//! The replies were recorded from coturn 4.6.1, libsrt 1.5.1 and quinn-proto 0.11.19 on loopback.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::{Rejected, echo, quic, srt, stun};

const STUN_ID: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const STUN_SUCCESS: &str = "0101003c2112a4420102030405060708090a0b0c002000080001f9205e12a443000100080001d8327f000001802b0008000187dc7f00000180220014436f7475726e2d342e362e312027476f72737427";
const STUN_ERROR: &str = "0111003c2112a4420102030405060708090a0b0c0009001800000414556e6b6e6f776e20417474726962757465000000000a00027ffe000080220014436f7475726e2d342e362e312027476f72737427";
const STUN_ALLOCATE_ERROR: &str = "011300402112a4420102030405060708090a0b0c00090024000004005472616e73706f7274206669656c64206d6973736564206f722077726f6e670080220014436f7475726e2d342e362e312027476f72737427";
const SRT_REPLY: &str = "8000000000000000002090730badcafe0000000500004a1712345678000005dc00002000000000010badcafe172762e27f000001000000000000000000000000";
const SRT_REPLY_ENCRYPTED: &str = "8000000000000000001fde0f0badcafe0000000500044a1712345678000005dc00002000000000010badcafe561c52e900000000000000000000000000000000";
const QUIC_REPLY: &str = "f60000000008a1a2a3a4a5a6a7a808b1b2b3b4b5b6b7b80a1a2a3a00000001ff00001dff00001eff00001fff000020ff000021ff000022";
/// RFC 5769 §2.2 and §2.3: a Binding reply over IPv4 and one over IPv6, with their transaction id.
const RFC_5769_ID: &str = "b7e7a701bc34d686fa87dfae";
const RFC_5769_IPV4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
const RFC_5769_IPV6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn stun_request() -> stun::Request {
    stun::Request::new(STUN_ID)
}

fn srt_request() -> srt::Request {
    srt::Request::new([0x12, 0x34, 0x56, 0x78], [0x0b, 0xad, 0xca, 0xfe])
}

fn quic_request() -> quic::Request {
    quic::Request::new(
        [0x10, 0x20, 0x30, 0x40],
        [0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8],
        [0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8],
    )
}

fn echo_request() -> echo::Request {
    echo::Request::new([1, 2], [7; 16])
}

/// What a host makes of our request: another type, and the checksum that goes with it.
fn echo_reply() -> Vec<u8> {
    let mut reply = echo_request().encode();
    reply[0] = 0;
    // Taking 0x0800 out of the sum adds it to its complement, with the carry around the end.
    let (sum, carry) = u16::from_be_bytes([reply[2], reply[3]]).overflowing_add(0x0800);
    reply[2..4].copy_from_slice(&(sum + u16::from(carry)).to_be_bytes());
    reply
}

/// Changes one octet of a golden reply.
fn with(hex: &str, at: usize, value: u8) -> Vec<u8> {
    let mut changed = octets(hex);
    assert_ne!(changed[at], value, "the octet at {at} is {value} already");
    changed[at] = value;
    changed
}

#[test]
fn a_stun_request_is_a_header_of_20_octets() {
    assert_eq!(stun_request().encode(), octets("000100002112a4420102030405060708090a0b0c"));
    assert_eq!(stun_request().encode().len(), stun::REQUEST_LENGTH);
}

#[test]
fn a_reply_of_coturn_tells_our_own_address() {
    let reply = stun_request().read(&octets(STUN_SUCCESS)).unwrap();
    assert_eq!(reply.reflexive, Some("127.0.0.1:55346".parse::<SocketAddr>().unwrap()));
    assert_eq!((reply.is_error, reply.error_code), (false, None));
}

#[test]
fn an_error_of_coturn_is_a_reply_too() {
    let reply = stun_request().read(&octets(STUN_ERROR)).unwrap();
    assert_eq!((reply.is_error, reply.error_code, reply.reflexive), (true, Some(420), None));
}

#[test]
fn the_samples_of_rfc_5769_are_read() {
    let request = stun::Request::new(octets(RFC_5769_ID).try_into().unwrap());
    for (sample, address) in
        [(RFC_5769_IPV4, "192.0.2.1:32853"), (RFC_5769_IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let reply = request.read(&octets(sample)).unwrap();
        assert_eq!(reply.reflexive, Some(address.parse::<SocketAddr>().unwrap()));
    }
}

#[test]
fn a_stun_reply_with_another_transaction_id_is_for_another_request() {
    for at in 8..20 {
        let datagram = with(STUN_SUCCESS, at, 0xee);
        assert_eq!(stun_request().read(&datagram), Err(Rejected::OtherId), "octet {at}");
    }
}

#[test]
fn what_is_no_binding_reply_is_garbage() {
    let mut longer = octets(STUN_SUCCESS);
    longer.extend([0; 4]);
    let long_attribute = with(STUN_SUCCESS, 22, 0xff);
    let unaligned = [&octets(STUN_SUCCESS)[..], &[0]].concat();
    for (what, datagram) in [
        ("another method", octets(STUN_ALLOCATE_ERROR)),
        ("our own request", stun_request().encode()),
        ("another cookie", with(STUN_SUCCESS, 4, 0)),
        ("a length that is too short", longer),
        ("an attribute beyond the end", long_attribute),
        ("a length that is no multiple of 4", {
            let mut text = unaligned;
            text[3] = 0x3d;
            text
        }),
        ("an unknown address family", with(STUN_SUCCESS, 25, 9)),
        ("an error class that does not exist", with(STUN_ERROR, 26, 1)),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(stun_request().read(&datagram), Err(Rejected::Garbage), "{what}");
    }
}

#[test]
fn a_quic_request_has_1200_octets_and_a_version_that_nobody_has() {
    let datagram = quic_request().encode(&[0xff; quic::REQUEST_LENGTH]);
    assert_eq!(datagram.len(), 1200);
    assert_eq!(datagram[..23], octets("cf1a2a3a4a08b1b2b3b4b5b6b7b808a1a2a3a4a5a6a7a8"));
    assert!(datagram[23..].iter().all(|octet| *octet == 0xff));
}

#[test]
fn the_versions_of_quinn_are_read() {
    let reply = quic_request().read(&octets(QUIC_REPLY)).unwrap();
    assert_eq!(reply.versions.len(), 8);
    assert!(reply.versions.contains(&quic::VERSION_1));
}

#[test]
fn a_quic_reply_whose_connection_ids_are_not_exchanged_is_for_another_request() {
    for at in (6..14).chain(15..23) {
        assert_eq!(quic_request().read(&with(QUIC_REPLY, at, 0xee)), Err(Rejected::OtherId), "octet {at}");
    }
    let mirrored = [&octets("c00000000008b1b2b3b4b5b6b7b808a1a2a3a4a5a6a7a8")[..], &[0, 0, 0, 1]].concat();
    assert_eq!(quic_request().read(&mirrored), Err(Rejected::OtherId));
}

#[test]
fn what_is_no_version_negotiation_is_garbage() {
    let reply = octets(QUIC_REPLY);
    let our_version = [&reply[..23], &octets("1a2a3a4a")].concat();
    for (what, datagram) in [
        ("a short header", with(QUIC_REPLY, 0, 0x40)),
        ("a version", with(QUIC_REPLY, 4, 1)),
        ("an id beyond the end", with(QUIC_REPLY, 5, 0xff)),
        ("no versions", reply[..23].to_vec()),
        ("half a version", reply[..25].to_vec()),
        ("the version that was refused", our_version),
        ("our own request", quic_request().encode(&[0; quic::REQUEST_LENGTH])),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(quic_request().read(&datagram), Err(Rejected::Garbage), "{what}");
    }
}

#[test]
fn an_srt_request_has_64_octets() {
    let expected = "80000000000000000000000000000000000000040000000212345678000005dc00002000000000010badcafe0000000000000000000000000000000000000000";
    assert_eq!(srt_request().encode(), octets(expected));
    assert_eq!(srt_request().encode().len(), srt::REQUEST_LENGTH);
}

#[test]
fn an_srt_socket_id_is_never_0_and_never_a_group() {
    for random in [[0; 4], [0xff; 4], [0x40, 0, 0, 0]] {
        let datagram = srt::Request::new([0xff; 4], random).encode();
        let id = u32::from_be_bytes(datagram[40..44].try_into().unwrap());
        assert!((1..1 << 30).contains(&id), "{id:#x}");
        assert_eq!(datagram[24] & 0x80, 0, "a sequence number has 31 bits");
    }
}

#[test]
fn replies_of_libsrt_are_read_with_and_without_a_cipher() {
    for (reply, encryption) in [(SRT_REPLY, 0), (SRT_REPLY_ENCRYPTED, 4)] {
        let expected = srt::Reply { version: 5, encryption, mtu: 1500 };
        assert_eq!(srt_request().read(&octets(reply)), Ok(expected));
    }
}

#[test]
fn an_srt_reply_to_another_socket_is_for_another_request() {
    for at in 12..16 {
        assert_eq!(srt_request().read(&with(SRT_REPLY, at, 0xee)), Err(Rejected::OtherId), "octet {at}");
    }
}

#[test]
fn what_is_no_induction_reply_is_garbage() {
    let mut no_cookie = octets(SRT_REPLY);
    no_cookie[44..48].fill(0);
    for (what, datagram) in [
        ("another control type", with(SRT_REPLY, 1, 1)),
        ("data", with(SRT_REPLY, 0, 0)),
        ("handshake version 4", with(SRT_REPLY, 19, 4)),
        ("a listener of UDT and not of SRT", with(SRT_REPLY, 22, 0)),
        ("a conclusion", with(SRT_REPLY, 39, 0xff)),
        ("no cookie", no_cookie),
        ("one octet too few", octets(SRT_REPLY)[..63].to_vec()),
        ("our own request", srt_request().encode()),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(srt_request().read(&datagram), Err(Rejected::Garbage), "{what}");
    }
}

#[test]
fn an_echo_reply_is_read_with_and_without_its_ip_header_and_whatever_its_identifier() {
    let mut with_header = octets("4500002c00004000400100007f0000017f000001");
    with_header.extend(echo_reply());
    assert_eq!(echo_request().read(&echo_reply()), Ok(()));
    assert_eq!(echo_request().read(&with_header), Ok(()));
}

#[test]
fn other_icmp_messages_are_unrelated_and_a_wrong_sum_is_garbage() {
    let mut other_token = echo_reply();
    other_token[20] ^= 1;
    assert_eq!(echo_request().read(&other_token), Err(Rejected::Unrelated));
    assert_eq!(echo_request().read(&echo_request().encode()), Err(Rejected::Unrelated));
    let mut wrong_sum = echo_reply();
    wrong_sum[2] ^= 1;
    assert_eq!(echo_request().read(&wrong_sum), Err(Rejected::Garbage));
    assert_eq!(echo_request().read(&[]), Err(Rejected::Garbage));
    assert_eq!(echo_request().read(&[0x4f; 20]), Err(Rejected::Garbage));
}

fn read_by_all(datagram: &[u8]) -> bool {
    stun_request().read(datagram).is_ok()
        | quic_request().read(datagram).is_ok()
        | srt_request().read(datagram).is_ok()
        | echo_request().read(datagram).is_ok()
}

proptest! {
    #[test]
    fn random_octets_never_panic_and_are_never_a_reply(
        datagram in proptest::collection::vec(any::<u8>(), 0..1500),
    ) {
        prop_assert!(!read_by_all(&datagram));
    }

    #[test]
    fn changed_replies_never_panic(
        reply in prop::sample::select(vec![STUN_SUCCESS, STUN_ERROR, RFC_5769_IPV6, QUIC_REPLY, SRT_REPLY]),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        length in any::<prop::sample::Index>(),
    ) {
        let mut datagram = octets(reply);
        for (at, value) in changes {
            let at = at.index(datagram.len());
            datagram[at] = value;
        }
        datagram.truncate(length.index(datagram.len() + 1));
        read_by_all(&datagram);
    }

    #[test]
    fn every_request_is_answered_by_its_own_reply_only(
        ids in any::<([u8; 12], [u8; 12])>(),
    ) {
        prop_assume!(ids.0 != ids.1);
        let mut reply = stun::Request::new(ids.0).encode();
        reply[0] = 1;
        reply[1] = 1;
        prop_assert!(stun::Request::new(ids.0).read(&reply).is_ok());
        prop_assert_eq!(stun::Request::new(ids.1).read(&reply), Err(Rejected::OtherId));
    }
}
