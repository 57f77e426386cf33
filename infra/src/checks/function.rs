//! The function's settings: every variable is one that the code reads, and its paths are the code's.

use serde_json::{Value, json};

use crate::samples::on_stacks;
use crate::template::Template;

/// The function has the variables that the code reads, and no other.
#[must_use]
pub fn environment(template: &Template, known: &[&str]) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, variables) in
            stack.of_type("AWS::Lambda::Function").map(|(id, function)| (id, variables(&function.properties)))
        {
            let names = variables.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let unread = names.filter(|name| !known.contains(name));
            problems.extend(unread.map(|name| format!("{id} sets {name}, which the code does not read")));
            let missing = known.iter().filter(|name| variables.get(**name).is_none());
            problems.extend(missing.map(|name| format!("{id} does not set {name}")));
        }
        problems
    })
}

fn variables(function: &Value) -> Value {
    function["Environment"]["Variables"].clone()
}

/// The path of the pool documents and the name of the stack's own are those that the code would use for the sample's
/// deployment, and the queue is the stack's.
#[must_use]
pub fn paths(template: &Template, config: &str, document: &str) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, function) in stack.of_type("AWS::Lambda::Function") {
            let variables = variables(&function.properties);
            if variables["REGISTRAR_CONFIG_PATH"] != config {
                problems.push(format!(
                    "{id} looks for documents at {}, not {config}",
                    variables["REGISTRAR_CONFIG_PATH"]
                ));
            }
            let mut queues = stack.of_type("AWS::SQS::Queue");
            let url = &variables["REGISTRAR_QUEUE_URL"];
            if !queues.any(|(_, queue)| {
                json!(queue.reference) == *url && queue.properties.get("RedrivePolicy").is_some()
            }) {
                problems
                    .push(format!("{id} sends its drain tickets to {url}, which is no queue that it reads"));
            }
        }
        for (id, parameter) in stack.of_type("AWS::SSM::Parameter") {
            if parameter.properties["Name"] != document {
                problems.push(format!("{id} is {}, not {document}", parameter.properties["Name"]));
            }
        }
        problems
    })
}
