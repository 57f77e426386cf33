//! Parameters, from SSM: pool documents, and what must survive a restart.
//!
//! Values are read as they stand: a `SecureString` comes back encrypted, so that no key is needed for
//! what is not secret. What a value means is the core's business.

use std::collections::{BTreeMap, BTreeSet};

use crate::clients::{Aws, Deadline};
use crate::convert;
use crate::errors::{Kind, PortError, send};
use crate::pages::{Pages, more};

const BY_PATH: &str = "ssm:GetParametersByPath";
const BY_NAME: &str = "ssm:GetParameters";
const PUT: &str = "ssm:PutParameter";
const DELETE: &str = "ssm:DeleteParameter";
/// Parameters on a page, and names in a request (SSM API reference).
const PAGE: usize = 10;

/// A parameter's value and its version, which counts its changes from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The value.
    pub value: String,
    /// The version.
    pub version: i64,
}

impl Aws {
    /// Reads every parameter below a path such as `/registrar/default/pools`, by full name.
    ///
    /// # Errors
    /// When any page cannot be read: half of the documents are not the documents.
    pub async fn parameters_under(
        &self,
        path: &str,
        deadline: Deadline,
    ) -> Result<BTreeMap<String, Parameter>, PortError> {
        let mut found = BTreeMap::new();
        let mut pages = Pages::new(BY_PATH);
        let mut token = None;
        loop {
            let call = self
                .inner
                .ssm
                .get_parameters_by_path()
                .path(path)
                .recursive(true)
                .max_results(10)
                .set_next_token(token.take());
            let page = send(BY_PATH, deadline, call.send()).await?;
            // A page may be empty and still not be the last (SSM API reference, `GetParametersByPath`).
            found.extend(page.parameters().iter().filter_map(convert::parameter));
            let Some(next) = more(page.next_token()) else { return Ok(found) };
            pages.advance(next.clone())?;
            token = Some(next);
        }
    }

    /// Reads the parameters with these full names; those that do not exist are absent.
    ///
    /// # Errors
    /// When SSM does not answer or refuses.
    pub async fn parameters_named(
        &self,
        names: &BTreeSet<String>,
        deadline: Deadline,
    ) -> Result<BTreeMap<String, Parameter>, PortError> {
        let names: Vec<String> = names.iter().cloned().collect();
        let mut found = BTreeMap::new();
        for names in names.chunks(PAGE) {
            let call = self.inner.ssm.get_parameters().set_names(Some(names.to_vec()));
            let page = send(BY_NAME, deadline, call.send()).await?;
            found.extend(page.parameters().iter().filter_map(convert::parameter));
        }
        Ok(found)
    }

    /// Writes a parameter of type `String`, over whatever it was, and returns its new version.
    ///
    /// # Errors
    /// When SSM does not answer or refuses, a value of more than 4,096 bytes for instance.
    pub async fn write_parameter(
        &self,
        name: &str,
        value: &str,
        deadline: Deadline,
    ) -> Result<i64, PortError> {
        let call = self.inner.ssm.put_parameter().name(name).value(value).overwrite(true);
        send(PUT, deadline, convert::plain_string(call).send()).await.map(|written| written.version())
    }

    /// Deletes a parameter; one that does not exist is deleted already.
    ///
    /// # Errors
    /// When SSM does not answer or refuses.
    pub async fn delete_parameter(&self, name: &str, deadline: Deadline) -> Result<(), PortError> {
        match send(DELETE, deadline, self.inner.ssm.delete_parameter().name(name).send()).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == Kind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}
