//! Resolvers over UDP and TCP: what is believed, what is counted, and what is kept of a reply.

use std::time::Duration;

use hickory_proto::op::{Edns, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use resolver_probe::{
    NoResolver, Resolver, ResolverFailure, ResolverManner, ResolverSpec, SystemResolvers, Transport,
    resolvers, system_resolvers,
};

use crate::responder::{Responder, Script, answer, by_turns, rcode, silence, start, start_both};
use crate::sockets::NAME;

fn resolver(server: &Responder) -> Resolver {
    let manner = ResolverManner::new(Duration::from_millis(200), 3);
    let spec = ResolverSpec::Plain(server.address);
    resolvers(&[spec], &SystemResolvers::default(), &manner, 42).unwrap().remove(0)
}

#[tokio::test]
async fn a_question_desires_recursion_unless_the_cache_is_looked_into() {
    let echo: fn() -> Script = || {
        Box::new(|_, query| {
            let mut message = answer(query, u8::from(query.metadata.recursion_desired));
            assert!(query.edns.is_some());
            let mut edns = Edns::new();
            edns.options_mut().insert(EdnsOption::Unknown(15, vec![0, 3]));
            message.edns = Some(edns);
            vec![message.to_vec().unwrap()]
        })
    };
    let server = start_both(echo).await;
    let mut resolver = resolver(&server);
    for (recursion, last) in [(true, 1), (false, 0)] {
        let exchange = resolver.ask(&NAME.parse().unwrap(), recursion).await;
        let reply = exchange.outcome.unwrap();
        assert_eq!(reply.addresses, [([192, 0, 2, last].into(), 20)].into());
        assert_eq!((exchange.tries, reply.transport), (1, Transport::Udp));
        assert!(reply.says_stale());
    }
}

#[tokio::test]
async fn a_truncated_reply_is_asked_for_again_over_tcp_and_said_to_be() {
    let truncated: Script = Box::new(|_, query| {
        let mut message = answer(query, 66);
        message.metadata.truncation = true;
        vec![message.to_vec().unwrap()]
    });
    let server = start(truncated, Some(by_turns(&[1]))).await;
    let reply = resolver(&server).ask(&NAME.parse().unwrap(), true).await.outcome.unwrap();
    assert_eq!((reply.transport, reply.truncated), (Transport::Tcp, true));
    assert!(reply.addresses.contains_key(&[192, 0, 2, 1].into()));
}

#[tokio::test]
async fn what_was_not_asked_for_is_counted_and_not_believed() {
    let noisy: Script = Box::new(|_, query| {
        let mut other_id = answer(query, 66);
        other_id.metadata.id = query.metadata.id.wrapping_add(1);
        let right = answer(query, 1).to_vec().unwrap();
        vec![other_id.to_vec().unwrap(), right[..right.len() - 2].to_vec(), right]
    });
    let server = start(noisy, None).await;
    let exchange = resolver(&server).ask(&NAME.parse().unwrap(), true).await;
    assert_eq!((exchange.tries, exchange.mismatched, exchange.garbage), (1, 1, 1));
    assert!(exchange.outcome.unwrap().addresses.contains_key(&[192, 0, 2, 1].into()));
}

#[tokio::test]
async fn silence_is_three_tries_and_refusal_one() {
    let server = start(silence(), None).await;
    let exchange = resolver(&server).ask(&NAME.parse().unwrap(), true).await;
    assert_eq!((exchange.tries, exchange.outcome.unwrap_err()), (3, ResolverFailure::Silent));
    let server = start_both(|| rcode(ResponseCode::ServFail)).await;
    let exchange = resolver(&server).ask(&NAME.parse().unwrap(), true).await;
    assert_eq!((exchange.tries, exchange.outcome.unwrap().rcode.to_string()), (1, "SERVFAIL".to_owned()));
}

#[test]
fn system_stands_for_every_resolver_of_the_machine_once() {
    let manner = ResolverManner::new(Duration::from_secs(1), 1);
    let system = system_resolvers("nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
    let specs = ["192.0.2.2", "system"].map(|text| text.parse().unwrap());
    let all = resolvers(&specs, &system, &manner, 1).unwrap();
    let all: Vec<String> = all.iter().map(|resolver| resolver.spec().to_string()).collect();
    assert_eq!(all, ["192.0.2.2:53", "192.0.2.1:53"]);
    let none = resolvers(&specs, &system_resolvers("nameserver fe80::1%eth0\n"), &manner, 1).unwrap_err();
    assert_eq!(none, NoResolver::System { unusable: vec!["fe80::1%eth0".to_owned()] });
    assert!(none.to_string().contains("(fe80::1%eth0 cannot) (hint: "), "{none}");
}
