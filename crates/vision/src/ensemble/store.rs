//! The folder of an ensemble: results as they come, and a plan that says whose they are.
//!
//! `plan.jsonl` has a first line about the whole and one line per member. `members.log` holds the results, one frame
//! after the other as members finish; a shard writes `members-2-of-8.log` in its place, and all logs there are read. A log and not a file per member: thousands of small files are slow to list and
//! count against quotas where many networks are trained, and appending is safe here. A kill leaves at most one torn
//! frame, the last, which is cut off. A frame whose checksum fails, as a power cut may leave, is passed over, and
//! its member trained again.
//!
//! A frame is the length of its payload and the member's number (eight bytes each, little-endian), the SHA-256 of both
//! numbers and the payload (64 hexadecimal digits), and the payload: the result as CBOR, which unlike JSON has NaN.

use super::member::Identity;
use crate::checkpoint::first_difference;
use crate::container::damaged;
use crate::error::VisionError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tenfold_core_tensor::files::{FileError, sha256, write_atomic};

/// The first line of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// `tenfold-ensemble 1`: the kind of folder and the version of its format.
    pub(super) format: String,
    pub(super) members: usize,
    /// Checksum of the shared set.
    pub(super) data: String,
    pub(super) back_end: String,
    /// What decides how members are computed: `workers`, or `stacked 64`.
    pub(super) strategy: String,
}

/// The format that this release writes and reads.
pub(super) const FORMAT: &str = "tenfold-ensemble 1";

/// Bytes of a frame before its payload.
const PREFIX: usize = 8 + 8 + 64;

/// An open folder, whose log of this run is locked against others.
pub(super) struct Store {
    /// The log that this run writes, and behind it those of shards.
    logs: Vec<Log>,
    /// Where the payload of each finished member lies.
    payloads: BTreeMap<usize, Place>,
    end: u64,
    flushed: Instant,
}

struct Log {
    path: PathBuf,
    file: File,
}

/// Where a payload lies.
#[derive(Clone, Copy)]
struct Place {
    log: usize,
    offset: u64,
    length: usize,
}

/// How often results are forced to the disk: what was written outlives a kill at once, but a power cut only then.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

impl Store {
    /// Makes the folder, or takes up the one that an earlier run of the same ensemble left. Results are appended to the log of
    /// this name.
    pub(super) fn open(folder: &Path, header: &Header, members: &[Identity], log: &str) -> Result<Self, VisionError> {
        std::fs::create_dir_all(folder).map_err(|e| FileError::new(folder, e))?;
        let path = folder.join(log);
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = file.map_err(|e| FileError::new(&path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(damaged(&path, "lock", "another run is writing here")),
            Err(TryLockError::Error(e)) => return Err(FileError::new(path, e).into()),
        }
        let own = Log { path, file };
        let mut logs = vec![own];
        for path in other_logs(folder, log)? {
            logs.push(Log { file: File::open(&path).map_err(|e| FileError::new(&path, e))?, path });
        }
        let plan = folder.join("plan.jsonl");
        let mut empty = true;
        for Log { path, file } in &logs {
            empty &= file.metadata().map_err(|e| FileError::new(path, e))?.len() == 0;
        }
        if plan.exists() {
            compare(&plan, header, members)?;
        } else if !empty {
            return Err(damaged(&plan, "ensemble", "is missing beside results: nobody knows whose they are"));
        } else {
            write_plan(&plan, header, members)?;
        }
        let mut store = Self { logs, payloads: BTreeMap::new(), end: 0, flushed: Instant::now() };
        // Others' first: where a member is in two logs its results are the same, and this run's own log comes last.
        for log in (1..store.logs.len()).rev() {
            store.scan(log, members.len())?;
        }
        store.end = store.scan(0, members.len())?;
        let Log { path, file } = &store.logs[0];
        let size = file.metadata().map_err(|e| FileError::new(path, e))?.len();
        if store.end < size {
            file.set_len(store.end).map_err(|e| FileError::new(path, e))?;
        }
        Ok(store)
    }

    /// Whether a member's result is there.
    pub(super) fn has(&self, member: usize) -> bool {
        self.payloads.contains_key(&member)
    }

    /// The members whose results are there, ascending.
    pub(super) fn kept(&self) -> impl Iterator<Item = usize> {
        self.payloads.keys().copied()
    }

    /// Appends a result.
    pub(super) fn append(&mut self, member: usize, payload: &[u8]) -> Result<(), VisionError> {
        let numbers = numbers(member, payload.len());
        let mut frame = Vec::with_capacity(PREFIX + payload.len());
        frame.extend(numbers);
        frame.extend(checksum(&numbers, payload).as_bytes());
        frame.extend(payload);
        let Log { path, file } = &self.logs[0];
        (&mut &*file).write_all(&frame).map_err(|e| FileError::new(path, e))?;
        if self.flushed.elapsed() >= FLUSH_EVERY {
            self.flush()?;
            self.flushed = Instant::now();
        }
        let place = Place { log: 0, offset: self.end + PREFIX as u64, length: payload.len() };
        self.payloads.insert(member, place);
        self.end += frame.len() as u64;
        Ok(())
    }

    /// Waits until all results are on disk.
    pub(super) fn flush(&self) -> Result<(), VisionError> {
        let Log { path, file } = &self.logs[0];
        Ok(file.sync_data().map_err(|e| FileError::new(path, e))?)
    }

    /// A result that is there.
    pub(super) fn read<R: DeserializeOwned>(&self, member: usize) -> Result<R, VisionError> {
        let Some(&Place { log, offset, length }) = self.payloads.get(&member) else {
            return Err(damaged(&self.logs[0].path, format!("member {member}"), "has no result"));
        };
        let Log { path, file } = &self.logs[log];
        let attempt = || {
            let (mut file, mut payload) = (file, vec![0; length]);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut payload)?;
            io::Result::Ok(payload)
        };
        let payload = attempt().map_err(|e| FileError::new(path, e))?;
        decode(&payload).map_err(|rule| damaged(path, format!("member {member}"), rule))
    }

    /// Finds the frames of a log, passes over damaged ones, and returns where a torn one begins, or the end.
    fn scan(&mut self, log: usize, members: usize) -> Result<u64, VisionError> {
        let Log { path, file } = &self.logs[log];
        let io = |e| VisionError::from(FileError::new(path, e));
        let size = file.metadata().map_err(io)?.len();
        let mut reader = BufReader::with_capacity(1 << 20, file);
        reader.seek(SeekFrom::Start(0)).map_err(io)?;
        let mut end = 0;
        while end < size {
            let Some(frame) = next_frame(&mut reader, size - end).map_err(io)? else { break };
            if frame.intact && frame.member >= members {
                let rule = format!("is a result of member {}, and there are {members}", frame.member);
                return Err(damaged(path, format!("byte {end}"), rule));
            }
            let offset = end + PREFIX as u64;
            if frame.intact {
                self.payloads.insert(frame.member, Place { log, offset, length: frame.length });
            }
            end = offset + frame.length as u64;
        }
        Ok(end)
    }
}

/// The log of a run that is no shard.
pub(super) const WHOLE: &str = "members.log";

/// Logs in a folder beside our own, in the order of their names.
fn other_logs(folder: &Path, own: &str) -> Result<Vec<PathBuf>, VisionError> {
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| FileError::new(folder, e))? {
        let name = entry.map_err(|e| FileError::new(folder, e))?.file_name();
        let name = name.to_string_lossy();
        let shard = name.strip_prefix("members-").is_some_and(|rest| rest.ends_with(".log"));
        if name != own && (name == WHOLE || shard) {
            logs.push(folder.join(&*name));
        }
    }
    logs.sort_unstable();
    Ok(logs)
}

/// What a frame says, and whether its checksum agrees.
struct Frame {
    member: usize,
    /// Of the payload.
    length: usize,
    intact: bool,
}

/// The frame that starts here, or `None` if less than a frame is left.
fn next_frame(reader: &mut impl Read, left: u64) -> io::Result<Option<Frame>> {
    if left < PREFIX as u64 {
        return Ok(None);
    }
    let mut prefix = [0; PREFIX];
    reader.read_exact(&mut prefix)?;
    let (numbers, sum) = prefix.split_at(16);
    let number = |at: usize| numbers[at..at + 8].iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte));
    let (length, member) = (number(0), number(8));
    if length > left - PREFIX as u64 {
        return Ok(None);
    }
    let mut payload = vec![0; length as usize];
    reader.read_exact(&mut payload)?;
    let intact = checksum(numbers, &payload).as_bytes() == sum;
    Ok(Some(Frame { member: member as usize, length: payload.len(), intact }))
}

fn numbers(member: usize, length: usize) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(length as u64).to_le_bytes());
    bytes[8..].copy_from_slice(&(member as u64).to_le_bytes());
    bytes
}

fn checksum(numbers: &[u8], payload: &[u8]) -> String {
    sha256(&[numbers, payload].concat())
}

/// A result as bytes.
pub(super) fn encode(result: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut payload = Vec::new();
    ciborium::into_writer(result, &mut payload).map_err(|e| e.to_string())?;
    Ok(payload)
}

/// The result that [`encode`] made bytes of.
pub(super) fn decode<R: DeserializeOwned>(payload: &[u8]) -> Result<R, String> {
    ciborium::from_reader(payload).map_err(|e| e.to_string())
}

fn write_plan(path: &Path, header: &Header, members: &[Identity]) -> Result<(), VisionError> {
    Ok(write_atomic(path, |w| {
        writeln!(w, "{}", serde_json::to_string(header)?)?;
        members.iter().try_for_each(|member| writeln!(w, "{}", serde_json::to_string(member)?))
    })?)
}

/// Fails with the first thing in which the run that wrote a plan was another.
fn compare(path: &Path, header: &Header, members: &[Identity]) -> Result<(), VisionError> {
    let file = File::open(path).map_err(|e| FileError::new(path, e))?;
    let mut lines = BufReader::new(file).lines();
    let mut same = |key: &str, expected: serde_json::Result<serde_json::Value>| -> Result<(), VisionError> {
        let expected = expected.map_err(|e| damaged(path, key, e))?;
        let line = lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
        let line = line.map_err(|e| FileError::new(path, e))?;
        let found = serde_json::from_str(&line).map_err(|e| damaged(path, key, e))?;
        match first_difference(key, &found, &expected) {
            Some((key, rule)) => Err(damaged(path, key, rule)),
            None => Ok(()),
        }
    };
    same("ensemble", serde_json::to_value(header))?;
    let mut numbered = members.iter().enumerate();
    numbered.try_for_each(|(i, member)| same(&format!("member {i}"), serde_json::to_value(member)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp::MlpConfig;
    use crate::params::TrainConfig;
    use proptest::prelude::*;
    use tenfold_core_tensor::seed::Seed;

    fn header(members: usize) -> Header {
        let word = |word: &str| word.to_string();
        Header { format: word(FORMAT), members, data: word("d"), back_end: word("Flex"), strategy: word("workers") }
    }

    fn identities(n: usize) -> Vec<Identity> {
        let member =
            |seed| super::super::Member::new(Seed::new(seed), MlpConfig::new(2, &[], 2), TrainConfig::default());
        let pixels = ndarray::array![[0.0_f32, 1.0]];
        let inputs = crate::Inputs::new(pixels.view(), crate::ImageShape::table(2)).unwrap();
        let targets = crate::Targets::Hard(vec![0]);
        let set = crate::TrainingSet::new(inputs, &targets).unwrap();
        (0..n as u64).map(|seed| member(seed).identity(&set).unwrap()).collect()
    }

    fn open(folder: &Path, n: usize) -> Result<Store, VisionError> {
        Store::open(folder, &header(n), &identities(n), WHOLE)
    }

    /// Three results, of members 2, 0 and 3 of four.
    fn filled(folder: &Path) {
        let mut store = open(folder, 4).unwrap();
        for (member, result) in [(2, vec![1.5_f32, f32::NAN]), (0, vec![]), (3, vec![f32::MIN_POSITIVE; 40])] {
            store.append(member, &encode(&result).unwrap()).unwrap();
        }
    }

    #[test]
    fn results_are_read_back_by_another_run() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let store = open(dir.path(), 4).unwrap();
        assert_eq!(store.kept().collect::<Vec<_>>(), [0, 2, 3]);
        assert!(!store.has(1));
        let result: Vec<f32> = store.read(2).unwrap();
        assert!(result[0] == 1.5 && result[1].is_nan());
        assert_eq!(store.read::<Vec<f32>>(3).unwrap(), [f32::MIN_POSITIVE; 40]);
        let error = store.read::<String>(2).unwrap_err().to_string();
        assert!(error.contains("members.log: member 2: "), "{error}");
    }

    #[test]
    fn a_file_cut_anywhere_loses_only_what_was_cut() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let path = dir.path().join("members.log");
        let whole = std::fs::read(&path).unwrap();
        let ends: Vec<usize> = {
            let store = open(dir.path(), 4).unwrap();
            [2, 0, 3].map(|m| store.payloads[&m]).map(|place| place.offset as usize + place.length).to_vec()
        };
        assert_eq!(ends[2], whole.len());
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let store = open(dir.path(), 4).unwrap();
            let expected = ends.iter().filter(|&&end| end <= cut).count();
            assert_eq!(store.kept().count(), expected, "cut at {cut}");
            drop(store);
            let mut store = open(dir.path(), 4).unwrap();
            store.append(1, &encode(&7).unwrap()).unwrap();
            assert_eq!(store.read::<i32>(1).unwrap(), 7);
        }
    }

    #[test]
    fn a_changed_byte_is_never_taken_for_a_result() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let path = dir.path().join("members.log");
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            let store = open(dir.path(), 4).unwrap();
            assert!(store.kept().count() < 3, "byte {at}");
            for member in store.kept() {
                let result: Vec<f32> = store.read(member).unwrap();
                assert_eq!(result.len(), [0, 99, 2, 40][member], "byte {at}");
            }
        }
    }

    #[test]
    fn a_damaged_result_costs_no_other() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let path = dir.path().join("members.log");
        let mut file = std::fs::read(&path).unwrap();
        file[PREFIX] ^= 1;
        std::fs::write(&path, &file).unwrap();
        let mut store = open(dir.path(), 4).unwrap();
        assert_eq!(store.kept().collect::<Vec<_>>(), [0, 3]);
        store.append(2, &encode(&7).unwrap()).unwrap();
        drop(store);
        let store = open(dir.path(), 4).unwrap();
        assert_eq!(store.read::<i32>(2).unwrap(), 7);
        assert_eq!(store.kept().collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn another_ensemble_is_refused_with_what_differs() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let refused = |header: Header, members: &[Identity], words: &str| {
            let error = Store::open(dir.path(), &header, members, WHOLE).err().unwrap().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused(header(3), &identities(3), "plan.jsonl: ensemble.members: it is of another run: 4 there, 3 here");
        refused(Header { data: "e".into(), ..header(4) }, &identities(4), "ensemble.data");
        let mut members = identities(4);
        members.swap(1, 3);
        refused(header(4), &members, "plan.jsonl: member 1.seed: it is of another run: 1 there, 3 here");
    }

    #[test]
    fn two_runs_do_not_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), 1).unwrap();
        let error = open(dir.path(), 1).err().unwrap().to_string();
        assert!(error.contains("members.log: lock: another run is writing here"), "{error}");
        drop(first);
        open(dir.path(), 1).unwrap();
    }

    #[test]
    fn logs_of_shards_are_read_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let part = |log: &str| Store::open(dir.path(), &header(4), &identities(4), log).unwrap();
        let (mut first, mut second) = (part("members-1-of-2.log"), part("members-2-of-2.log"));
        first.append(0, &encode(&10).unwrap()).unwrap();
        second.append(3, &encode(&13).unwrap()).unwrap();
        // Another shard that is still at work has a torn frame: not ours to cut.
        let torn = dir.path().join("members-2-of-2.log");
        let whole = std::fs::read(&torn).unwrap();
        std::fs::write(&torn, [&whole[..], &whole[..50]].concat()).unwrap();
        let mut store = open(dir.path(), 4).unwrap();
        assert_eq!(store.kept().collect::<Vec<_>>(), [0, 3]);
        assert_eq!(std::fs::metadata(&torn).unwrap().len(), whole.len() as u64 + 50);
        store.append(1, &encode(&11).unwrap()).unwrap();
        drop((first, store));
        let store = part("members-1-of-2.log");
        assert_eq!([0, 1, 3].map(|m| store.read::<i32>(m).unwrap()), [10, 11, 13]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), length in 0..300_u64) {
            let mut file = length.to_le_bytes().to_vec();
            file.extend(&bytes);
            if let Some(frame) = next_frame(&mut file.as_slice(), file.len() as u64).unwrap() {
                prop_assert!(!frame.intact);
            }
            let _ = decode::<Vec<f32>>(&bytes);
        }
    }
}
