//! Where a stack's policies are: those of a role, of a function's role, and of a queue.

use serde_json::Value;

use crate::parameters::text;
use crate::stack::{Resource, Stack};

/// Returns the role of a function, by its logical id.
///
/// # Errors
/// Where there is no such function, or its role is not of the stack.
pub fn role_of(stack: &Stack, function: &str) -> Result<String, String> {
    let resource = stack.resources.get(function).ok_or_else(|| format!("there is no {function}"))?;
    let role = stack.with_arn(&resource.properties["Role"]);
    role.map(|(id, _)| id.to_owned()).ok_or_else(|| format!("{function} has no role of the stack"))
}

/// Returns the policies of a role: its own, and those that name it.
///
/// # Errors
/// Where a policy is not JSON, or is managed elsewhere, so that nobody can tell what it says.
pub fn of_role(stack: &Stack, role: &str) -> Result<Vec<Value>, String> {
    let resource = stack.resources.get(role).ok_or_else(|| format!("there is no {role}"))?;
    if let Some(managed) = resource.properties.get("ManagedPolicyArns") {
        return Err(format!("{role} has managed policies, of which nothing is known here: {managed}"));
    }
    let own = resource.properties["Policies"].as_array().into_iter().flatten();
    let named = stack.resources.values().filter(|policy| names_role(policy, resource));
    let named = named.map(|policy| &policy.properties);
    own.chain(named).map(|policy| document(&policy["PolicyDocument"])).collect()
}

/// Returns the policies of a queue, by its logical id.
///
/// # Errors
/// Where there is no such queue, or a policy is not JSON.
pub fn of_resource(stack: &Stack, queue: &str) -> Result<Vec<Value>, String> {
    let resource = stack.resources.get(queue).ok_or_else(|| format!("there is no {queue}"))?;
    let policies = stack.of_type("AWS::SQS::QueuePolicy");
    let named = policies.filter(|(_, policy)| {
        let queues = policy.properties["Queues"].as_array().into_iter().flatten();
        queues.map(text).any(|url| url == resource.reference)
    });
    named.map(|(_, policy)| document(&policy.properties["PolicyDocument"])).collect()
}

/// Returns the policies of every role and every queue, by the logical id of who has them.
pub fn all(stack: &Stack) -> impl Iterator<Item = (&str, Result<Vec<Value>, String>)> {
    let roles = stack.of_type("AWS::IAM::Role").map(|(id, _)| (id, of_role(stack, id)));
    roles.chain(stack.of_type("AWS::SQS::Queue").map(|(id, _)| (id, of_resource(stack, id))))
}

fn names_role(policy: &Resource, role: &Resource) -> bool {
    let roles = policy.properties["Roles"].as_array().into_iter().flatten();
    match policy.kind.as_str() {
        "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => roles.map(text).any(|name| name == role.reference),
        "AWS::IAM::RolePolicy" => text(&policy.properties["RoleName"]) == role.reference,
        _ => false,
    }
}

/// Reads a policy that may be written as a text of JSON, which is how a condition key can hold a parameter.
fn document(document: &Value) -> Result<Value, String> {
    match document {
        Value::String(json) => {
            serde_json::from_str(json).map_err(|error| format!("a policy is not JSON: {error}"))
        }
        Value::Object(_) => Ok(document.clone()),
        other => Err(format!("{other} is no policy")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stack::given;
    use crate::template::Template;

    const TEXT: &str = r#"
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: own
          PolicyDocument: {Statement: [{Sid: Own}]}
  Function: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Role.Arn}}
  Text:
    Type: AWS::IAM::RolePolicy
    Properties:
      RoleName: !Ref Role
      PolicyDocument: !Sub '{"Statement": [{"Sid": "${AWS::Region}"}]}'
  Queue: {Type: AWS::SQS::Queue}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties: {Queues: [!Ref Queue], PolicyDocument: {Statement: [{Sid: Queue}]}}
"#;

    #[test]
    fn a_roles_policies_are_its_own_and_those_that_name_it() {
        let stack = Stack::new(&Template::parse("t", TEXT).unwrap(), &given(&[]), "us-east-1").unwrap();
        assert_eq!(role_of(&stack, "Function").unwrap(), "Role");
        let own = json!({"Statement": [{"Sid": "Own"}]});
        let by_name = json!({"Statement": [{"Sid": "us-east-1"}]});
        assert_eq!(of_role(&stack, "Role").unwrap(), [own, by_name]);
        assert_eq!(of_resource(&stack, "Queue").unwrap(), [json!({"Statement": [{"Sid": "Queue"}]})]);
    }
}
