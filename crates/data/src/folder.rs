//! A folder of class-named images: `FOLDER/<class>/<image>.png` (or `.jpg`, `.jpeg`).
//!
//! Classes are the sub-folders in alphabetical order, images the files of each in alphabetical order. All images must
//! have one size and one colour mode, 8-bit grey or 8-bit RGB: nothing is resized or converted behind the user's back.
//! Names that begin with a dot are ignored; anything else that is not an image is an error.

use crate::error::DataError;
use crate::images::{Images, TrainTest};
use crate::source::{Source, SourceFile, file_name};
use image::{ColorType, ImageDecoder, ImageReader, Limits};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::files::sha256;
use tenfold_core_tensor::image::ImageShape;

/// The largest width or height that is read; larger headers are refused before any pixel is decoded.
pub const MAX_SIDE: u32 = 8192;

/// The most memory that decoding one image may take, in bytes.
pub const MAX_DECODE: u64 = 512 << 20;

/// Reads every image of a class-named folder. The file record stands for the whole folder: its checksum is the SHA-256
/// of the lines `<sha256 of image>  <class>/<image>` in the order of reading.
///
/// # Errors
/// [`DataError::File`] if the folder cannot be read; [`DataError::Format`], naming the file, if there is no class, a
/// class is empty, or a file is no readable image, has another size or colour mode than the first, or is too large.
pub fn read_folder(folder: &Path) -> Result<(Images, SourceFile), DataError> {
    let classes = entries(folder)?;
    if classes.is_empty() {
        return Err(DataError::format(folder, 0, "no class: expected one sub-folder per class"));
    }
    let mut reader = Reader { shape: None, pixels: Vec::new(), digest: String::new(), bytes: 0 };
    let mut labels = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        if !class.is_dir() {
            return Err(DataError::format(class, 0, "a file where class folders are expected"));
        }
        let files = entries(class)?;
        if files.is_empty() {
            return Err(DataError::format(class, 0, "a class without images"));
        }
        for file in files {
            reader.add(&file, &file_name(class))?;
            labels.push(label);
        }
    }
    let Some((shape, _)) = reader.shape else {
        return Err(DataError::format(folder, 0, "no image"));
    };
    let images = Images::new(shape, reader.pixels, labels, classes.iter().map(|c| file_name(c)).collect())?;
    let name = format!("{}/ ({} images)", file_name(folder), images.len());
    Ok((images, SourceFile { name, bytes: reader.bytes, sha256: sha256(reader.digest.as_bytes()) }))
}

/// Reads `FOLDER/train` and `FOLDER/test`, each a class-named folder with the same classes. The source carries the
/// folder's name; its licence is the user's to know.
///
/// # Errors
/// As [`read_folder`]; [`DataError::Format`] if the classes differ and [`DataError::Shape`] if the image shapes do.
pub fn read_train_test(folder: &Path) -> Result<TrainTest, DataError> {
    let (train, train_file) = read_folder(&folder.join("train"))?;
    let test_folder = folder.join("test");
    let (test, test_file) = read_folder(&test_folder)?;
    if train.class_names() != test.class_names() {
        let rule = format!("classes {:?}, the training part has {:?}", test.class_names(), train.class_names());
        return Err(DataError::format(&test_folder, 0, rule));
    }
    if train.shape() != test.shape() {
        return Err(DataError::Shape {
            what: "test images",
            expected: train.shape().dims().to_vec(),
            found: test.shape().dims().to_vec(),
        });
    }
    let source = Source {
        name: file_name(folder),
        title: format!("class-named images of {}", file_name(folder)),
        licence: "not known: a folder of the user".into(),
        note: Some("each checksum is of the list of the images' SHA-256".into()),
        files: vec![train_file, test_file],
    };
    Ok(TrainTest { train, test, source })
}

/// What a folder holds, without dot files, in alphabetical order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        paths.retain(|path| !file_name(path).starts_with('.'));
        paths.sort();
        Ok(paths)
    };
    list().map_err(|e| DataError::io(folder, e))
}

struct Reader {
    /// Shape of the first image, and its path for messages.
    shape: Option<(ImageShape, PathBuf)>,
    pixels: Vec<u8>,
    digest: String,
    bytes: u64,
}

impl Reader {
    fn add(&mut self, path: &Path, class: &str) -> Result<(), DataError> {
        let bytes = std::fs::read(path).map_err(|e| DataError::io(path, e))?;
        self.bytes += bytes.len() as u64;
        self.digest.push_str(&format!("{}  {class}/{}\n", sha256(&bytes), file_name(path)));
        let expected = self.shape.as_ref().map(|(shape, first)| (*shape, first.as_path()));
        let shape = decode(&bytes, path, expected, &mut self.pixels)?;
        self.shape.get_or_insert_with(|| (shape, path.to_path_buf()));
        Ok(())
    }
}

/// Decodes one image and appends its pixels channel first. The header is checked before pixels are decoded.
fn decode(
    bytes: &[u8],
    path: &Path,
    expected: Option<(ImageShape, &Path)>,
    pixels: &mut Vec<u8>,
) -> Result<ImageShape, DataError> {
    let fail = |rule: String| DataError::format(path, 0, rule);
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| fail(format!("not an image: {e}")))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODE);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|e| fail(format!("not a readable PNG or JPEG: {e}")))?;
    let (width, height) = decoder.dimensions();
    let channels = match decoder.color_type() {
        ColorType::L8 => 1,
        ColorType::Rgb8 => 3,
        other => return Err(fail(format!("colour mode {other:?}: only 8-bit grey (L8) and RGB (Rgb8) are read"))),
    };
    let shape = ImageShape::new(channels, height as usize, width as usize);
    if let Some((first, first_path)) = expected
        && shape != first
    {
        let first_name = first_path.display();
        let (first, found) = (first.dims(), shape.dims());
        return Err(fail(format!(
            "shape {found:?} (channels, height, width), the first image {first_name} has {first:?}"
        )));
    }
    if shape.features() == 0 || decoder.total_bytes() > MAX_DECODE {
        return Err(fail(format!("shape {:?}: between 1 and {MAX_DECODE} bytes are read", shape.dims())));
    }
    let mut interleaved = vec![0; shape.features()];
    decoder.read_image(&mut interleaved).map_err(|e| fail(format!("pixels cannot be decoded: {e}")))?;
    for channel in 0..channels {
        pixels.extend(interleaved.iter().skip(channel).step_by(channels));
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, GrayImage, ImageFormat, RgbImage, RgbaImage};
    use proptest::prelude::*;

    fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn grey(width: u32, height: u32, shade: u8) -> Vec<u8> {
        png(GrayImage::from_pixel(width, height, image::Luma([shade])))
    }

    fn write(root: &Path, name: &str, bytes: &[u8]) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn message(root: &Path) -> String {
        read_folder(root).unwrap_err().to_string()
    }

    #[test]
    fn classes_and_images_come_in_alphabetical_order_channel_first() {
        let dir = tempfile::tempdir().unwrap();
        let rgb = |r| png(RgbImage::from_pixel(2, 1, image::Rgb([r, r + 1, r + 2])));
        write(dir.path(), "zebra/b.png", &rgb(30));
        write(dir.path(), "zebra/a.PNG", &rgb(20));
        write(dir.path(), "ant/x.png", &rgb(10));
        write(dir.path(), ".DS_Store", b"ignored");
        let (images, file) = read_folder(dir.path()).unwrap();
        assert_eq!(images.class_names(), ["ant", "zebra"]);
        assert_eq!(images.labels(), [0, 1, 1]);
        assert_eq!(images.shape().dims(), [3, 1, 2]);
        assert_eq!(images.all_pixels(), [10, 10, 11, 11, 12, 12, 20, 20, 21, 21, 22, 22, 30, 30, 31, 31, 32, 32]);
        write(dir.path(), "zebra/b.png", &rgb(31));
        assert_ne!(read_folder(dir.path()).unwrap().1.sha256, file.sha256, "the checksum must see every file");
    }

    #[test]
    fn jpeg_is_read_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = Cursor::new(Vec::new());
        GrayImage::from_pixel(8, 8, image::Luma([99])).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        write(dir.path(), "a/x.jpg", &bytes.into_inner());
        let (images, _) = read_folder(dir.path()).unwrap();
        assert!(images.all_pixels().iter().all(|&p| p.abs_diff(99) <= 1));
    }

    #[test]
    fn what_does_not_belong_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert!(message(root).contains("no class"), "{}", message(root));
        std::fs::create_dir(root.join("a")).unwrap();
        assert!(message(root).contains("a class without images"));
        write(root, "a/1.png", &grey(4, 4, 1));
        write(root, "b/2.png", &grey(4, 5, 1));
        assert!(message(root).contains("2.png: byte 0: shape [1, 5, 4] (channels, height, width), the first image"));
        write(root, "b/2.png", &png(RgbaImage::new(4, 4)));
        assert!(message(root).contains("2.png: byte 0: colour mode Rgba8"), "{}", message(root));
        write(root, "b/2.png", b"not an image at all");
        assert!(message(root).contains("2.png: byte 0: not a readable PNG or JPEG"), "{}", message(root));
        let whole = grey(4, 4, 1);
        write(root, "b/2.png", &whole[..whole.len() - 20]);
        assert!(message(root).contains("2.png: byte 0: "), "{}", message(root));
        write(root, "b/2.png", &whole);
        write(root, "stray.txt", b"");
        assert!(message(root).contains("stray.txt: byte 0: a file where class folders are expected"));
    }

    #[test]
    fn an_absurd_header_is_refused_before_decoding() {
        let mut bytes = grey(4, 4, 1);
        bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        let mut pixels = Vec::new();
        assert!(decode(&bytes, Path::new("big.png"), None, &mut pixels).is_err());
        assert_eq!(pixels.capacity(), 0);
    }

    #[test]
    fn train_and_test_must_agree() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "train/a/1.png", &grey(2, 2, 1));
        write(dir.path(), "train/b/1.png", &grey(2, 2, 2));
        write(dir.path(), "test/a/1.png", &grey(2, 2, 3));
        let error = read_train_test(dir.path()).unwrap_err().to_string();
        assert!(error.contains(r#"classes ["a"], the training part has ["a", "b"]"#), "{error}");
        write(dir.path(), "test/b/1.png", &grey(2, 2, 3));
        let data = read_train_test(dir.path()).unwrap();
        assert_eq!((data.train.len(), data.test.len(), data.source.files.len()), (2, 2, 2));
        write(dir.path(), "test/a/1.png", &grey(2, 3, 3));
        write(dir.path(), "test/b/1.png", &grey(2, 3, 3));
        assert!(read_train_test(dir.path()).unwrap_err().to_string().contains("test images: expected shape [1, 2, 2]"));
    }

    proptest! {
        #[test]
        fn mutated_images_never_panic(at in 0_usize..80, value: u8, cut in 0_usize..80) {
            let mut bytes = grey(5, 3, 77);
            let n = bytes.len();
            bytes[at % n] = value;
            bytes.truncate(n - cut % n);
            let _ = decode(&bytes, Path::new("f.png"), None, &mut Vec::new());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(&bytes, Path::new("f"), None, &mut Vec::new()).is_err());
        }
    }
}
