//! The CloudFormation templates, read and worked out as CloudFormation would, so that tests can hold them to the code.
//!
//! Nothing here deploys, and nothing that is deployed needs it. A check is a function from a template to the
//! problems that it finds, so that a test can show that it finds one in a template that was broken on purpose.

mod attributes;
pub mod checks;
pub mod event;
mod functions;
pub mod parameters;
pub mod policy;
mod rules;
pub mod samples;
pub mod stack;
pub mod template;
pub mod yaml;
