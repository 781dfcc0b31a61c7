//! The header of NumPy's `.npy` format, versions 1 to 3.
//!
//! Written for this crate because the readers on offer give neither byte offsets nor a bound on what a header may ask
//! for: this one looks at no more than [`MAX_HEADER`] bytes, does not recurse, and allocates only for the shape.

use super::Dtype;
use std::io::Read;

/// A header longer than this is refused: the longest honest one is a few hundred bytes.
const MAX_HEADER: usize = 64 * 1024;
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// What a header says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NpyHeader {
    pub(super) dtype: Dtype,
    pub(super) big_endian: bool,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
    /// Bytes before the first element.
    pub(super) length: u64,
}

/// A broken rule and the offset where it is broken.
pub(super) type Broken = (u64, String);

/// Reads a header from the start of `reader`, leaving it at the first element.
pub(super) fn read_header(reader: &mut impl Read) -> Result<NpyHeader, Broken> {
    let mut fixed = [0; 8];
    fill(reader, &mut fixed, 0)?;
    if &fixed[..6] != MAGIC {
        return Err((0, "not a NumPy file: must begin with \\x93NUMPY".into()));
    }
    let (start, length) = match fixed[6] {
        1 => {
            let mut n = [0; 2];
            fill(reader, &mut n, 8)?;
            (10, usize::from(u16::from_le_bytes(n)))
        }
        2 | 3 => {
            let mut n = [0; 4];
            fill(reader, &mut n, 8)?;
            (12, u32::from_le_bytes(n) as usize)
        }
        other => return Err((6, format!("format version {other}: must be 1, 2 or 3"))),
    };
    if length > MAX_HEADER {
        return Err((8, format!("header of {length} bytes: at most {MAX_HEADER}")));
    }
    let mut text = vec![0; length];
    fill(reader, &mut text, start)?;
    let text = String::from_utf8(text).map_err(|e| {
        let at = e.utf8_error().valid_up_to() as u64;
        (start + at, "header is not text".to_string())
    })?;
    parse(&text, start)
}

fn fill(reader: &mut impl Read, buffer: &mut [u8], offset: u64) -> Result<(), Broken> {
    reader.read_exact(buffer).map_err(|e| (offset, format!("header ends early ({e})")))
}

/// Parses the dictionary `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(text: &str, start: u64) -> Result<NpyHeader, Broken> {
    let mut cursor = Cursor { text, at: 0, start };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    cursor.expect('{')?;
    while !cursor.accept('}') {
        let at = cursor.at;
        match cursor.string()? {
            "descr" => descr = Some(cursor.after_colon(Cursor::descr)?),
            "fortran_order" => fortran_order = Some(cursor.after_colon(Cursor::boolean)?),
            "shape" => shape = Some(cursor.after_colon(Cursor::tuple)?),
            other => return Err((start + at as u64, format!("unknown header key {other:?}"))),
        }
        if !cursor.accept(',') {
            cursor.expect('}')?;
            break;
        }
    }
    let missing = |name: &str| (start, format!("header lacks '{name}'"));
    let (dtype, big_endian) = descr.ok_or_else(|| missing("descr"))?;
    Ok(NpyHeader {
        dtype,
        big_endian,
        fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
        shape: shape.ok_or_else(|| missing("shape"))?,
        length: start + text.len() as u64,
    })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
    start: u64,
}

impl<'a> Cursor<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn broken(&self, rule: impl Into<String>) -> Broken {
        (self.start + self.at as u64, rule.into())
    }

    fn accept(&mut self, token: char) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, token: char) -> Result<(), Broken> {
        if self.accept(token) { Ok(()) } else { Err(self.broken(format!("header: {token:?} expected"))) }
    }

    fn after_colon<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, Broken>) -> Result<T, Broken> {
        self.expect(':')?;
        read(self)
    }

    fn string(&mut self) -> Result<&'a str, Broken> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.broken("header: a quoted name expected"))?;
        let inner = &rest[1..];
        let end = inner.find(quote).ok_or_else(|| self.broken("header: quote without an end"))?;
        self.at += end + 2;
        Ok(&inner[..end])
    }

    fn descr(&mut self) -> Result<(Dtype, bool), Broken> {
        self.rest();
        let at = self.broken("");
        let text = match self.string() {
            Ok(text) => text,
            Err(_) => return Err((at.0, "structured arrays are not supported: 'descr' must be a string".into())),
        };
        let (order, kind) = match text.chars().next() {
            Some(c @ ('<' | '>' | '|' | '=')) => (c, &text[1..]),
            _ => ('|', text),
        };
        match Dtype::from_numpy(kind) {
            Some(dtype) => Ok((dtype, order == '>')),
            None => {
                let rule = "must be bool, an integer, a float of 2, 4 or 8 bytes, or bfloat16 (V2)";
                Err((at.0, format!("element type {text:?}: {rule}")))
            }
        }
    }

    fn boolean(&mut self) -> Result<bool, Broken> {
        for (word, value) in [("True", true), ("False", false)] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.broken("header: True or False expected"))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, Broken> {
        self.expect('(')?;
        let mut shape = Vec::new();
        while !self.accept(')') {
            let rest = self.rest();
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let size =
                rest[..digits].parse().map_err(|_| self.broken("header: a size that fits in memory expected"))?;
            self.at += digits;
            self.accept('L'); // written by Python 2
            shape.push(size);
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        if shape.len() > 32 {
            return Err(self.broken(format!("{} axes: at most 32", shape.len())));
        }
        Ok(shape)
    }
}

/// A version 1 header, padded so that the elements start at a multiple of 64 bytes.
pub(super) fn header_bytes(descr: &str, shape: &[usize]) -> Vec<u8> {
    let axes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let axes = if shape.len() == 1 { axes.trim_end() } else { axes.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    let unpadded = 10 + text.len() + 1;
    text.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    // At most 20 digits on each of 32 axes: far below the 65,535 bytes of version 1.
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_text(text: &str) -> Result<NpyHeader, Broken> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        read_header(&mut &bytes[..])
    }

    #[test]
    fn headers_as_numpy_writes_them() {
        for shape in [vec![], vec![3], vec![3, 4], vec![0, 2, 1]] {
            let bytes = header_bytes("<f4", &shape);
            assert_eq!(bytes.len() % 64, 0);
            let header = read_header(&mut &bytes[..]).unwrap();
            assert_eq!(header.shape, shape);
            assert_eq!(header.length, bytes.len() as u64);
        }
        let h = with_text("{'descr': '>i2', 'fortran_order': True, 'shape': (3L, 4L), }  \n").unwrap();
        assert_eq!((h.dtype, h.big_endian, h.fortran_order, h.shape), (Dtype::Int(2), true, true, vec![3, 4]));
    }

    #[test]
    fn each_rule_is_named_with_its_offset() {
        let rule = |text: &str| with_text(text).unwrap_err();
        assert_eq!(rule("{'descr': '<c8', 'fortran_order': False, 'shape': ()}").0, 20);
        assert!(rule("{'descr': [('a', '<f4')]}").1.contains("structured"));
        assert!(rule("{'descr': '<f4', 'shape': (1,)}").1.contains("lacks 'fortran_order'"));
        assert!(rule("{'shape': (99999999999999999999999,)}").1.contains("fits in memory"));
        assert!(rule("{'shape': (-1,)}").1.contains("fits in memory"));
        assert!(rule("{'nonsense': 1}").1.contains("unknown header key"));
        assert!(rule("").1.contains("'{' expected"));
        let deep = format!("{{'shape': {}", "(".repeat(60_000));
        assert!(with_text(&deep).is_err());
        let many = format!("{{'shape': ({})", "1,".repeat(40));
        assert!(rule(&many).1.contains("at most 32"));
    }

    #[test]
    fn long_headers_are_refused_before_allocation() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([2, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(read_header(&mut &bytes[..]).unwrap_err().0, 8);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_header(&mut &bytes[..]);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[{}()',:<>a-z0-9 \\PC]{0,80}") {
            let _ = with_text(&text);
        }

        #[test]
        fn broken_headers_never_panic(at in 0_usize..64, byte in any::<u8>()) {
            let mut bytes = header_bytes("<f4", &[3, 4]);
            bytes[at] = byte;
            let _ = read_header(&mut &bytes[..]);
        }
    }
}
