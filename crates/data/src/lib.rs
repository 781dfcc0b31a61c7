//! Real data for Tenfold: an embedded slice, importers of the official formats, the operations that experiments do
//! to data, and synthetic controls.
//!
//! | module | what |
//! |---|---|
//! | [`images`], [`table`] | the two kinds of data set: images of one size, rows of features |
//! | [`source`] | where data came from, with the checksum of what was read |
//! | [`idx`] | importer of a format |
//! | [`embedded`] | a balanced Fashion-MNIST slice, compiled in (feature `embedded`) |

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod error;
pub mod idx;
pub mod images;
pub mod source;
pub mod table;

pub use error::DataError;
pub use images::{
    ClassWarning, CoarseLabels, ImageShape, Images, Standardiser, TrainTest, check_classes, class_counts,
};
pub use source::{Source, SourceFile};
pub use table::{Regression, Table};
