//! Real data for Tenfold: an embedded slice, importers of the official formats, the operations that experiments do
//! to data, and synthetic controls.
//!
//! | module | what |
//! |---|---|
//! | [`images`], [`table`] | the two kinds of data set: images of one size, rows of features |
//! | [`features`] | sets of features of a pretrained network: one compiled in, others from files |
//! | [`source`] | where data came from, with the checksum of what was read |
//! | [`idx`], [`cifar`], [`folder`] | importers: IDX files, CIFAR binary batches, a folder of class-named images |
//! | [`catalogue`], [`mod@fetch`], [`mod@verify`] | data sets by name: load, install, compare with official checksums |
//! | [`split`], [`subset`], [`long_tail`] | which rows: stratified parts, subsets, long-tailed class sizes |
//! | [`noise`], [`duplicates`] | what is done to them: label noise, planted copies |
//! | [`synthetic`] | controls whose truth is known |
//! | [`embedded`] | a balanced Fashion-MNIST slice, compiled in (feature `embedded`) |

pub mod catalogue;
pub mod cifar;
pub mod duplicates;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod error;
pub mod features;
pub mod fetch;
pub mod folder;
pub mod idx;
pub mod images;
pub mod long_tail;
pub mod noise;
pub mod source;
pub mod split;
pub mod subset;
pub mod synthetic;
pub mod table;
pub mod verify;

pub use error::DataError;
pub use features::FeatureSet;
pub use images::{ClassWarning, CoarseLabels, Images, Standardiser, TrainTest, check_classes, class_counts};
pub use source::{Source, SourceFile};
pub use table::{Regression, Table};
pub use tenfold_core_tensor::image::ImageShape;
