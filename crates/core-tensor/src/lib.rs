//! The ground floor of Tenfold. It knows nothing of papers.
//!
//! | module | what |
//! |---|---|
//! | [`seed`] | explicit seeds and the streams derived from them |
//! | [`files`] | files that appear whole or not at all, and checksums |

pub mod files;
pub mod seed;
