//! The Lambda Runtime API.

use std::time::Duration;

use aws_stand_in::{Outcome, RuntimeApi};
use serde_json::json;

use crate::client::{Answer, send};

const NEXT: &str = "/2018-06-01/runtime/invocation/next";
const LONG: Duration = Duration::from_secs(30);

async fn next(runtime: &RuntimeApi) -> Answer {
    send(&runtime.address(), "GET", NEXT, &[], "").await.unwrap()
}

async fn post(runtime: &RuntimeApi, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    send(&runtime.address(), "POST", &format!("/2018-06-01/runtime/{path}"), headers, body).await.unwrap()
}

#[tokio::test]
async fn an_invocation_is_handed_out_with_its_headers_and_answered() {
    let runtime = RuntimeApi::start().await.unwrap();
    let process = async {
        let taken = next(&runtime).await;
        assert_eq!((taken.status, taken.body.as_str()), (200, "{\"n\":1}"));
        let of = |name: &str| taken.headers[&format!("lambda-runtime-{name}")].clone();
        assert!(
            of("invoked-function-arn").starts_with("arn:aws:lambda:") && of("trace-id").starts_with("Root=")
        );
        assert!(of("deadline-ms").parse::<u64>().unwrap() > 1_700_000_000_000);
        let (id, invocation) = (of("aws-request-id"), of("invocation-id"));
        let echoed = [("lambda-runtime-invocation-id", invocation.as_str())];
        let answer = post(&runtime, &format!("invocation/{id}/response"), &echoed, "{\"ok\":true}").await;
        assert_eq!((answer.status, answer.json()), (202, json!({ "status": "OK" })));
    };
    let (invocation, ()) = tokio::join!(runtime.invoke("{\"n\":1}", LONG), process);
    assert_eq!(invocation.body(), Some("{\"ok\":true}"));
    assert!(invocation.taken_at.unwrap() >= invocation.queued_at && invocation.took().unwrap() < LONG);
}

#[tokio::test]
async fn invocations_wait_their_turn_and_so_does_a_process_without_work() {
    let runtime = RuntimeApi::start().await.unwrap();
    let process = async {
        for _ in 0..3 {
            let taken = next(&runtime).await;
            let id = &taken.headers["lambda-runtime-aws-request-id"];
            post(&runtime, &format!("invocation/{id}/response"), &[], &taken.body).await;
        }
    };
    let invoke = async {
        runtime.initialised().await.unwrap();
        assert_eq!(runtime.waits(), 1);
        let both = tokio::join!(runtime.invoke("1", LONG), runtime.invoke("2", LONG));
        assert_eq!((both.0.body(), both.1.body()), (Some("1"), Some("2")));
        assert_eq!(runtime.invoke("3", LONG).await.body(), Some("3"));
    };
    tokio::join!(process, invoke);
}

#[tokio::test]
async fn an_error_is_the_outcome_of_its_invocation() {
    let runtime = RuntimeApi::start().await.unwrap();
    let document = json!({ "errorMessage": "no", "errorType": "Broken" });
    let process = async {
        let id = next(&runtime).await.headers["lambda-runtime-aws-request-id"].clone();
        post(&runtime, &format!("invocation/{id}/error"), &[], &document.to_string()).await;
    };
    let (invocation, ()) = tokio::join!(runtime.invoke("{}", LONG), process);
    assert_eq!(invocation.outcome, Outcome::Failed(document));
}

#[tokio::test]
async fn an_invocation_that_nobody_ends_times_out_and_its_late_answer_is_refused() {
    let runtime = RuntimeApi::start().await.unwrap();
    let (invocation, taken) = tokio::join!(runtime.invoke("{}", Duration::from_millis(100)), next(&runtime));
    assert_eq!(invocation.outcome, Outcome::TimedOut);
    let id = &taken.headers["lambda-runtime-aws-request-id"];
    let late = post(&runtime, &format!("invocation/{id}/response"), &[], "{}").await;
    assert_eq!((late.status, &late.json()["errorType"]), (400, &json!("InvalidRequestID")));
}

#[tokio::test]
async fn an_invocation_that_was_never_taken_is_not_handed_out_later() {
    let runtime = RuntimeApi::start().await.unwrap();
    let first = runtime.invoke("1", Duration::from_millis(10)).await;
    assert_eq!((first.outcome.clone(), first.took()), (Outcome::TimedOut, None));
    let (_, taken) = tokio::join!(runtime.invoke("2", Duration::from_millis(100)), next(&runtime));
    assert_eq!(taken.body, "2");
}

#[tokio::test]
async fn an_answer_to_another_invocation_is_refused() {
    let runtime = RuntimeApi::start().await.unwrap();
    let process = async {
        let id = next(&runtime).await.headers["lambda-runtime-aws-request-id"].clone();
        let stale = [("lambda-runtime-invocation-id", "another")];
        let answer = post(&runtime, &format!("invocation/{id}/response"), &stale, "{}").await;
        assert_eq!((answer.status, &answer.json()["errorType"]), (400, &json!("InvalidInvocationId")));
        post(&runtime, &format!("invocation/{id}/response"), &[], "right").await;
    };
    let (invocation, ()) = tokio::join!(runtime.invoke("{}", LONG), process);
    assert_eq!(invocation.body(), Some("right"));
}

#[tokio::test]
async fn a_failed_initialisation_is_told_instead_of_the_first_request_for_work() {
    let runtime = RuntimeApi::start().await.unwrap();
    let document = json!({ "errorMessage": "REGISTRAR_DEPLOYMENT is missing" });
    post(&runtime, "init/error", &[], &document.to_string()).await;
    assert_eq!(runtime.initialised().await, Err(document));
}
