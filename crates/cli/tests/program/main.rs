//! The `tenfold` program, end to end: files in, files out, exit codes.

mod analysis;
mod bad_input;
mod distill;
mod distill_refused;
mod fixture;
mod memorisation;
mod precision;
mod readme;
mod refused;
mod resmem;
mod student;
