//! The `tenfold` program, end to end: files in, files out, exit codes.

mod bad_input;
mod fixture;
mod readme;
mod resmem;
