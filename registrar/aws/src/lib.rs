//! The registrar on AWS.
