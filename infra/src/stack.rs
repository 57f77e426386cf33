//! A stack: a template whose parameters, conditions and functions are worked out, as CloudFormation would for one
//! account and Region.
//!
//! Nothing is created: names and ARNs of resources are those that they would have.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::functions::Scope;
use crate::parameters::{self, Given, Refusal};
use crate::template::Template;

/// The account of all stacks.
pub const ACCOUNT: &str = "123456789012";

/// The name of all stacks.
pub const STACK_NAME: &str = "edge";

/// A template with its parameters, resolved.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The Region.
    pub region: String,
    /// Its resources, by logical id; only those whose condition holds.
    pub resources: BTreeMap<String, Resource>,
    /// Its outputs.
    pub outputs: BTreeMap<String, Value>,
}

/// A resource of a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// The type, such as `AWS::SQS::Queue`.
    pub kind: String,
    /// The properties, without any function.
    pub properties: Value,
    /// What `Ref` returns.
    pub reference: String,
}

impl Stack {
    /// Works a template out for the parameters given.
    ///
    /// # Errors
    /// Where CloudFormation would refuse the parameters, or a function cannot be worked out.
    pub fn new(template: &Template, given: &Given, region: &str) -> Result<Self, Vec<Refusal>> {
        let values = parameters::accept(template, given)?;
        let scope = Scope::new(template, values, region);
        let mut stack =
            Self { region: region.to_owned(), resources: BTreeMap::new(), outputs: BTreeMap::new() };
        let mut refusals = Vec::new();
        for (id, resource) in template.section("Resources") {
            match scope.resource(id, resource) {
                Ok(Some(resource)) => drop(stack.resources.insert(id.to_owned(), resource)),
                Ok(None) => {}
                Err(problem) => refusals.push(Refusal::new(id, problem)),
            }
        }
        for (name, output) in template.section("Outputs") {
            match scope.where_it_holds(output).and_then(|holds| match holds {
                true => scope.resolve(&output["Value"]),
                false => Ok(None),
            }) {
                Ok(Some(value)) => drop(stack.outputs.insert(name.to_owned(), value)),
                Ok(None) => {}
                Err(problem) => refusals.push(Refusal::new(name, problem)),
            }
        }
        if refusals.is_empty() { Ok(stack) } else { Err(refusals) }
    }

    /// Returns the resources of a type, by logical id.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Resource)> {
        let of_kind = self.resources.iter().filter(move |(_, resource)| resource.kind == kind);
        of_kind.map(|(id, resource)| (id.as_str(), resource))
    }

    /// Returns the parameters that hold a document, and not a plain value.
    pub fn documents(&self) -> impl Iterator<Item = (&str, &Resource)> {
        let is_document = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('{'));
        self.of_type("AWS::SSM::Parameter")
            .filter(move |(_, parameter)| is_document(&parameter.properties["Value"]))
    }

    /// Returns the ARN of a resource.
    #[must_use]
    pub fn arn(&self, id: &str) -> Option<String> {
        let resource = self.resources.get(id)?;
        Some(crate::attributes::arn(&self.region, resource))
    }

    /// Returns the resource with an ARN.
    #[must_use]
    pub fn with_arn(&self, arn: &Value) -> Option<(&str, &Resource)> {
        let found = |(_, resource): &(&String, &Resource)| {
            *arn == json!(crate::attributes::arn(&self.region, resource))
        };
        self.resources.iter().find(found).map(|(id, resource)| (id.as_str(), resource))
    }
}

/// Makes the parameters of pairs.
#[must_use]
pub fn given(pairs: &[(&str, &str)]) -> Given {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r"
Parameters:
  Name: {Type: String, Default: edge}
  Zones: {Type: CommaDelimitedList, Default: ''}
Conditions:
  Named: !Not [!Equals [!Ref Name, '']]
  Zoned: !Not [!Equals [!Join ['', !Ref Zones], '']]
  Both: !And [!Condition Named, !Condition Zoned]
Mappings:
  Sizes: {arm64: {Memory: 256}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub 'registrar-${Name}'
      Delay: !FindInMap [Sizes, arm64, Memory]
      Tags: !If [Zoned, !Ref Zones, !Ref AWS::NoValue]
  Other:
    Type: AWS::SNS::Topic
    Condition: Both
    Properties:
      Target: !GetAtt Queue.Arn
      Url: !Ref Queue
      First: !Select [0, !Ref Zones]
      Text: !Sub ['${Who} ${!literal} ${Queue.QueueName} ${AWS::Region}', {Who: !Ref Name}]
Outputs:
  Url: {Value: !Ref Queue}
  None: {Condition: Both, Value: x}
";

    #[test]
    fn functions_and_conditions_are_worked_out() {
        let template = Template::parse("t", TEXT).unwrap();
        let stack = Stack::new(&template, &given(&[("Zones", "a,b")]), "eu-west-2").unwrap();
        assert_eq!(
            stack.resources["Other"].properties,
            json!({
                "Target": "arn:aws:sqs:eu-west-2:123456789012:registrar-edge",
                "Url": "https://sqs.eu-west-2.amazonaws.com/123456789012/registrar-edge",
                "First": "a",
                "Text": "edge ${literal} registrar-edge eu-west-2",
            })
        );
        assert_eq!(stack.resources["Queue"].properties["Tags"], json!(["a", "b"]));
        assert_eq!(stack.with_arn(&json!(stack.arn("Queue"))).unwrap().0, "Queue");
    }

    #[test]
    fn what_has_no_value_is_left_out() {
        let template = Template::parse("t", TEXT).unwrap();
        let stack = Stack::new(&template, &given(&[]), "us-east-1").unwrap();
        assert_eq!(stack.resources["Queue"].properties, json!({"QueueName": "registrar-edge", "Delay": 256}));
        assert!(!stack.resources.contains_key("Other") && !stack.outputs.contains_key("None"));
    }

    #[test]
    fn a_name_that_nothing_has_is_told() {
        let text = "Resources:\n  A: {Type: T, Properties: {x: !Ref Nothing}}\n";
        let problems =
            Stack::new(&Template::parse("t", text).unwrap(), &given(&[]), "us-east-1").unwrap_err();
        assert_eq!(problems[0].to_string(), "A: Nothing is neither a parameter nor a resource");
    }
}
