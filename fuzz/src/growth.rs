//! Hostile inputs that grow: each is about twice as long for twice the number, so that what reads it may do twice the
//! work, and no more.

use crate::registrar::{self, Target};

/// An input that grows.
pub struct Growing {
    /// What it is.
    pub name: &'static str,
    /// What reads it.
    pub target: Target,
    /// Makes it of so many parts.
    pub input: fn(usize) -> String,
    /// The parts of the smaller input: the larger one has twice as many.
    pub parts: usize,
}

/// The inputs. Payloads of the function grow to the 6 MB that Lambda takes, or to the 10,000 messages of a batch.
pub const GROWING: [Growing; 37] = [
    event("messages that say nothing", 5_000, |n| batch(n, |_| "nonsense ".repeat(60))),
    event("messages with one id", 5_000, |n| list("{\"Records\":[", n, |_| record(1, "{}"), "]}")),
    event("messages of instances", 5_000, |n| batch(n, terminated)),
    event("records that are nothing", 1_000_000, |n| list("{\"Records\":[", n, |_| "[]".to_owned(), "]}")),
    event("a deep payload", 1_500_000, |n| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n))),
    event("a deep message", 200_000, |n| batch(1, |_| format!("{}{}", "[".repeat(n), "]".repeat(n)))),
    event("a payload of many fields", 150_000, |n| list("{", n, |at| format!("\"field{at}\":0"), "}")),
    event("a payload of one field many times", 300_000, |n| list("{", n, |_| "\"a\":{}".to_owned(), "}")),
    event("a detail of many fields", 20_000, |n| {
        list(EC2, n, |at| format!("\"field{at}\":[[0]]"), ",\"instance-id\":\"i-1\",\"state\":\"stopped\"}}")
    }),
    event("a detail of many lists", 100_000, |n| {
        list(&format!("{EC2}\"a\":["), n, |_| "[[]]".to_owned(), "]}}")
    }),
    event("a long name of an event", 400_000, |n| {
        format!("{{\"source\":\"{}\",\"detail-type\":\"x\",\"detail\":{{}}}}", "\\u001b".repeat(n / 6))
    }),
    event("a long id of a message", 1_500_000, |n| list("{\"Records\":[", 2, |_| record(n, "{}"), "]}")),
    event("a ticket of many hooks", 250, |n| list(TICKET, n, hook, "]}")),
    event("a request of many pools", 20_000, |n| request(&list("{", n, |at| format!("\"p{at}\":{{}}"), "}"))),
    event("a request of broken documents", 20_000, |n| {
        request(&list("{", n, |at| format!("\"p{at}\":\"{{\\\"record\\\":{{}}\""), "}"))
    }),
    event("a document of many lists", 400_000, |n| {
        request(&list("{\"a\":{\"record\":[", n, |_| "[0]".to_owned(), "]}}"))
    }),
    event("a document of many fields", 100_000, |n| {
        request(&list("{\"a\":{\"members\":{\"tags\":{", n, |at| format!("\"t{at}\":\"1\""), "}}}}"))
    }),
    event("a deep document", 200_000, |n| request(&format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n)))),
    event("a long address of an answer", 1_000_000, |n| {
        format!("{{\"RequestType\":\"Create\",\"ResponseURL\":\"https://host/{}\"}}", "x".repeat(n))
    }),
    reader("a pool of many tags", registrar::pool_document, 120, |n| {
        pool(&list("\"tags\":{", n, |at| format!("\"tag-{at}\":\"value\""), "}"))
    }),
    reader("a pool of many zones", registrar::pool_document, 120, |n| {
        pool(&list("\"wavelength_zones\":[", n, |at| format!("\"us-east-1-wl1-bos-wlz-{at}\""), "]"))
    }),
    reader("a state of many holds", registrar::pool_state, 1_000, |n| {
        let reason = "r".repeat(n);
        list(&format!("{HELD}\"reason\":\"{reason}\",\"what\":["), n, |at| format!("\"i-{at}\""), "]}]}")
    }),
    reader("a state of many removals", registrar::pool_state, 2_000, |n| {
        list("{\"version\":1,\"removals\":[", n, |at| format!("[\"{}\",1]", time(at)), "]}")
    }),
    reader("orders about many instances", registrar::orders, 5_000, |n| {
        list(RELEASE, n, |at| format!("\"i-{at:08x}\""), "]}}")
    }),
    reader("many places", registrar::places, 1_000, |n| {
        list("{\"version\":1,\"places\":{", n, |at| format!("\"p{at}\":[\"Z1\",\"p{at}.example.com\"]"), "}}")
    }),
    reader("a plan of one change many times", registrar::reviewed_plan, 2_000, |n| reviewed(n, |_| 1)),
    reader("a plan of many changes", registrar::reviewed_plan, 2_000, |n| reviewed(n, |at| at)),
    reader("a fleet of many instances", registrar::fleet_dump, 4_000, |n| fleet(n, |at| instance(at, "[]"))),
    reader("a fleet of one instance many times", registrar::fleet_dump, 4_000, |n| {
        fleet(n, |at| instance(1, &format!("[{{\"Key\":\"{at}\"}}]")))
    }),
    reader("an instance of many tags", registrar::fleet_dump, 20_000, |n| {
        fleet(1, |_| instance(1, &list("[", n, |at| format!("{{\"Key\":\"{at}\"}}"), "]")))
    }),
    reader("groups of many instances", registrar::groups_dump, 8_000, |n| list(GROUPS, n, member, "]}")),
    reader("a set of many records", registrar::records_dump, 3_000, |n| zone(n, |at| weighted("a", at))),
    reader("a record of many values", registrar::records_dump, 20_000, |n| {
        zone(1, |_| list(VALUES, n, |at| format!("{{\"Value\":\"{at}\"}}"), "]}"))
    }),
    reader("a fleet of strangers", registrar::plan, 2_000, |n| {
        world(&fleet(n, |at| instance(at, "[]")), &zone(0, other))
    }),
    reader("records of others at a pool's name", registrar::plan, 1_000, |n| {
        world(&fleet(1, selected), &zone(n, other))
    }),
    reader("marks at many names", registrar::plan, 300, |n| {
        world(&fleet(1, |at| instance(at, "[]")), &zone(n, |at| weighted(&format!("n{at}"), at)))
    }),
    reader("instances of a pool", registrar::plan, 150, |n| {
        world(&fleet(n, selected), &zone(n, |at| weighted("a", at)))
    }),
];

const EC2: &str =
    "{\"source\":\"aws.ec2\",\"detail-type\":\"EC2 Instance State-change Notification\",\"detail\":{";
const TICKET: &str = "{\"registrar-ticket\":1,\"deployment\":\"default\",\"pool\":\"video\",\"hosted_zone_id\":\"Z1\",\
    \"ttl_secs\":20,\"issued_at\":\"2026-11-21T10:00:00Z\",\"beaten_at\":\"2026-11-21T10:00:00Z\",\
    \"change_id\":\"C1\",\"hooks\":[";
const HELD: &str = "{\"version\":1,\"held\":[{\"since\":\"2026-11-21T10:00:00Z\",";
const RELEASE: &str = "{\"version\":1,\"release\":{\"id\":\"x\",\"reason\":\"r\",\"until\":\"2026-11-21T10:00:00Z\",\
    \"only\":[";
const GROUPS: &str = "{\"AutoScalingInstances\":[";
const VALUES: &str = "{\"Name\":\"a.example.com.\",\"Type\":\"TXT\",\"TTL\":1,\"ResourceRecords\":[";

const fn event(name: &'static str, parts: usize, input: fn(usize) -> String) -> Growing {
    Growing { name, target: registrar::event, input, parts }
}

const fn reader(name: &'static str, target: Target, parts: usize, input: fn(usize) -> String) -> Growing {
    Growing { name, target, input, parts }
}

/// Joins parts with commas, between a beginning and an end.
fn list(start: &str, parts: usize, part: impl Fn(usize) -> String, end: &str) -> String {
    let mut text = start.to_owned();
    for at in 0..parts {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&part(at));
    }
    text + end
}

fn batch(messages: usize, body: impl Fn(usize) -> String) -> String {
    let message = |at| {
        let body = body(at).replace('\\', "\\\\").replace('"', "\\\"");
        format!("{{\"messageId\":\"m{at}\",\"eventSource\":\"aws:sqs\",\"body\":\"{body}\"}}")
    };
    list("{\"Records\":[", messages, message, "]}")
}

fn record(id_length: usize, body: &str) -> String {
    format!("{{\"messageId\":\"{}\",\"body\":\"{body}\"}}", "m".repeat(id_length))
}

fn terminated(at: usize) -> String {
    format!(
        "{EC2}\"instance-id\":\"i-{at:08x}\",\"state\":\"terminated\"}},\"time\":\"2019-11-21T10:00:00Z\"}}"
    )
}

fn hook(at: usize) -> String {
    format!("{{\"group\":\"edge\",\"hook\":\"dns-drain\",\"instance\":\"i-{at:08x}\"}}")
}

fn request(pools: &str) -> String {
    format!(
        "{{\"RequestType\":\"Update\",\"ResponseURL\":\"https://host/key\",\"StackId\":\"s\",\"RequestId\":\"r\",\
         \"LogicalResourceId\":\"l\",\"ResourceProperties\":{{\"Pools\":{pools}}}}}"
    )
}

fn pool(selector: &str) -> String {
    format!(
        "{{\"version\":1,\"record\":{{\"hosted_zone_id\":\"Z1\",\"name\":\"a.example.com\"}},\
         \"members\":{{{selector}}}}}"
    )
}

fn time(at: usize) -> String {
    format!("2026-11-{:02}T{:02}:{:02}:{:02}Z", 1 + at / 86_400 % 28, at / 3_600 % 24, at / 60 % 60, at % 60)
}

fn reviewed(changes: usize, number: fn(usize) -> usize) -> String {
    let change = |at| {
        let number = number(at);
        format!(
            "{{\"action\":\"CREATE\",\"hosted_zone_id\":\"Z1\",\"name\":\"n{number}.example.com\",\"type\":\"A\",\
             \"values\":[\"192.0.2.1\"]}}"
        )
    };
    let start = "{\"schema\":\"registrar-plan/1\",\"deployment\":\"default\",\"checksum\":\"x\",\"observed\":[],\
                 \"pools\":[{\"name\":\"video\",\"changes\":[";
    list(start, changes, change, "]}]}")
}

fn fleet(instances: usize, instance: impl Fn(usize) -> String) -> String {
    list("{\"Reservations\":[{\"Instances\":[", instances, instance, "]}]}")
}

fn instance(number: usize, tags: &str) -> String {
    format!("{{\"InstanceId\":\"i-{number:08x}\",\"State\":{{\"Name\":\"running\"}},\"Tags\":{tags}}}")
}

/// An instance that the pool selects.
fn selected(number: usize) -> String {
    let tags = "[{\"Key\":\"a\",\"Value\":\"b\"}],\"NetworkInterfaces\":[{\"Association\":{\"CarrierIp\":\"192.0.2.9\"}}]";
    instance(number, tags)
}

/// A record at the pool's name that somebody else made.
fn other(number: usize) -> String {
    weighted("a", number).replace("registrar/default", "somebody")
}

/// A pool at the name `a.example.com`, with a fleet and records.
fn world(fleet: &str, zone: &str) -> String {
    format!("{}\n%%\n{fleet}\n%%\n{{}}\n%%\n{zone}", pool("\"tags\":{\"a\":\"b\"}"))
}

fn member(at: usize) -> String {
    format!(
        "{{\"InstanceId\":\"i-{at:08x}\",\"AutoScalingGroupName\":\"edge\",\"LifecycleState\":\"{}\"}}",
        "Waiting".repeat(20)
    )
}

fn zone(records: usize, record: impl Fn(usize) -> String) -> String {
    list("{\"ResourceRecordSets\":[", records, record, "]}")
}

fn weighted(label: &str, number: usize) -> String {
    format!(
        "{{\"Name\":\"{label}.example.com.\",\"Type\":\"A\",\"SetIdentifier\":\"registrar/default/video/i-{number:08x}\",\
         \"Weight\":1,\"TTL\":20,\"ResourceRecords\":[{{\"Value\":\"192.0.2.1\"}}]}}"
    )
}
