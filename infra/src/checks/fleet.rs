//! What Wavelength zones do not have and no linter knows: other volumes than gp2, Network Load Balancers, IPv6; and
//! hooks that keep an instance when the registrar is silent.
//!
//! Sources: Wavelength developer guide, "Quotas and considerations"; EC2 Auto Scaling user guide, "Lifecycle hooks".

use serde_json::{Value, json};

use super::{is_set, number};
use crate::samples::on_stacks;
use crate::template::Template;

/// Seconds until no resolver has an address any more: Route 53's servers have the change within 60, and a TTL of 20.
const DRAIN_SECS: f64 = 80.0;

/// Groups, with hooks that drain: an instance that leaves waits long enough, and goes in the end whoever is silent.
#[must_use]
pub fn hooks(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, group) in stack.of_type("AWS::AutoScaling::AutoScalingGroup") {
            let hooks: Vec<&Value> =
                group.properties["LifecycleHookSpecificationList"].as_array().into_iter().flatten().collect();
            let leaves =
                |hook: &&&Value| hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING";
            let draining: Vec<_> = hooks.iter().filter(leaves).collect();
            if !draining.iter().any(|hook| hook["LifecycleHookName"] == "dns-drain") {
                problems.push(format!("{id} has no hook dns-drain, for which the pool's drains wait"));
            }
            for hook in draining {
                if hook["DefaultResult"] != "CONTINUE" {
                    problems
                        .push(format!("{id} keeps other hooks from their turn: {}", hook["DefaultResult"]));
                }
                if !number(&hook["HeartbeatTimeout"])
                    .is_some_and(|secs| (DRAIN_SECS..=7200.0).contains(&secs))
                {
                    problems.push(format!(
                        "{id} does not wait until resolvers forgot: {}",
                        hook["HeartbeatTimeout"]
                    ));
                }
            }
            // Hooks that are resources of their own are made after the first instances.
            if stack.of_type("AWS::AutoScaling::LifecycleHook").next().is_some() {
                problems.push(format!("{id} has hooks that its first instances miss"));
            }
        }
        problems
    })
}

/// Launch templates for a Wavelength zone: a Carrier IP on device 0, gp2 volumes, and IMDSv2 only.
#[must_use]
pub fn launches(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, launch) in stack.of_type("AWS::EC2::LaunchTemplate") {
            let data = &launch.properties["LaunchTemplateData"];
            let interfaces = data["NetworkInterfaces"].as_array().map_or(&[][..], Vec::as_slice);
            let carrier = |interface: &Value| {
                number(&interface["DeviceIndex"]) == Some(0.0)
                    && interface["AssociateCarrierIpAddress"] == true
            };
            // Auto Scaling assigns no address by itself where there are several interfaces.
            if interfaces.len() != 1 || !interfaces.iter().all(carrier) {
                problems.push(format!("{id} has no Carrier IP on its only device"));
            }
            let volumes = data["BlockDeviceMappings"].as_array().map_or(&[][..], Vec::as_slice);
            if volumes.is_empty() {
                problems.push(format!("{id} leaves the volume to the image, which may want gp3"));
            }
            for volume in volumes {
                if volume["Ebs"]["VolumeType"] != "gp2" {
                    problems.push(format!("{id} has a volume of {}", volume["Ebs"]["VolumeType"]));
                }
                if !is_set(&volume["Ebs"]["Encrypted"]) {
                    problems.push(format!("{id} has a volume that is not encrypted"));
                }
            }
            if data["MetadataOptions"]["HttpTokens"] != "required" {
                problems.push(format!("{id} does not demand IMDSv2"));
            }
        }
        problems
    })
}

/// The group carries the tag that the pool of registrar.yaml selects by default, as does every instance.
#[must_use]
pub fn tags(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let wanted = json!({"Key": "edge-dns", "Value": "video", "PropagateAtLaunch": true});
        let untagged = stack.of_type("AWS::AutoScaling::AutoScalingGroup").filter(|(_, group)| {
            !group.properties["Tags"].as_array().is_some_and(|tags| tags.contains(&wanted))
        });
        untagged.map(|(id, _)| format!("{id} has not the tag that the pool selects")).collect()
    })
}

/// Nothing that a Wavelength zone does not have.
#[must_use]
pub fn absent(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, resource) in &stack.resources {
            let properties = &resource.properties;
            if resource.kind.starts_with("AWS::ElasticLoadBalancing") {
                problems.push(format!("{id} is a load balancer"));
            }
            if resource.kind == "AWS::EC2::VPCEndpoint" {
                problems.push(format!("{id} is an endpoint, which a Wavelength zone cannot have"));
            }
            if ["Ipv6CidrBlock", "AmazonProvidedIpv6CidrBlock"].iter().any(|name| is_set(&properties[*name]))
            {
                problems.push(format!("{id} has IPv6, which a Wavelength zone has not"));
            }
        }
        problems
    })
}

/// The subnet in the Wavelength zone leads to the carrier gateway, and to no other.
#[must_use]
pub fn routes(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let subnets = stack.of_type("AWS::EC2::Subnet").filter(|(_, subnet)| {
            subnet.properties["AvailabilityZone"].as_str().is_some_and(|name| name.contains("-wlz-"))
        });
        let mut problems = Vec::new();
        for (id, subnet) in subnets {
            let mut tables = stack
                .of_type("AWS::EC2::SubnetRouteTableAssociation")
                .filter(|(_, one)| one.properties["SubnetId"] == subnet.reference)
                .map(|(_, one)| &one.properties["RouteTableId"]);
            let table = tables.next();
            let carrier = |route: &Value| {
                route["DestinationCidrBlock"] == "0.0.0.0/0" && is_set(&route["CarrierGatewayId"])
            };
            let mut routes = stack
                .of_type("AWS::EC2::Route")
                .filter(|(_, route)| Some(&route.properties["RouteTableId"]) == table);
            if !routes.any(|(_, route)| carrier(&route.properties)) {
                problems.push(format!("{id} has no default route to a carrier gateway"));
            }
        }
        problems
    })
}
