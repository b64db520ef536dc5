//! Data sets: drawn by the crate, or read from files.
