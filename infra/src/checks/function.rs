//! The function's settings: every variable is one that the code reads, and its paths are the code's.

use serde_json::{Value, json};

use crate::parameters::text;
use crate::samples::on_stacks;
use crate::stack::{Resource, Stack};
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
        problems.extend(parameters(stack, config, document));
        problems
    })
}

/// One parameter is the pool's document, and no other is taken for one.
fn parameters(stack: &Stack, config: &str, document: &str) -> Vec<String> {
    let named = |(id, parameter): (&str, &Resource)| (id.to_owned(), text(&parameter.properties["Name"]));
    let (documents, others): (Vec<_>, Vec<_>) =
        stack.of_type("AWS::SSM::Parameter").map(named).partition(|(_, name)| name == document);
    let missing = documents.is_empty().then(|| format!("no parameter is {document}"));
    let taken = others.into_iter().filter(|(_, name)| name.starts_with(&format!("{config}/")));
    missing.into_iter().chain(taken.map(|(id, name)| format!("{id} is {name}, not {document}"))).collect()
}
