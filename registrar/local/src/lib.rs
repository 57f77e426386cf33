//! An edge in one process.
