//! `registrar pool`: validates documents and prints their JSON Schema.

use std::process::ExitCode;

use anyhow::Result;
use registrar_core::pool::{Policy, json_schema};
use registrar_shell::{read, tell};

use crate::arguments::PoolCommand;

pub(crate) fn run(command: &PoolCommand) -> Result<ExitCode> {
    match command {
        PoolCommand::Schema => {
            crate::print(&format!("{}\n", serde_json::to_string_pretty(&json_schema())?))?;
            Ok(ExitCode::SUCCESS)
        }
        PoolCommand::Check { file } => match Policy::parse(&read("pool document", file)?) {
            Ok(policy) => {
                let address = policy.address;
                crate::print(&format!(
                    "{}: ok: {} in hosted zone {}, {} routing, TTL {} s, publishing each member's {address}\n",
                    file.display(),
                    policy.name,
                    policy.hosted_zone_id,
                    policy.routing,
                    policy.ttl_secs,
                ))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                tell(format_args!("error: {}: {error}", file.display()));
                tell(format_args!("hint: {}", error.hint));
                Ok(ExitCode::FAILURE)
            }
        },
    }
}
