//! Many networks trained together: seeds, samples, targets and hyper-parameters of their own, results as they come.
//!
//! [`Ensemble`] is the entry; [`Member`] says what one network is; [`Strategy`] how they are computed.

mod delivery;
mod member;
mod plan;
mod shard;
mod stacked;
mod store;
mod strategy;
mod workers;

pub use delivery::{Failure, Report};
pub use member::{Member, Samples};
pub use shard::Shard;
pub use strategy::Strategy;

use crate::error::VisionError;
use crate::model::Model;
use crate::targets::TrainingSet;
use crate::train::{Trained, train};
use burn::tensor::Device;
use delivery::{Delivery, Sent};
use plan::Plan;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use store::{FORMAT, Header, Store, WHOLE};
use strategy::Work;
use tenfold_core_tensor::progress::Progress;

/// Networks trained on one data set: hundreds for the influence of each sample, dozens for bias and variance, a grid of
/// hyper-parameters.
///
/// The data are shared and never copied. A [`Member`] has a seed, an architecture, hyper-parameters, the samples it
/// sees and, if it likes, targets of its own. Members are asked for by number when their turn comes, and of each only
/// what the caller reads off it is kept, so that memory holds the data, the members in flight and no more.
///
/// ```
/// use burn::tensor::Device;
/// use ndarray::Array2;
/// use tenfold_core_tensor::seed::Seed;
/// use tenfold_vision::{
///     BitMask, Ensemble, ImageShape, Inputs, Member, MlpConfig, Samples, Targets, TrainConfig, TrainingSet, evaluate,
/// };
///
/// // Forty points on a line, left or right; the label of the first is wrong.
/// let labels: Vec<usize> = (0..40).map(|i| usize::from(i < 20) ^ usize::from(i == 0)).collect();
/// let points = Array2::from_shape_fn((40, 2), |(i, j)| if j == 0 { 1.0 } else { i as f32 / 20.0 - 1.0 });
/// let inputs = Inputs::new(points.view(), ImageShape::table(2))?;
/// let targets = Targets::Hard(labels.clone());
/// let set = TrainingSet::new(inputs.clone(), &targets)?;
///
/// // Ten networks, each of which sees nine tenths of the points.
/// let sees = |k: usize| (0..40).map(move |i| i % 10 != k).collect::<BitMask>();
/// let config = TrainConfig::default().with_epochs(20).with_batch_size(8);
/// let member = |k: usize| {
///     Member::new(Seed::new(7).child(k as u64), MlpConfig::new(2, &[8], 2), config.clone())
///         .with_samples(Samples::Mask(sees(k)))
/// };
/// // Which points does each network get right? Forty bits of each are kept.
/// let right = Ensemble::new(&set, &Device::flex()).collect(10, member, |_, run| {
///     let predictions = evaluate(&run.model, &inputs, 40)?.predictions();
///     Ok(predictions.iter().zip(&labels).map(|(p, l)| p == l).collect::<BitMask>())
/// })?;
///
/// // Nobody who has not seen the wrong label guesses it: that label could only be memorised.
/// assert!((0..10).filter(|&k| !sees(k).get(0)).all(|k| !right[k].get(0)));
/// assert!((0..10).filter(|&k| !sees(k).get(35)).all(|k| right[k].get(35)));
/// # Ok::<(), tenfold_vision::VisionError>(())
/// ```
///
/// # Results that last
///
/// With a [folder](Self::with_folder), what is read off each member is appended to a log there as soon as it is done. A
/// run that was killed goes on when it is started again with the same folder, and ends in the same results. The folder
/// remembers seeds, architectures, hyper-parameters, samples, targets, data, back end and strategy: another
/// run is refused with the member and the field that differ.
///
/// # Same bytes
///
/// Whatever the number of workers and threads, a member's result is that of [`train`](crate::train()) on its
/// samples, byte for byte, if workers compute it, and equal to it up to rounding in a stack. See [`Strategy`].
pub struct Ensemble<'a> {
    data: &'a TrainingSet<'a>,
    device: Device,
    strategy: Strategy,
    folder: Option<PathBuf>,
    shard: Option<Shard>,
    progress: Option<&'a Progress>,
}

impl<'a> Ensemble<'a> {
    /// Networks to be trained on `data`, or on parts of it, on `device`.
    pub fn new(data: &'a TrainingSet<'a>, device: &Device) -> Self {
        let device = device.clone().without_autodiff();
        Self { data, device, strategy: Strategy::Auto, folder: None, shard: None, progress: None }
    }

    /// Sets how members are computed.
    pub fn with_strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Keeps results in this folder, and goes on from those it has.
    pub fn with_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Trains the members of one shard alone; needs a [folder](Self::with_folder). Results of other shards that are in the folder
    /// count as any that are kept.
    pub fn with_shard(mut self, shard: Option<Shard>) -> Self {
        self.shard = shard;
        self
    }

    /// Counts members there as they finish: give it as many steps as there are members.
    pub fn with_progress(mut self, progress: &'a Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Trains members 0 to `members - 1`.
    ///
    /// - `member` makes one. It is called for all before anything is trained, to check them, and again when
    ///   a member's turn comes, from several threads: it must give the same member each time.
    /// - `read` takes what is wanted off a trained network: logits, a mask, an accuracy; or saves it. It runs on the
    ///   worker, so costly readings run side by side.
    /// - `on_member` is given every result, those of earlier runs in the folder included, in the calling thread and in
    ///   the order of the members, whatever the number of workers, so that what it adds up is the same in each run. It
    ///   may stop the ensemble with [`ControlFlow::Break`]. In a [shard](Self::with_shard) it is given those before the
    ///   first that other shards have yet to train.
    ///
    /// A member whose training diverges, whose reading fails or whose worker panics is passed to `on_member` and listed
    /// in the report with the reason, and the others go on. It is tried again when the folder is taken up.
    ///
    /// ```
    /// # use burn::tensor::Device;
    /// # use std::ops::ControlFlow;
    /// # use tenfold_core_tensor::seed::Seed;
    /// # use tenfold_vision::{Ensemble, ImageShape, Inputs, Member, MlpConfig, Targets, TrainConfig, TrainingSet};
    /// # let table = ndarray::array![[0.0_f32, 0.0], [1.0, 1.0]];
    /// # let targets = Targets::Hard(vec![0, 1]);
    /// # let set = TrainingSet::new(Inputs::new(table.view(), ImageShape::table(2))?, &targets)?;
    /// // A sweep over learning rates, of which one is absurd.
    /// let rates = [0.01, 1e30, 0.1];
    /// let member = |i: usize| {
    ///     let config = TrainConfig::default().with_epochs(3).with_learning_rate(rates[i]);
    ///     Member::new(Seed::new(7), MlpConfig::new(2, &[4], 2), config)
    /// };
    /// let mut losses = Vec::new();
    /// let report = Ensemble::new(&set, &Device::flex()).train(
    ///     rates.len(),
    ///     member,
    ///     |_, run| Ok(run.history[2].loss),
    ///     |i, loss| {
    ///         losses.extend(loss.ok().map(|loss| (i, loss)));
    ///         ControlFlow::Continue(())
    ///     },
    /// )?;
    /// assert_eq!((report.trained, report.failures.len(), report.failures[0].member), (2, 1, 1));
    /// assert!(report.failures[0].error.to_string().contains("not finite"));
    /// assert_eq!([losses[0].0, losses[1].0], [0, 2]);
    /// # Ok::<(), tenfold_vision::VisionError>(())
    /// ```
    ///
    /// # Errors
    /// [`VisionError::Member`] for a member that cannot be trained on the data, before any is;
    /// [`VisionError::Setting`] for a strategy that breaks a rule; [`VisionError::Checkpoint`] for a folder of another
    /// ensemble, in use, or damaged; [`VisionError::File`] if a result cannot be kept there.
    pub fn train<R: Serialize + DeserializeOwned + Send>(
        &self,
        members: usize,
        member: impl Fn(usize) -> Member + Sync,
        read: impl Fn(usize, &Trained<Model>) -> Result<R, VisionError> + Sync,
        on_member: impl FnMut(usize, Result<R, &VisionError>) -> ControlFlow<()>,
    ) -> Result<Report, VisionError> {
        let (work, shard) = (self.strategy.resolve(&self.device)?, self.shard);
        if let Some(shard) = shard.filter(|_| self.folder.is_none()) {
            return Err(VisionError::setting("shard", shard, "needs a folder, where its results are kept"));
        }
        let plan = Plan::new(members, &member, self.data, work, self.folder.is_some())?;
        let store = self.folder.as_ref().map(|folder| {
            let header = Header {
                format: FORMAT.to_string(),
                members,
                data: self.data.fingerprint(),
                back_end: back_end(&self.device),
                strategy: work.kind(),
            };
            Store::open(folder, &header, &plan.identities, &shard.map_or(WHOLE.to_string(), Shard::log))
        });
        let store = store.transpose()?;
        let keep = store.is_some();
        let mine = |job: usize| shard.is_none_or(|shard| shard.takes(job));
        let others = plan.jobs.iter().enumerate().filter(|(job, _)| !mine(*job)).flat_map(|(_, members)| members);
        let mut delivery = Delivery::new(members, store, others.copied(), self.progress, on_member);
        // A stack is trained again if one of its members is missing: with other neighbours, a GPU might round it
        // otherwise.
        let jobs = plan.jobs.into_iter().enumerate().filter(|(job, _)| mine(*job)).map(|(_, members)| members);
        let missing: Vec<_> = jobs.filter(|job| job.iter().any(|&m| !delivery.has(m))).collect();
        if delivery.advance()?.is_break() {
            return delivery.finish();
        }

        let send = |index: usize, trained: Result<Trained<Model>, VisionError>| {
            let result = trained.and_then(|trained| guarded(|| read(index, &trained)));
            match result.map(|result| if keep { Sent::encoded(&result) } else { Ok(Sent::Value(result)) }) {
                Ok(Ok(sent)) => (index, sent),
                Ok(Err(error)) | Err(error) => (index, Sent::Failed(error)),
            }
        };
        match work {
            Work::Workers { count } => {
                let count = count.min(missing.len());
                let jobs = missing.into_iter().flatten();
                let train = |index: usize| send(index, guarded(|| self.train_one(&member(index))));
                workers::run(count, jobs, train, |(index, sent)| delivery.receive(index, sent))?;
            }
            Work::Stacked { .. } => {
                for stack in missing {
                    let chosen: Vec<Member> = stack.iter().map(|&index| member(index)).collect();
                    for (&index, trained) in stack.iter().zip(self.train_stack(&chosen)) {
                        let (index, sent) = send(index, trained);
                        if delivery.receive(index, sent)?.is_break() {
                            return delivery.finish();
                        }
                    }
                }
            }
        }
        delivery.finish()
    }

    /// Like [`train`](Self::train), but returns the results in the order of the members, or the first failure.
    ///
    /// # Errors
    /// Those of [`train`](Self::train), and [`VisionError::Member`] for the first member that failed; members after it
    /// are not begun. [`VisionError::Elsewhere`] from a [shard](Self::with_shard) that has done its part where others have not.
    pub fn collect<R: Serialize + DeserializeOwned + Send>(
        &self,
        members: usize,
        member: impl Fn(usize) -> Member + Sync,
        read: impl Fn(usize, &Trained<Model>) -> Result<R, VisionError> + Sync,
    ) -> Result<Vec<R>, VisionError> {
        let mut results = Vec::with_capacity(members);
        let report = self.train(members, member, read, |_, result| match result {
            Ok(result) => {
                results.push(result);
                ControlFlow::Continue(())
            }
            Err(_) => ControlFlow::Break(()),
        })?;
        match report.failures.into_iter().next() {
            Some(Failure { member, error }) => Err(VisionError::Member { member, source: Box::new(error) }),
            None if report.elsewhere > 0 => Err(VisionError::Elsewhere { missing: report.elsewhere, members }),
            None => Ok(results),
        }
    }

    fn train_one(&self, member: &Member) -> Result<Trained<Model>, VisionError> {
        let part = member.part(self.data)?;
        let model = member.architecture.init(member.seed, &self.device)?;
        train(model, &part.set()?, &member.config, member.seed, |_| ControlFlow::Continue(()))
    }

    /// One result per member. What goes wrong for the stack goes wrong for each.
    fn train_stack(&self, members: &[Member]) -> Vec<Result<Trained<Model>, VisionError>> {
        let attempt = guarded(|| {
            let parts = members.iter().map(|m| m.part(self.data)).collect::<Result<Vec<_>, _>>()?;
            let sets = parts.iter().map(|part| part.set()).collect::<Result<Vec<_>, _>>()?;
            stacked::train(members, &sets, &self.device)
        });
        match attempt {
            Ok(results) => results,
            Err(error) => {
                let fault = |_| VisionError::Stack { members: members.len(), reason: error.to_string() };
                members.iter().map(|member| Err(fault(member))).collect()
            }
        }
    }
}

/// What `work` returns; a panic in it is an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, VisionError>) -> Result<T, VisionError> {
    // What a panic leaves half-done is local to `work`, or the caller's, who must not rely on it.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(VisionError::Panic { message: panic_message(panic.as_ref()) }))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| s.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_string())
}

/// The name of a device's back end: `Flex` of `Device<Flex(Cpu)>`. Results do not depend on which of equal devices
/// computed them.
fn back_end(device: &Device) -> String {
    let name = format!("{device:?}");
    name.trim_start_matches("Device<").split(['(', '>']).next().unwrap_or_default().to_string()
}
