//! CloudFormation's intrinsic functions, worked out for given parameters and Region.
//!
//! What a resource would be called is for [`crate::attributes`] to say. Three things stay as they are written:
//! dynamic references, `Fn::Base64` (its text stays readable), and `Fn::ImportValue`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::attributes;
use crate::parameters::text;
use crate::stack::{ACCOUNT, Resource, STACK_NAME};
use crate::template::Template;

/// Deeper than any template nests, so that a circle ends.
const DEEPEST: usize = 64;

/// What functions may refer to.
pub(crate) struct Scope<'a> {
    template: &'a Template,
    values: Rc<BTreeMap<String, Value>>,
    region: &'a str,
    depth: usize,
}

type Resolved = Result<Option<Value>, String>;

impl<'a> Scope<'a> {
    pub(crate) fn new(template: &'a Template, values: BTreeMap<String, Value>, region: &'a str) -> Self {
        Self { template, values: Rc::new(values), region, depth: 0 }
    }

    /// Returns a resource with its properties worked out, where its condition holds.
    pub(crate) fn resource(&self, id: &str, resource: &Value) -> Result<Option<Resource>, String> {
        if !self.where_it_holds(resource)? {
            return Ok(None);
        }
        let kind = resource["Type"].as_str().unwrap_or_default().to_owned();
        let properties = self.resolve(&resource["Properties"])?.unwrap_or(Value::Null);
        let reference = attributes::reference(self.region, &kind, id, &properties);
        Ok(Some(Resource { kind, properties, reference }))
    }

    /// Says whether the condition of a resource or output holds; it does where there is none.
    pub(crate) fn where_it_holds(&self, entry: &Value) -> Result<bool, String> {
        entry.get("Condition").map_or(Ok(true), |name| self.condition(name))
    }

    /// Works a value out; `None` where it has no value.
    pub(crate) fn resolve(&self, value: &Value) -> Resolved {
        match value {
            Value::Object(fields) => match fields.iter().next().filter(|_| fields.len() == 1) {
                Some((name, argument)) if name == "Ref" || name.starts_with("Fn::") => {
                    self.call(name, argument)
                }
                _ => self.object(fields).map(Some),
            },
            Value::Array(items) => {
                let mut resolved = Vec::new();
                for item in items {
                    resolved.extend(self.resolve(item)?);
                }
                Ok(Some(Value::Array(resolved)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Some(value.clone())),
        }
    }

    fn object(&self, fields: &Map<String, Value>) -> Result<Value, String> {
        let mut resolved = Map::new();
        for (name, field) in fields {
            if let Some(field) = self.resolve(field)? {
                resolved.insert(name.clone(), field);
            }
        }
        Ok(Value::Object(resolved))
    }

    fn call(&self, function: &str, argument: &Value) -> Resolved {
        let items = argument.as_array().map_or(&[][..], Vec::as_slice);
        match (function, items) {
            ("Ref", _) => self.reference(&text(argument)),
            ("Fn::GetAtt", [resource, attribute]) => {
                self.attribute(&text(resource), &text(attribute)).map(Some)
            }
            ("Fn::Sub", _) => self.substitute(argument).map(Some),
            ("Fn::If", [name, yes, no]) => self.resolve(if self.condition(name)? { yes } else { no }),
            ("Fn::Join", [separator, list]) => {
                let parts: Vec<String> = self.list(list)?.iter().map(text).collect();
                Ok(Some(json!(parts.join(&text(separator)))))
            }
            ("Fn::Split", [separator, whole]) => {
                let whole = text(&self.needed(whole)?);
                Ok(Some(json!(whole.split(text(separator).as_str()).collect::<Vec<_>>())))
            }
            ("Fn::Select", [index, list]) => {
                let index = text(&self.needed(index)?);
                let item =
                    index.parse::<usize>().ok().and_then(|index| self.list(list).ok()?.get(index).cloned());
                item.map(Some).ok_or_else(|| format!("nothing stands at {index} of {list}"))
            }
            ("Fn::FindInMap", [map, first, second]) => {
                let (first, second) = (text(&self.needed(first)?), text(&self.needed(second)?));
                let found = self.template.entry("Mappings", &text(map)).map(|map| &map[&first][&second]);
                let found = found.filter(|found| !found.is_null()).cloned();
                found.map(Some).ok_or_else(|| format!("the mapping {map} has no {first}.{second}"))
            }
            ("Fn::GetAZs", _) => {
                Ok(Some(json!(["a", "b", "c"].map(|letter| format!("{}{letter}", self.region)))))
            }
            ("Fn::Cidr", [block, count, bits]) => {
                let part = |value: &Value| self.needed(value).map(|value| text(&value));
                cidr(&part(block)?, &part(count)?, &part(bits)?).map(Some)
            }
            ("Fn::Base64" | "Fn::ImportValue", _) => self.resolve(argument),
            ("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                Err(format!("{function} stands outside of the conditions"))
            }
            _ => Err(format!("{function} of {argument} cannot be worked out")),
        }
    }

    /// Works out a condition: one of the template's by its name, or a function of conditions.
    fn condition(&self, value: &Value) -> Result<bool, String> {
        if let Some(name) = value.as_str().or_else(|| value["Condition"].as_str()) {
            let condition = self.template.entry("Conditions", name);
            let condition = condition.ok_or_else(|| format!("there is no condition {name}"))?;
            return self.deeper()?.condition(condition);
        }
        let call =
            value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
        let (function, argument) = call.ok_or_else(|| format!("{value} is no condition"))?;
        let items = argument.as_array().map_or(&[][..], Vec::as_slice);
        let all = || items.iter().map(|item| self.condition(item)).collect::<Result<Vec<_>, _>>();
        match (function.as_str(), items) {
            ("Fn::Equals", [first, second]) => {
                Ok(scalar(self.resolve(first)?) == scalar(self.resolve(second)?))
            }
            ("Fn::Not", [_]) => Ok(!all()?.into_iter().any(|truth| truth)),
            ("Fn::And", _) => Ok(all()?.into_iter().all(|truth| truth)),
            ("Fn::Or", _) => Ok(all()?.into_iter().any(|truth| truth)),
            _ => Err(format!("{function} of {argument} is no condition")),
        }
    }

    fn reference(&self, name: &str) -> Resolved {
        let pseudo = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => Some(self.region.to_owned()),
            "AWS::AccountId" => Some(ACCOUNT.to_owned()),
            "AWS::Partition" => Some("aws".to_owned()),
            "AWS::URLSuffix" => Some("amazonaws.com".to_owned()),
            "AWS::StackName" => Some(STACK_NAME.to_owned()),
            "AWS::StackId" => Some(attributes::stack_id(self.region)),
            _ => None,
        };
        if let Some(value) = pseudo.map(Value::String).or_else(|| self.values.get(name).cloned()) {
            return Ok(Some(value));
        }
        self.named(name).map(|resource| Some(json!(resource.reference)))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Result<Value, String> {
        let resource = self.named(id)?;
        Ok(attributes::attribute(self.region, id, &resource, attribute))
    }

    fn named(&self, id: &str) -> Result<Resource, String> {
        let resource = self.template.entry("Resources", id);
        let resource = resource.ok_or_else(|| format!("{id} is neither a parameter nor a resource"))?;
        let resource = self.deeper()?.resource(id, resource)?;
        resource.ok_or_else(|| format!("{id} is not there, since its condition does not hold"))
    }

    fn substitute(&self, argument: &Value) -> Result<Value, String> {
        let (pattern, variables) = match argument {
            Value::Array(pair) => (text(&pair[0]), self.needed(pair.get(1).unwrap_or(&Value::Null))?),
            single => (text(single), Value::Null),
        };
        let mut parts = pattern.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) =
                part.split_once('}').ok_or_else(|| format!("{pattern:?} does not close ${{"))?;
            let value = match (name.strip_prefix('!'), variables.get(name), name.split_once('.')) {
                (Some(literal), _, _) => format!("${{{literal}}}"),
                (None, Some(value), _) => text(value),
                (None, None, Some((id, attribute))) => text(&self.attribute(id, attribute)?),
                (None, None, None) => text(&self.reference(name)?.unwrap_or(Value::Null)),
            };
            result.push_str(&value);
            result.push_str(rest);
        }
        Ok(Value::String(result))
    }

    fn needed(&self, value: &Value) -> Result<Value, String> {
        self.resolve(value)?.ok_or_else(|| format!("{value} has no value where one is needed"))
    }

    fn list(&self, value: &Value) -> Result<Vec<Value>, String> {
        match self.needed(value)? {
            Value::Array(items) => Ok(items),
            other => Err(format!("{other} is no list")),
        }
    }

    fn deeper(&self) -> Result<Self, String> {
        if self.depth == DEEPEST {
            return Err("the template refers to itself in a circle".to_owned());
        }
        let values = Rc::clone(&self.values);
        Ok(Self { template: self.template, values, region: self.region, depth: self.depth + 1 })
    }
}

/// Divides an IPv4 range into `count` ranges of `bits` host bits.
fn cidr(block: &str, count: &str, bits: &str) -> Result<Value, String> {
    let parts = || {
        let first: Ipv4Addr = block.split('/').next()?.parse().ok()?;
        Some((
            u32::from(first),
            count.parse::<u32>().ok()?,
            bits.parse::<u32>().ok().filter(|bits| *bits < 32)?,
        ))
    };
    let (first, count, bits) =
        parts().ok_or_else(|| format!("{block} cannot be divided by {count} of {bits} bits"))?;
    let range = |index: u32| format!("{}/{}", Ipv4Addr::from(first.saturating_add(index << bits)), 32 - bits);
    Ok(json!((0..count).map(range).collect::<Vec<_>>()))
}

/// CloudFormation compares scalars as text.
fn scalar(value: Option<Value>) -> Value {
    match value {
        Some(value @ (Value::Bool(_) | Value::Number(_))) => json!(text(&value)),
        Some(value) => value,
        None => Value::Null,
    }
}
