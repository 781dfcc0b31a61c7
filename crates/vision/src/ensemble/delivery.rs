//! Results on their way to the caller, in the order of the members.

use super::store::{Store, encode};
use crate::error::VisionError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;
use tenfold_core_tensor::progress::Progress;

/// What came of an ensemble.
#[derive(Debug, Default)]
pub struct Report {
    /// Members trained and read now.
    pub trained: usize,
    /// Members whose results were in the folder.
    pub kept: usize,
    /// Members that failed, in their order.
    pub failures: Vec<Failure>,
    /// Members of other shards without a result yet.
    pub elsewhere: usize,
}

/// A member that failed.
#[derive(Debug)]
pub struct Failure {
    /// Its number, from zero.
    pub member: usize,
    /// Why.
    pub error: VisionError,
}

/// What a worker says about a member.
pub(super) enum Sent<R> {
    /// The result, where none is kept.
    Value(R),
    /// The result as it is to be kept.
    Bytes(Vec<u8>),
    Failed(VisionError),
}

impl<R: Serialize> Sent<R> {
    pub(super) fn encoded(result: &R) -> Result<Self, VisionError> {
        let unwritable = |value| VisionError::setting("result", value, "must be something that CBOR can hold");
        encode(result).map(Self::Bytes).map_err(unwritable)
    }
}

/// Takes results in any order and hands them on in that of the members.
pub(super) struct Delivery<'a, R, F> {
    members: usize,
    store: Option<Store>,
    /// The member whose turn it is.
    next: usize,
    /// Results that came before their turn, unless the store has them.
    waiting: BTreeMap<usize, Result<R, VisionError>>,
    on_member: F,
    report: Report,
    progress: Option<&'a Progress>,
    started: Instant,
    /// Members that were trained or failed since.
    ended: u32,
    stopped: bool,
}

impl<'a, R: DeserializeOwned, F: FnMut(usize, Result<R, &VisionError>) -> ControlFlow<()>> Delivery<'a, R, F> {
    /// `others` are the members of other shards.
    pub(super) fn new(
        members: usize,
        store: Option<Store>,
        others: impl Iterator<Item = usize>,
        progress: Option<&'a Progress>,
        on_member: F,
    ) -> Self {
        let kept = store.as_ref().map_or(0, |store| store.kept().count());
        let elsewhere = others.filter(|&m| !store.as_ref().is_some_and(|store| store.has(m))).count();
        if let Some(progress) = progress {
            progress.skip((kept + elsewhere) as u64);
        }
        let report = Report { kept, elsewhere, ..Report::default() };
        let (waiting, started) = (BTreeMap::new(), Instant::now());
        Self { members, store, next: 0, waiting, on_member, report, progress, started, ended: 0, stopped: false }
    }

    /// Whether a member's result was kept.
    pub(super) fn has(&self, member: usize) -> bool {
        self.store.as_ref().is_some_and(|store| store.has(member))
    }

    /// Takes a result; returns how many wait for their turn, or that no more are wanted.
    pub(super) fn receive(&mut self, member: usize, sent: Sent<R>) -> Result<ControlFlow<(), usize>, VisionError> {
        // A stack of which a part was kept is trained whole: that part is known.
        if self.has(member) {
            return self.advance();
        }
        match sent {
            Sent::Value(result) => {
                self.report.trained += 1;
                self.waiting.insert(member, Ok(result));
            }
            Sent::Bytes(payload) => {
                self.report.trained += 1;
                if let Some(store) = &mut self.store {
                    store.append(member, &payload)?;
                }
            }
            Sent::Failed(error) => {
                self.waiting.insert(member, Err(error));
            }
        }
        if let Some(progress) = self.progress {
            self.ended += 1;
            let minutes = self.started.elapsed().as_secs_f64() / 60.0;
            progress.note(format!("{:.0} members a minute", f64::from(self.ended) / minutes));
            progress.advance(1);
        }
        self.advance()
    }

    /// Hands on what has its turn.
    pub(super) fn advance(&mut self) -> Result<ControlFlow<(), usize>, VisionError> {
        while !self.stopped && self.next < self.members {
            let result = match (self.waiting.remove(&self.next), &self.store) {
                (Some(result), _) => result,
                // Read from the file even if it was written a moment ago: a run that was resumed and one that was not
                // see the same bytes.
                (None, Some(store)) if store.has(self.next) => Ok(store.read(self.next)?),
                _ => break,
            };
            let member = self.next;
            self.next += 1;
            let flow = match result {
                Ok(result) => (self.on_member)(member, Ok(result)),
                Err(error) => {
                    let flow = (self.on_member)(member, Err(&error));
                    self.report.failures.push(Failure { member, error });
                    flow
                }
            };
            self.stopped = flow.is_break();
        }
        Ok(if self.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(self.waiting.len()) })
    }

    /// Sees to it that what was kept lasts.
    pub(super) fn finish(self) -> Result<Report, VisionError> {
        self.store.as_ref().map_or(Ok(()), Store::flush)?;
        Ok(self.report)
    }
}
