//! The binary, and its interface for benches.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Client, send};

struct Binary {
    child: Child,
    address: String,
}

impl Binary {
    fn start(world: &Value) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        serde_json::to_writer(&mut file, world).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_aws-stand-in"))
            .args(["--exit-on-eof", "--latency-ms", "1", "--world"])
            .arg(file.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let address = line["endpoint"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }

    fn client(&self) -> Client {
        Client {
            address: self.address.clone(),
            region: "us-east-1",
            access_key_id: "AKIA0000000000000001".to_owned(),
            session_token: None,
        }
    }

    async fn show(&self, path: &str) -> Value {
        let answer = send(&self.address, "GET", &format!("/_stand-in/{path}"), &[], "").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn change(&self, changes: Value) -> Value {
        let answer =
            send(&self.address, "POST", "/_stand-in/changes", &[], &changes.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["results"].clone()
    }

    /// Closes its input and waits for its end.
    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

fn world() -> Value {
    json!({
        "groups": [{ "name": "edge", "hooks": [{ "name": "dns-drain", "transition": "terminating" }] }],
        "instances": [{ "id": "i-1", "availability_zone": "us-east-1-wl1-bos-wlz-1", "carrier_ip": "155.146.10.1",
                        "member": { "group": "edge", "lifecycle_state": "InService" } }],
        "hosted_zones": [{ "id": "Z1", "name": "edge.example.com" }],
        "queues": [{ "name": "events" }],
    })
}

#[tokio::test]
async fn the_binary_serves_a_world_from_a_file_until_its_input_ends() {
    let binary = Binary::start(&world());
    let answer = binary.client().ec2("DescribeInstances").await;
    assert_eq!(answer.element("carrierIp"), Some("155.146.10.1"));
    assert_eq!(binary.show("calls").await["counts"], json!({ "ec2:DescribeInstances": 1 }));
    binary.end();
}

#[tokio::test]
async fn the_world_is_changed_and_shown_over_the_interface() {
    let binary = Binary::start(&world());
    let results = binary
        .change(json!([
            { "put_instances": [{ "id": "i-2", "availability_zone": "us-east-1a" }] },
            { "set_state": { "instance": "i-2", "state": "stopped" } },
            { "scale_in": ["i-1"] },
            { "put_parameter": { "name": "/a", "value": "b" } },
            { "send": { "queue": "events", "body": "hello" } },
            { "arm": { "operation": "ec2:DescribeInstances", "effect": "throttle" } },
        ]))
        .await;
    assert_eq!(results[2][0]["hook"], "dns-drain");
    let client = binary.client();
    assert_eq!(client.ec2("DescribeInstances").await.status, 503);
    let states = client.ec2("DescribeInstances&InstanceId.1=i-2").await;
    assert!(states.body.contains("<code>80</code><name>stopped</name>"));
    assert_eq!(binary.show("parameters").await["parameters"]["/a"]["value"], "b");
    assert_eq!(binary.show("queues/events").await["messages"][0]["body"], "hello");
    assert_eq!(binary.show("lifecycle-actions").await["lifecycle_actions"][0]["ended"], Value::Null);
    let records = binary.show("hosted-zones/Z1/records").await;
    assert_eq!(records["ResourceRecordSets"][0]["Type"], "NS");
    binary.change(json!(["clear_calls", { "terminate": ["i-1"] }])).await;
    assert_eq!(binary.show("calls").await["calls"], json!([]));
    assert_eq!(binary.show("instances").await["instances"][0]["state"], "terminated");
    binary.end();
}

#[tokio::test]
async fn a_change_that_cannot_be_made_is_an_error() {
    let binary = Binary::start(&world());
    for bad in [
        json!([{ "terminates": ["i-1"] }]),
        json!([{ "set_state": { "instance": "i-9", "state": "stopped" } }]),
        json!([{ "send": { "queue": "nope", "body": "x" } }]),
        json!({ "terminate": ["i-1"] }),
    ] {
        let answer =
            send(&binary.address, "POST", "/_stand-in/changes", &[], &bad.to_string()).await.unwrap();
        assert_eq!(answer.status, 400, "{bad}");
    }
    let answer = send(&binary.address, "GET", "/_stand-in/nothing", &[], "").await.unwrap();
    assert_eq!(answer.status, 400);
    binary.end();
}
