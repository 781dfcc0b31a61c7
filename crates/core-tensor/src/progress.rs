//! Progress of long work, on standard error: a bar where a person watches, plain lines where a file does.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress through a known number of steps, with an estimate of the time left. Shared freely between threads.
///
/// ```
/// use tenfold_core_tensor::progress::Progress;
/// let progress = Progress::new("training", 3);
/// for model in ["small", "medium", "large"] {
///     progress.note(model);
///     progress.advance(1);
/// }
/// assert_eq!(progress.done(), 3);
/// progress.finish();
/// ```
pub struct Progress {
    bar: ProgressBar,
    label: String,
    /// When the last line was printed, where there is no terminal.
    lines: Option<Mutex<Instant>>,
}

impl Progress {
    /// Starts showing progress towards `total` steps on standard error.
    pub fn new(label: impl Into<String>, total: u64) -> Self {
        Self::start(label.into(), total, std::io::stderr().is_terminal())
    }

    /// Progress that nobody sees: for libraries called without a person waiting, and for tests.
    pub fn silent(total: u64) -> Self {
        Self {
            bar: ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()),
            label: String::new(),
            lines: None,
        }
    }

    fn start(label: String, total: u64, terminal: bool) -> Self {
        let target = if terminal { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        // The template is a constant of ours: the fallback is only there because the builder cannot know that.
        let style = ProgressStyle::with_template("{prefix} {bar:24.cyan/dim} {pos}/{len}  {eta} left  {msg:.dim}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸─"));
        bar.set_prefix(label.clone());
        if terminal {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self { bar, label, lines: (!terminal).then(|| Mutex::new(Instant::now())) }
    }

    /// Counts `steps` that an earlier run had done: they say nothing about the time that the others take.
    ///
    /// ```
    /// use tenfold_core_tensor::progress::Progress;
    /// let progress = Progress::silent(400);
    /// progress.skip(150);
    /// assert_eq!(progress.done(), 150);
    /// ```
    pub fn skip(&self, steps: u64) {
        self.bar.inc(steps);
        self.bar.reset_eta();
    }

    /// Lengthens the work by `steps`, once it is known.
    pub fn add_steps(&self, steps: u64) {
        self.bar.inc_length(steps);
    }

    /// Says in a few words what is being done now.
    pub fn note(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Counts `steps` as done.
    pub fn advance(&self, steps: u64) {
        self.bar.inc(steps);
        if let Some(last) = &self.lines {
            // A poisoned lock only means that another thread panicked while printing: the time in it is still good.
            let mut last = last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if last.elapsed() >= LINE_EVERY {
                *last = Instant::now();
                eprintln!("{}", self.line());
            }
        }
    }

    fn line(&self) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let left = self.bar.eta().as_secs();
        format!("{}: {done}/{total}, about {left} s left  {}", self.label, self.bar.message())
    }

    /// Steps done so far.
    pub fn done(&self) -> u64 {
        self.bar.position()
    }

    /// Prints a line above the bar, so that the two do not run into each other.
    pub fn print(&self, line: &str) {
        if self.lines.is_some() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    /// Takes the bar away; a log gets a last line with the time taken.
    pub fn finish(&self) {
        let (done, seconds) = (self.bar.position(), self.bar.elapsed().as_secs_f64());
        self.bar.finish_and_clear();
        if self.lines.is_some() {
            eprintln!("{}: {done} done in {seconds:.1} s", self.label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_says_how_far_and_how_long() {
        let p = Progress::start("nets".into(), 4, false);
        p.note("mlp-8, seed 1");
        p.advance(1);
        assert!(p.line().starts_with("nets: 1/4, about "), "{}", p.line());
        assert!(p.line().ends_with("s left  mlp-8, seed 1"), "{}", p.line());
    }

    #[test]
    fn threads_may_share_it() {
        let p = Progress::silent(200);
        std::thread::scope(|s| {
            (0..4).for_each(|_| {
                s.spawn(|| (0..50).for_each(|_| p.advance(1)));
            })
        });
        assert_eq!(p.done(), 200);
    }
}
