//! An answer is sent whatever happens inside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use registrar_aws::{Aws, Settings};
use registrar_core::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::{Environment, Handler, Lines};

/// Takes one answer as CloudFormation does, and returns it.
async fn answer(listener: TcpListener) -> Value {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if length.is_some_and(|length| length.trim() == body.len().to_string()) {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .await
                .unwrap();
            return serde_json::from_str(body).unwrap();
        }
        assert!(stream.read_buf(&mut request).await.unwrap() > 0, "it ended early: {text}");
    }
}

#[tokio::test]
async fn a_panic_is_answered_as_a_failure_and_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/answer", listener.local_addr().unwrap());
    let asked = AtomicUsize::new(0);
    // The first time is that of the invocation; the next is asked for in the middle of the work.
    let clock = move || -> Timestamp {
        assert_ne!(asked.fetch_add(1, Ordering::SeqCst), 1, "the clock is broken");
        "2026-11-21T10:00:00Z".parse().unwrap()
    };
    let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let lines_of = Lines::to(move |line| kept.lock().unwrap().push(line.to_owned()));
    let variable = |name: &str| (name == "REGISTRAR_DEPLOYMENT").then(|| "edge".to_owned());
    let environment = Environment::read(&variable).unwrap();
    let aws = Aws::connect(Settings::default()).await;
    let mut handler = Handler::new(aws, environment, Arc::new(clock), 1, lines_of);
    let request = json!({
        "RequestType": "Delete", "ResponseURL": url, "StackId": "stack", "RequestId": "request",
        "LogicalResourceId": "Registration", "PhysicalResourceId": "registrar-edge",
        "ResourceProperties": {"HostedZoneId": "Z1"},
    })
    .to_string();
    let deadline = "2026-11-21T10:00:30Z".parse().unwrap();
    let (answer, handled) = tokio::join!(answer(listener), handler.handle(&request, "id", deadline));
    assert_eq!(handled, Ok(Value::Null));
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("FAILED"), &json!("registrar-edge"))
    );
    let reason = answer["Reason"].as_str().unwrap();
    assert!(reason.contains("the function panicked") && reason.contains("the clock is broken"), "{reason}");
    let told: Value = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
    assert_eq!(told["level"], "ERROR");
    assert!(told["problems"][0].as_str().unwrap().contains("the clock is broken"), "{told}");
}
