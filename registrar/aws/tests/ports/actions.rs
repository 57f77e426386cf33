//! The list of actions, held to what the ports send.

use std::collections::BTreeSet;
use std::path::Path;

use registrar_aws::ACTIONS;

/// Every operation that a source file of the ports names: where calls are made, their operation stands beside them
/// as a constant, for errors.
fn named_in_the_sources() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = files.filter(|path| path.is_file() && !path.ends_with("actions.rs"));
    let texts = sources.map(|path| std::fs::read_to_string(path).unwrap());
    let code = texts.map(|text| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
    code.flat_map(|code| code.split('"').map(str::to_owned).collect::<Vec<_>>())
        .filter(|text| is_operation(text))
        .collect()
}

fn is_operation(text: &str) -> bool {
    let services = ["autoscaling", "ec2", "route53", "sqs", "ssm", "sts"];
    text.split_once(':').is_some_and(|(service, name)| {
        services.contains(&service)
            && name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[test]
fn the_list_has_what_the_sources_name_and_nothing_else() {
    let listed: BTreeSet<String> = ACTIONS.iter().map(|action| action.operation.to_owned()).collect();
    assert_eq!(listed, named_in_the_sources());
}

#[test]
fn the_list_is_in_order_and_names_everything_once() {
    assert!(ACTIONS.windows(2).all(|pair| pair[0].name < pair[1].name), "{ACTIONS:?}");
}
