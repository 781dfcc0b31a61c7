//! The bytes of an array, and whether they are those that were stored.

use flate2::Crc;
use std::io::{self, Read};

/// The bytes of one array. Those of an archive's entry have a checksum.
pub(super) struct Stream {
    reader: Box<dyn Read>,
    /// What was read so far, and the checksum of the whole entry.
    entry: Option<(Crc, u32)>,
}

impl Stream {
    /// Bytes without a checksum.
    pub(super) fn plain(reader: impl Read + 'static) -> Self {
        Self { reader: Box::new(reader), entry: None }
    }

    /// An entry of an archive, from its first byte, with its CRC-32.
    pub(super) fn entry(reader: impl Read + 'static, stored: u32) -> Self {
        Self { reader: Box::new(reader), entry: Some((Crc::new(), stored)) }
    }

    /// To be called after the last byte that is wanted: reads to the end of an entry, and gives the checksum found and the one
    /// stored where they differ.
    ///
    /// # Errors
    /// An entry that cannot be read, or has further bytes.
    pub(super) fn finish(&mut self) -> io::Result<Result<(), (u32, u32)>> {
        if self.entry.is_none() {
            return Ok(Ok(()));
        }
        let more = io::copy(&mut self.reader.by_ref().take(1), &mut io::sink())?;
        if more > 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is more than the archive says"));
        }
        Ok(match &self.entry {
            Some((crc, stored)) if crc.sum() != *stored => Err((crc.sum(), *stored)),
            _ => Ok(()),
        })
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        if let Some((crc, _)) = &mut self.entry {
            crc.update(&buffer[..n]);
        }
        Ok(n)
    }
}
