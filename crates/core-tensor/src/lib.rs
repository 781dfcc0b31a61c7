//! The ground floor of Tenfold. It knows nothing of papers.
//!
//! | module | what |
//! |---|---|
//! | [`seed`] | explicit seeds and the streams derived from them |
//! | [`stats`] | estimates with intervals, bootstrap, ranks, calibration |
//! | [`ops`] | stable numerics and fast kernels |
//! | [`arrays`] | npy, npz and safetensors files |
//! | [`image`] | the shape of one image |
//! | [`mask`] | sets of rows, one bit each |
//! | [`files`] | files that appear whole or not at all, and checksums |
//! | [`progress`] | bars on a terminal, plain lines in a log |
//! | `device` (feature `tensor`) | devices by name |
//!
//! Feature `tensor` (default) brings Burn; without it the crate serves plain arrays and compiles in seconds.
//! `flex`, `wgpu` and `cuda` add back ends; binaries choose them, libraries do not.

pub mod arrays;
#[cfg(feature = "tensor")]
pub mod device;
pub mod files;
pub mod image;
pub mod mask;
pub mod ops;
pub mod progress;
pub mod seed;
pub mod stats;

/// The chapter's example is a test.
#[cfg(all(doctest, feature = "flex"))]
#[doc = include_str!("../../../docs/src/speed.md")]
struct Chapter;
