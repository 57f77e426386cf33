//! What the platform sets for every function, and what becomes of a process that was started without it.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Where the Runtime API is. Nothing works without it.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// What the Runtime API's client panics without and nobody here reads (Lambda developer guide, "Defined runtime
/// environment variables"), with values that do.
const UNREAD: [(&str, &str); 3] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "registrar"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
];

/// Makes sure that the platform's variables are there; `variable` looks one up, and `command` is what an operator
/// runs in place of this program. Other servers of the Runtime API
/// set fewer than Lambda does. The process is then replaced by itself with the rest of them, since a process
/// cannot safely change its own environment.
///
/// # Errors
/// When there is no Runtime API, or the process could not be replaced.
pub fn complete(command: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
    if variable(RUNTIME_API).is_none_or(|address| address.is_empty()) {
        return Err(format!(
            "{RUNTIME_API} is not set (hint: this is the function's program, which Lambda starts; the operator's \
             command is {command})"
        ));
    }
    let missing: Vec<(&str, &str)> =
        UNREAD.into_iter().filter(|(name, value)| !is_usable(variable(name), value)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let program =
        std::env::current_exe().map_err(|error| format!("its own program was not found: {error}"))?;
    let error = Command::new(program).args(std::env::args_os().skip(1)).envs(missing).exec();
    Err(format!("it could not be started again with the platform's variables: {error}"))
}

/// Says whether a value can take the place of the usual one: a number where that is one.
fn is_usable(value: Option<String>, usual: &str) -> bool {
    value.is_some_and(|value| usual.parse::<i32>().is_err() || value.parse::<i32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_where_everything_is_set() {
        assert_eq!(complete("registrar", &|_| Some("1".to_owned())), Ok(()));
    }

    #[test]
    fn without_a_runtime_api_the_right_command_is_named() {
        let error = complete("registrar", &|_| None).unwrap_err();
        assert!(error.contains("AWS_LAMBDA_RUNTIME_API") && error.contains("hint: "), "{error}");
    }

    #[test]
    fn a_size_that_is_no_number_is_as_good_as_none() {
        assert!(!is_usable(Some("large".to_owned()), "128"));
        assert!(is_usable(Some("x".to_owned()), "registrar"));
        assert!(!is_usable(None, "registrar"));
    }
}
