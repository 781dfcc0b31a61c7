//! IDX, the format of MNIST and Fashion-MNIST, plain or gzip.
//!
//! A file is `00 00 TT DD`, then `DD` sizes as big-endian 32-bit numbers, then the values row-major. Only `TT = 08`
//! (unsigned bytes) occurs in image sets and only that is read. Which of the two encodings a file has is told from its
//! first bytes, not from its name.
//!
//! What a header asks for is compared with what the file can hold before anything is allocated: a plain file must have
//! exactly that many bytes, and a gzip stream cannot hold more than [`MAX_INFLATION`] times its own size.

use crate::error::DataError;
use crate::images::Images;
use crate::source::{self, SourceFile};
use flate2::bufread::GzDecoder;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use tenfold_core_tensor::image::ImageShape;

/// The largest factor by which a deflate stream can grow: 258 bytes from two bits.
pub const MAX_INFLATION: u64 = 1032;

/// The largest content that is read, in bytes: far above any IDX image set, far below a decompression bomb.
pub const MAX_CONTENT: u64 = 1 << 31;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const UNSIGNED_BYTE: u8 = 0x08;

/// An array of bytes with its sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// Sizes, outermost first; the first is the number of examples.
    pub dims: Vec<usize>,
    /// The values, row-major: as many as the product of `dims`.
    pub data: Vec<u8>,
}

impl Idx {
    /// Reads an IDX file held in memory; `path` is for messages only.
    ///
    /// ```
    /// use tenfold_data::idx::Idx;
    /// let bytes = [0, 0, 8, 1, 0, 0, 0, 2, 7, 9];
    /// assert_eq!(Idx::parse(&bytes, "labels".as_ref())?.data, [7, 9]);
    /// let truncated = Idx::parse(&bytes[..9], "labels".as_ref()).unwrap_err();
    /// assert_eq!(truncated.to_string(), "labels: byte 9: dimensions [2] ask for 2 bytes of values, the file has 1");
    /// # Ok::<(), tenfold_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Format`] if the bytes are not gzip or IDX of unsigned bytes, end early, go on after the last value
    /// or ask for more than they can hold.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        if bytes.starts_with(&GZIP_MAGIC) {
            let bound = (bytes.len() as u64).saturating_mul(MAX_INFLATION).min(MAX_CONTENT);
            let mut reader = Reader { inner: GzDecoder::new(bytes), at: 0, path };
            let idx = reader.array(bound, "a gzip stream of this size can hold at most")?;
            let rest = reader.inner.into_inner();
            if !rest.is_empty() {
                let rule = format!("{} bytes follow the gzip stream (offset in the compressed file)", rest.len());
                return Err(DataError::format(path, bytes.len() - rest.len(), rule));
            }
            return Ok(idx);
        }
        let mut reader = Reader { inner: bytes, at: 0, path };
        reader.array(bytes.len() as u64, "the file has")
    }

    /// The plain form of the file: header, then values.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0, 0, UNSIGNED_BYTE, self.dims.len() as u8];
        for &dim in &self.dims {
            bytes.extend((dim as u32).to_be_bytes());
        }
        bytes.extend(&self.data);
        bytes
    }

    /// Bytes before the first value.
    fn header_len(&self) -> usize {
        4 + 4 * self.dims.len()
    }
}

/// Reads while counting, so that an error knows its offset.
struct Reader<'a, R> {
    inner: R,
    at: usize,
    path: &'a Path,
}

impl<R: Read> Reader<'_, R> {
    fn fail<T>(&self, rule: impl Into<String>) -> Result<T, DataError> {
        Err(DataError::format(self.path, self.at, rule))
    }

    fn word(&mut self, what: &str) -> Result<[u8; 4], DataError> {
        let mut word = [0; 4];
        match self.inner.read_exact(&mut word) {
            Ok(()) => {
                self.at += word.len();
                Ok(word)
            }
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => self.fail(format!("the file ends before {what}")),
            Err(e) => self.fail(format!("{what}: {e}")),
        }
    }

    /// The whole array. `bound` is the most bytes, header included, that can come; `holds` says so in words.
    fn array(&mut self, bound: u64, holds: &str) -> Result<Idx, DataError> {
        let magic = self.word("the magic number")?;
        self.at = 0;
        let [0, 0, UNSIGNED_BYTE, n_dims] = magic else {
            return self
                .fail(format!("not an IDX file of unsigned bytes: magic number {magic:02x?}, not [00, 00, 08, _]"));
        };
        if n_dims == 0 {
            return self.fail("an IDX array needs at least one dimension");
        }
        self.at = 4;
        let mut dims = Vec::with_capacity(usize::from(n_dims));
        for i in 0..n_dims {
            let size = u32::from_be_bytes(self.word(&format!("dimension {i} of {n_dims}"))?);
            dims.push(size as usize);
        }
        let wanted = dims.iter().try_fold(1_u64, |product, &d| product.checked_mul(d as u64));
        let available = bound.saturating_sub(self.at as u64);
        let wanted = match wanted {
            Some(wanted) if wanted <= available => wanted,
            _ => {
                let wanted = wanted.map_or("more than 2^64".to_string(), |w| w.to_string());
                self.at += available as usize;
                return self.fail(format!("dimensions {dims:?} ask for {wanted} bytes of values, {holds} {available}"));
            }
        };
        let mut data = Vec::new();
        // One byte more than wanted, to see whether the file goes on; a gzip checksum is verified on the way.
        if let Err(e) = self.inner.by_ref().take(wanted + 1).read_to_end(&mut data) {
            self.at += data.len();
            return self.fail(format!("{} of {wanted} bytes of values: {e}", data.len()));
        }
        if data.len() as u64 > wanted {
            self.at += wanted as usize;
            return self.fail(format!("bytes follow the {wanted} that dimensions {dims:?} ask for"));
        }
        if (data.len() as u64) < wanted {
            self.at += data.len();
            return self.fail(format!("dimensions {dims:?} ask for {wanted} bytes of values, found {}", data.len()));
        }
        Ok(Idx { dims, data })
    }
}

/// Joins an image file (`[n, height, width]`) and a label file (`[n]`) held in memory; the paths are for messages only.
///
/// # Errors
/// [`DataError::Format`] if either is no IDX file, has other dimensions, is empty or holds a label out of range;
/// [`DataError::Shape`] if the numbers of images and labels differ.
pub fn join(
    (image_bytes, images_path): (&[u8], &Path),
    (label_bytes, labels_path): (&[u8], &Path),
    class_names: &[&str],
) -> Result<Images, DataError> {
    let images = Idx::parse(image_bytes, images_path)?;
    let labels = Idx::parse(label_bytes, labels_path)?;
    let [n, height, width] = images.dims[..] else {
        return Err(DataError::format(images_path, 3, format!("{} dimensions, images have 3", images.dims.len())));
    };
    let [n_labels] = labels.dims[..] else {
        return Err(DataError::format(labels_path, 3, format!("{} dimensions, labels have 1", labels.dims.len())));
    };
    if n == 0 || height == 0 || width == 0 {
        return Err(DataError::format(images_path, 4, format!("dimensions {:?}: none may be zero", images.dims)));
    }
    if n_labels != n {
        return Err(DataError::Shape { what: "labels of the image file", expected: vec![n], found: vec![n_labels] });
    }
    if let Some(i) = labels.data.iter().position(|&label| usize::from(label) >= class_names.len()) {
        let rule = format!("label {} is not below {} classes", labels.data[i], class_names.len());
        return Err(DataError::format(labels_path, labels.header_len() + i, rule));
    }
    Images::new(
        ImageShape::new(1, height, width),
        images.data,
        labels.data.into_iter().map(usize::from).collect(),
        class_names.iter().map(|name| name.to_string()).collect(),
    )
}

/// Reads one part of a set laid out as MNIST is: `PART-images-idx3-ubyte` and `PART-labels-idx1-ubyte`, each plain or
/// with `.gz` behind its name. The official parts are called `train` and `t10k`.
///
/// # Errors
/// As [`join`]; [`DataError::File`] if a file is missing or cannot be read.
pub fn read_part(folder: &Path, part: &str, class_names: &[&str]) -> Result<(Images, Vec<SourceFile>), DataError> {
    let images_path = find(folder, &format!("{part}-images-idx3-ubyte"))?;
    let labels_path = find(folder, &format!("{part}-labels-idx1-ubyte"))?;
    let (image_bytes, images_file) = source::read(&images_path)?;
    let (label_bytes, labels_file) = source::read(&labels_path)?;
    let images = join((&image_bytes, &images_path), (&label_bytes, &labels_path), class_names)?;
    Ok((images, vec![images_file, labels_file]))
}

/// The file of that name, or the same with `.gz` behind it.
pub(crate) fn find(folder: &Path, name: &str) -> Result<PathBuf, DataError> {
    let plain = folder.join(name);
    let compressed = folder.join(format!("{name}.gz"));
    if compressed.is_file() {
        Ok(compressed)
    } else if plain.is_file() {
        Ok(plain)
    } else {
        let absent = std::io::Error::new(ErrorKind::NotFound, "no such file, nor one with .gz behind its name");
        Err(DataError::io(&plain, absent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    const NAMES: [&str; 2] = ["a", "b"];

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn images_file(n: usize) -> Vec<u8> {
        Idx { dims: vec![n, 2, 3], data: (0..n * 6).map(|v| v as u8).collect() }.to_bytes()
    }

    fn message(bytes: &[u8]) -> String {
        Idx::parse(bytes, Path::new("f")).unwrap_err().to_string()
    }

    #[test]
    fn plain_and_gzip_read_the_same() {
        let bytes = images_file(4);
        let plain = Idx::parse(&bytes, Path::new("f")).unwrap();
        assert_eq!(plain.dims, [4, 2, 3]);
        assert_eq!(plain, Idx::parse(&gzip(&bytes), Path::new("f")).unwrap());
        assert_eq!(plain.to_bytes(), bytes);
    }

    #[test]
    fn broken_files_name_byte_and_rule() {
        let good = images_file(4);
        assert_eq!(message(&[]), "f: byte 0: the file ends before the magic number");
        assert!(message(b"PNG file").starts_with("f: byte 0: not an IDX file of unsigned bytes: magic number [50, 4e"));
        assert_eq!(message(&[0, 0, 8, 0]), "f: byte 0: an IDX array needs at least one dimension");
        assert_eq!(message(&good[..10]), "f: byte 8: the file ends before dimension 1 of 3");
        assert!(message(&good[..30]).starts_with("f: byte 30: dimensions [4, 2, 3] ask for 24 bytes of values"));
        let longer = [&good[..], &[1]].concat();
        assert_eq!(message(&longer), "f: byte 40: bytes follow the 24 that dimensions [4, 2, 3] ask for");
    }

    #[test]
    fn broken_gzip_names_byte_and_rule() {
        let good = gzip(&images_file(400));
        assert!(message(&good[..good.len() / 2]).contains("byte "), "truncated");
        let mut corrupt = good.clone();
        let crc = corrupt.len() - 6;
        corrupt[crc] ^= 1;
        assert!(message(&corrupt).contains("corrupt gzip stream"), "{}", message(&corrupt));
        let trailing = [&good[..], b"xyz"].concat();
        assert!(message(&trailing).contains("3 bytes follow the gzip stream"), "{}", message(&trailing));
        let short = gzip(&images_file(400)[..1000]);
        assert!(message(&short).contains("byte 1000: dimensions [400, 2, 3] ask for 2400"), "{}", message(&short));
    }

    #[test]
    fn absurd_sizes_are_refused_before_allocation() {
        let mut header = vec![0, 0, 8, 3];
        header.extend([0xff; 12]);
        assert!(message(&header).contains("ask for more than 2^64 bytes of values, the file has 0"));
        let compressed = gzip(&header);
        assert!(message(&compressed).contains("a gzip stream of this size can hold at most"));
        let mut many_dims = vec![0, 0, 8, 255];
        many_dims.extend([0; 255 * 4]);
        assert_eq!(Idx::parse(&many_dims, Path::new("f")).unwrap().data, [] as [u8; 0]);
    }

    #[test]
    fn images_and_labels_must_fit_together() {
        let join_of = |images: &[u8], labels: &[u8]| {
            join((images, Path::new("i")), (labels, Path::new("l")), &NAMES).map_err(|e| e.to_string())
        };
        let labels = |data: Vec<u8>| Idx { dims: vec![data.len()], data }.to_bytes();
        assert_eq!(join_of(&images_file(2), &labels(vec![1, 0])).unwrap().labels(), [1, 0]);
        assert_eq!(
            join_of(&images_file(2), &labels(vec![1])).unwrap_err(),
            "labels of the image file: expected shape [2], found [1]"
        );
        assert_eq!(
            join_of(&images_file(2), &labels(vec![1, 2])).unwrap_err(),
            "l: byte 9: label 2 is not below 2 classes"
        );
        assert_eq!(
            join_of(&images_file(0), &labels(vec![])).unwrap_err(),
            "i: byte 4: dimensions [0, 2, 3]: none may be zero"
        );
        assert_eq!(join_of(&labels(vec![1]), &labels(vec![1])).unwrap_err(), "i: byte 3: 1 dimensions, images have 3");
        assert_eq!(join_of(&images_file(1), &images_file(1)).unwrap_err(), "l: byte 3: 3 dimensions, labels have 1");
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = read_part(dir.path(), "train", &NAMES).unwrap_err();
        assert!(error.to_string().contains("train-images-idx3-ubyte: no such file, nor one with .gz"), "{error}");
        assert!(error.is_bad_input());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), header in 0_u8..3) {
            // Bytes that look like a header, or like gzip, reach further into the reader.
            let start: &[u8] = [&[][..], &[0, 0, 8, 2], &[0x1f, 0x8b, 8, 0]][usize::from(header)];
            bytes.splice(0..start.len().min(bytes.len()), start.iter().copied());
            if let Ok(idx) = Idx::parse(&bytes, Path::new("f")) {
                prop_assert_eq!(idx.dims.iter().product::<usize>(), idx.data.len());
                prop_assert_eq!(Idx::parse(&idx.to_bytes(), Path::new("f")).unwrap(), idx);
            }
        }

        #[test]
        fn mutated_files_never_panic_and_never_grow(at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
            let plain = images_file(40);
            for good in [gzip(&plain), plain] {
                let mut bytes = good.clone();
                let position = at.index(bytes.len());
                bytes[position] = value;
                if let Ok(idx) = Idx::parse(&bytes, Path::new("f")) {
                    prop_assert!(idx.data.len() as u64 <= bytes.len() as u64 * MAX_INFLATION);
                }
                prop_assert!(Idx::parse(&good[..cut.index(good.len())], Path::new("f")).is_err());
            }
        }
    }
}
