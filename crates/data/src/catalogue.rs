//! The data sets by name: what they are, where they lie, how to get and load them.

use crate::cifar;
use crate::error::DataError;
use crate::idx;
use crate::images::{Images, TrainTest};
use crate::source::{Source, SourceFile};
use crate::verify;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::image::ImageShape;

/// The environment variable that names the data root.
pub const ROOT_VARIABLE: &str = "TENFOLD_DATA";

/// One data set of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name that commands use, also the folder's name under the data root.
    pub name: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// The licence, in words.
    pub licence: &'static str,
    /// The shape of its images.
    pub shape: ImageShape,
    /// Number of (fine) classes.
    pub n_classes: usize,
    /// Number of training images.
    pub n_train: usize,
    /// Number of test images.
    pub n_test: usize,
    /// How its files are laid out.
    pub format: Format,
    /// Where it comes from.
    pub origin: Origin,
}

/// The layout of a data set's files.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// IDX, with class names from here because the files have none.
    Idx {
        /// One name per label.
        class_names: &'static [&'static str],
    },
    /// CIFAR-10 binary batches.
    Cifar10,
    /// CIFAR-100 binary batches.
    Cifar100,
    /// Features of a pretrained network, with class names from here because the files have none.
    Features {
        /// One name per label.
        class_names: &'static [&'static str],
    },
}

/// Where a data set comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// Compiled into the library (feature `embedded`).
    Embedded,
    /// IDX files in a Debian package.
    DebianPackage {
        /// The package's name.
        package: &'static str,
        /// SHA-256 of the package file that the checksums below were read from.
        sha256: &'static str,
        /// The folder that the package installs to.
        folder: &'static str,
        /// The files, without `.gz`, with the SHA-256 of their *uncompressed* bytes: packages compress anew.
        contents: &'static [(&'static str, &'static str)],
    },
    /// A gzip tar archive at its authors' address.
    Archive {
        /// The address.
        url: &'static str,
        /// The MD5 that the authors publish beside it.
        md5: &'static str,
        /// The folder inside the archive.
        folder: &'static str,
        /// The files that are read from it.
        files: &'static [&'static str],
    },
    /// Files that a person puts into the folder.
    ByHand {
        /// The files, without `.gz`.
        files: &'static [&'static str],
    },
}

const IDX_FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// The ten classes of Fashion-MNIST, in the order of their labels.
pub const FASHION_MNIST_CLASSES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// The ten classes of CIFAR-10, in the order of their labels.
pub const CIFAR10_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const ENTRIES: [Entry; 7] = [
    Entry {
        name: "fashion-mnist-slice",
        title: "Fashion-MNIST, balanced slice of 10,000 + 2,000 images",
        licence: "MIT",
        shape: ImageShape::new(1, 28, 28),
        n_classes: 10,
        n_train: 10_000,
        n_test: 2_000,
        format: Format::Idx { class_names: &FASHION_MNIST_CLASSES },
        origin: Origin::Embedded,
    },
    Entry {
        name: "fashion-mnist-embeddings",
        title: "Fashion-MNIST, 64 features of EfficientNet-Lite0",
        licence: "MIT (images), Apache-2.0 (network)",
        shape: ImageShape::table(64),
        n_classes: 10,
        n_train: 60_000,
        n_test: 10_000,
        format: Format::Features { class_names: &FASHION_MNIST_CLASSES },
        origin: Origin::Embedded,
    },
    Entry {
        name: "fashion-mnist",
        title: "Fashion-MNIST",
        licence: "MIT",
        shape: ImageShape::new(1, 28, 28),
        n_classes: 10,
        n_train: 60_000,
        n_test: 10_000,
        format: Format::Idx { class_names: &FASHION_MNIST_CLASSES },
        origin: Origin::DebianPackage {
            package: "dataset-fashion-mnist",
            sha256: "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
            folder: "/usr/share/datasets/fashion-mnist",
            contents: &[
                (IDX_FILES[0], "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
                (IDX_FILES[1], "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
                (IDX_FILES[2], "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
                (IDX_FILES[3], "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
            ],
        },
    },
    Entry {
        name: "cifar-10",
        title: "CIFAR-10",
        licence: "none stated; the authors ask for a citation of their technical report",
        shape: cifar::SHAPE,
        n_classes: 10,
        n_train: 50_000,
        n_test: 10_000,
        format: Format::Cifar10,
        origin: Origin::Archive {
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            md5: "c32a1d4ab5d03f1284b67883e8d87530",
            folder: cifar::CIFAR10_FOLDER,
            files: &[
                "batches.meta.txt",
                cifar::CIFAR10_TRAIN[0],
                cifar::CIFAR10_TRAIN[1],
                cifar::CIFAR10_TRAIN[2],
                cifar::CIFAR10_TRAIN[3],
                cifar::CIFAR10_TRAIN[4],
                "test_batch.bin",
            ],
        },
    },
    Entry {
        name: "cifar-10-embeddings",
        title: "CIFAR-10 (JPEG), 64 features of EfficientNet-Lite0",
        licence: "none stated (images), Apache-2.0 (network)",
        shape: ImageShape::table(64),
        n_classes: 10,
        n_train: 50_000,
        n_test: 10_000,
        format: Format::Features { class_names: &CIFAR10_CLASSES },
        origin: Origin::ByHand { files: &["cifar10-effnet-lite0-128px-pca64.npz"] },
    },
    Entry {
        name: "cifar-100",
        title: "CIFAR-100",
        licence: "none stated; the authors ask for a citation of their technical report",
        shape: cifar::SHAPE,
        n_classes: 100,
        n_train: 50_000,
        n_test: 10_000,
        format: Format::Cifar100,
        origin: Origin::Archive {
            url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            md5: "03b5dce01913d631647c71ecec9e9cb8",
            folder: cifar::CIFAR100_FOLDER,
            files: &["fine_label_names.txt", "coarse_label_names.txt", "train.bin", "test.bin"],
        },
    },
    Entry {
        name: "mnist",
        title: "MNIST",
        licence: "none stated by its authors",
        shape: ImageShape::new(1, 28, 28),
        n_classes: 10,
        n_train: 60_000,
        n_test: 10_000,
        format: Format::Idx { class_names: &DIGITS },
        origin: Origin::ByHand { files: &IDX_FILES },
    },
];

/// All data sets.
///
/// ```
/// assert!(tenfold_data::catalogue::all().iter().any(|entry| entry.name == "fashion-mnist-slice"));
/// ```
pub fn all() -> &'static [Entry] {
    &ENTRIES
}

/// The data set of that name.
///
/// # Errors
/// [`DataError::UnknownSet`], listing the names there are.
///
/// ```
/// use tenfold_data::catalogue::find;
/// assert_eq!(find("cifar-100")?.n_classes, 100);
/// assert!(find("imagenet").unwrap_err().to_string().contains("cifar-100"));
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
pub fn find(name: &str) -> Result<&'static Entry, DataError> {
    ENTRIES.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let known: Vec<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
        DataError::UnknownSet { name: name.to_string(), known: known.join(", ") }
    })
}

/// Where full data sets lie: `$TENFOLD_DATA`, else `data` in the cargo workspace around the current folder, else `data`
/// in the current folder.
pub fn data_root() -> PathBuf {
    if let Some(root) = std::env::var_os(ROOT_VARIABLE).filter(|root| !root.is_empty()) {
        return root.into();
    }
    let here = std::env::current_dir().unwrap_or_default();
    workspace_root(&here).unwrap_or(&here).join("data")
}

/// The nearest folder upwards whose `Cargo.toml` has a `[workspace]` table.
fn workspace_root(start: &Path) -> Option<&Path> {
    start.ancestors().find(|folder| {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim() == "[workspace]")
    })
}

impl Entry {
    /// The folder of this set under a data root.
    pub fn folder(&self, root: &Path) -> PathBuf {
        root.join(self.name)
    }

    /// Whether all its files are there; their contents are not looked at.
    pub fn is_installed(&self, root: &Path) -> bool {
        match self.origin {
            Origin::Embedded => cfg!(feature = "embedded"),
            _ => self.paths(root).is_ok(),
        }
    }

    /// What a person can do to get it.
    pub fn how_to_get(&self) -> String {
        match self.origin {
            Origin::Embedded | Origin::ByHand { .. } => self.by_hand(),
            _ => format!("run `cargo xtask data fetch {}`, or {}", self.name, self.by_hand()),
        }
    }

    /// What a person can do where fetching fails.
    pub fn by_hand(&self) -> String {
        let name = self.name;
        match self.origin {
            Origin::Embedded => "build with the feature `embedded`".to_string(),
            Origin::DebianPackage { package, .. } => format!(
                "install the Debian package {package} and fetch again, or put the four official IDX files into the \
                 folder {name} of the data root"
            ),
            Origin::Archive { url, .. } => {
                format!("download {url} and run `cargo xtask data fetch {name} --from FILE`")
            }
            Origin::ByHand { files: [file] } => format!(
                "put {file} into the folder {name} of the data root; crates/data/tools/make_embeddings.py makes it from the \
                 images and the network's weights"
            ),
            Origin::ByHand { files } => format!(
                "put {} (each plain or with .gz behind its name) into the folder {name} of the data root",
                files.join(", ")
            ),
        }
    }

    /// The paths of the set's files.
    ///
    /// # Errors
    /// [`DataError::Missing`] if one is not there.
    pub(crate) fn paths(&self, root: &Path) -> Result<Vec<PathBuf>, DataError> {
        let folder = self.folder(root);
        let find_idx = |name: &str| idx::find(&folder, name).ok();
        let paths: Option<Vec<PathBuf>> = match self.origin {
            Origin::Embedded => Some(Vec::new()),
            Origin::DebianPackage { contents, .. } => contents.iter().map(|(name, _)| find_idx(name)).collect(),
            Origin::ByHand { files } => files.iter().map(|name| find_idx(name)).collect(),
            Origin::Archive { folder: inner, files, .. } => {
                let folder = cifar::content_folder(&folder, inner);
                files.iter().map(|name| Some(folder.join(name)).filter(|path| path.is_file())).collect()
            }
        };
        paths.ok_or_else(|| DataError::Missing {
            name: self.name.to_string(),
            looked_in: folder,
            how: self.how_to_get(),
        })
    }
}

/// Checks that a data set's files are there, before long work begins; their contents are not looked at.
///
/// # Errors
/// [`DataError::UnknownSet`]; [`DataError::Missing`], saying how to get it.
pub fn require(name: &str, root: &Path) -> Result<(), DataError> {
    find(name)?.paths(root).map(|_| ())
}

/// Loads a data set of images by name from a data root; [`crate::features::load`] loads sets of features. Titles and notes of the source say when the files are not known to be the
/// official ones, such as a CIFAR-10 made from JPEG images.
///
/// ```
/// # #[cfg(feature = "embedded")] {
/// use tenfold_data::catalogue::{data_root, load};
/// let data = load("fashion-mnist-slice", &data_root())?;
/// assert_eq!(data.source.licence, "MIT");
/// # }
/// # Ok::<(), tenfold_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::UnknownSet`]; [`DataError::Missing`], saying how to get it; and those of the importers.
pub fn load(name: &str, root: &Path) -> Result<TrainTest, DataError> {
    let entry = find(name)?;
    if !matches!(entry.format, Format::Features { .. }) {
        entry.paths(root)?;
    }
    let folder = entry.folder(root);
    let (train, test, files) = match (entry.origin, entry.format) {
        (_, Format::Features { .. }) => {
            return Err(DataError::param(
                "data set",
                name,
                "a set of features, not of images; load it with features::load",
            ));
        }
        (Origin::Embedded, _) => return slice(entry, root),
        (_, Format::Idx { class_names }) => read_idx(&folder, class_names)?,
        (_, Format::Cifar10) => cifar::read_cifar10(&folder)?,
        (_, Format::Cifar100) => cifar::read_cifar100(&folder)?,
    };
    let (title, note) = verify::label(entry, &folder, &[&train, &test], &files)?;
    let source = Source { name: entry.name.into(), title, licence: entry.licence.into(), note: Some(note), files };
    Ok(TrainTest { train, test, source })
}

fn read_idx(folder: &Path, class_names: &[&str]) -> Result<(Images, Images, Vec<SourceFile>), DataError> {
    let (train, mut files) = idx::read_part(folder, "train", class_names)?;
    let (test, test_files) = idx::read_part(folder, "t10k", class_names)?;
    files.extend(test_files);
    Ok((train, test, files))
}

#[cfg(feature = "embedded")]
fn slice(_entry: &Entry, _root: &Path) -> Result<TrainTest, DataError> {
    crate::embedded::fashion_mnist_slice()
}

#[cfg(not(feature = "embedded"))]
fn slice(entry: &Entry, root: &Path) -> Result<TrainTest, DataError> {
    Err(DataError::Missing { name: entry.name.into(), looked_in: root.to_path_buf(), how: entry.how_to_get() })
}
