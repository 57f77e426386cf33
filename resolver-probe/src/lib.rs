//! An independent witness.
