//! The method, `k`, `sigma`, `T` and the kernel, from a file or from options.

use crate::error::CliError;
use clap::Args;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tenfold_core_tensor::files::FileError;
use tenfold_resmem::{Choice, Kernel, Method, Sigma};

/// How the memory is read.
#[derive(Args)]
pub(super) struct Settings {
    /// Method and parameters chosen by `tenfold resmem sweep`; options below override the parameters.
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// What predicts: the memory, nearest neighbours alone, or the kNN-LM mixture [default: that of --params, or
    /// resmem].
    #[arg(long, value_enum)]
    method: Option<MethodName>,
    /// Number of neighbours [default: 10].
    #[arg(long)]
    k: Option<usize>,
    /// Kernel width: a number in units of the distance, or `2x` for twice the median distance to the nearest other key
    /// [default: 1x].
    #[arg(long)]
    sigma: Option<Width>,
    /// Temperature of the softmax [default: 1].
    #[arg(long)]
    temperature: Option<f64>,
    /// Weight of kNN in the mixture.
    #[arg(long)]
    lambda: Option<f64>,
    /// How weights fall with distance [default: exponential].
    #[arg(long, value_enum)]
    kernel: Option<KernelName>,
}

impl Settings {
    pub(super) fn read(&self) -> Result<Choice, CliError> {
        let mut choice = match &self.params {
            Some(path) => read_choice(path)?,
            None => Choice::default(),
        };
        if let Some(method) = self.method.map(Method::from) {
            if let Some(path) = self.params.as_ref().filter(|_| method != choice.method) {
                let rule = format!("--params {} was chosen for {}", path.display(), name(choice.method));
                return Err(CliError::Option { option: "--method", value: name(method).into(), rule });
            }
            choice.method = method;
        }
        check_method(choice.method, self.temperature, self.lambda)?;
        choice.lambda = self.lambda.or(choice.lambda);
        if choice.method == Method::Mixture && choice.lambda.is_none() {
            let rule = "needs --lambda, the weight of kNN".into();
            return Err(CliError::Option { option: "--method", value: "mixture".into(), rule });
        }
        let params = &mut choice.params;
        params.k = self.k.unwrap_or(params.k);
        params.sigma = self.sigma.map_or(params.sigma, |w| w.0);
        params.temperature = self.temperature.unwrap_or(params.temperature);
        params.kernel = self.kernel.map_or(params.kernel, Kernel::from);
        Ok(choice)
    }
}

/// Refuses options of another method, which would be left aside in silence.
pub(super) fn check_method(method: Method, temperature: Option<f64>, lambda: Option<f64>) -> Result<(), CliError> {
    let refuse =
        |option, value: f64, rule: &str| Err(CliError::Option { option, value: value.to_string(), rule: rule.into() });
    match (method, temperature, lambda) {
        (Method::Knn, Some(value), _) => refuse("--temperature", value, "nearest neighbours alone have no temperature"),
        (Method::Knn | Method::Resmem, _, Some(value)) => {
            refuse("--lambda", value, "only --method mixture has a weight of kNN")
        }
        _ => Ok(()),
    }
}

/// The name of a method on the command line and in files.
pub(super) fn name(method: Method) -> &'static str {
    match method {
        Method::Resmem => "resmem",
        Method::Knn => "knn",
        Method::Mixture => "mixture",
    }
}

fn read_choice(path: &Path) -> Result<Choice, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| FileError::new(path, e))?;
    serde_json::from_str(&text).map_err(|e| CliError::Params {
        file: path.display().to_string(),
        line: e.line().max(1),
        rule: e.to_string(),
    })
}

/// A method's name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum MethodName {
    Resmem,
    Knn,
    Mixture,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Resmem => Self::Resmem,
            MethodName::Knn => Self::Knn,
            MethodName::Mixture => Self::Mixture,
        }
    }
}

/// A kernel's name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum KernelName {
    /// exp(-d / sigma)
    Exponential,
    /// exp(-d^2 / sigma)
    Gaussian,
}

impl From<KernelName> for Kernel {
    fn from(name: KernelName) -> Self {
        match name {
            KernelName::Exponential => Self::Exponential,
            KernelName::Gaussian => Self::Gaussian,
        }
    }
}

/// A kernel width on the command line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Width(pub(super) Sigma);

impl FromStr for Width {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, relative) = match text.strip_suffix('x') {
            Some(number) => (number, true),
            None => (text, false),
        };
        let value: f64 =
            number.parse().map_err(|_| "must be a number such as 0.7, or a multiple such as 2x".to_string())?;
        if !(value.is_finite() && value > 0.0) {
            return Err("must be finite and above 0".into());
        }
        Ok(Self(if relative { Sigma::Relative(value) } else { Sigma::Absolute(value) }))
    }
}

/// A kernel width as a person writes it.
pub(super) fn shown(sigma: Sigma) -> String {
    match sigma {
        Sigma::Absolute(value) => format!("{value}"),
        Sigma::Relative(value) => format!("{value}x"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_absolute_or_relative() {
        assert_eq!("0.7".parse::<Width>().unwrap().0, Sigma::Absolute(0.7));
        assert_eq!("2x".parse::<Width>().unwrap().0, Sigma::Relative(2.0));
        for text in ["", "x", "-1", "0x", "inf", "nan", "2y"] {
            assert!(text.parse::<Width>().is_err(), "{text}");
        }
        assert_eq!(shown("2.5x".parse::<Width>().unwrap().0), "2.5x");
    }
}
