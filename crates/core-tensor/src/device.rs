//! Choosing where tensors live, by name and at run time.

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A back end that this crate knows, whether or not this build has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Pure Rust on the CPU.
    Flex,
    /// Any GPU through Vulkan, Metal or DirectX.
    Wgpu,
    /// NVIDIA GPUs.
    Cuda,
}

/// Every back end with its name and whether this build has it.
const BACKENDS: [(Backend, &str, bool); 3] = [
    (Backend::Flex, "flex", cfg!(feature = "flex")),
    (Backend::Wgpu, "wgpu", cfg!(feature = "wgpu")),
    (Backend::Cuda, "cuda", cfg!(feature = "cuda")),
];

/// A device as a person names it: a back end, with an index where there may be several.
///
/// ```
/// use tenfold_core_tensor::device::{Backend, DeviceSpec};
/// let spec: DeviceSpec = "cuda:1".parse()?;
/// assert_eq!((spec.backend, spec.index), (Backend::Cuda, 1));
/// assert_eq!("flex".parse::<DeviceSpec>()?.to_string(), "flex");
/// let error = "tpu".parse::<DeviceSpec>().unwrap_err();
/// assert_eq!(error.to_string(), "device \"tpu\": must be flex, wgpu[:INDEX] or cuda[:INDEX]");
/// # Ok::<(), tenfold_core_tensor::device::DeviceError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceSpec {
    /// The back end.
    pub backend: Backend,
    /// Which of its devices, from 0.
    pub index: usize,
}

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The name is not one we know.
    #[error("device {name:?}: must be flex, wgpu[:INDEX] or cuda[:INDEX]")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The name is known, but this build does not have the back end.
    #[error("device {backend}: this build lacks it; build with `--features {backend}` (it has: {})", .available.join(", "))]
    NotBuilt {
        /// What was asked for.
        backend: &'static str,
        /// The back ends there are.
        available: Vec<&'static str>,
    },
    /// The back end is there, but this machine has no such device.
    #[error("device {backend}:{index}: this machine has {found} such device(s)")]
    Absent {
        /// The back end.
        backend: &'static str,
        /// The index asked for.
        index: usize,
        /// How many the machine has.
        found: usize,
    },
}

impl Backend {
    /// Its name, as people type it.
    pub fn name(self) -> &'static str {
        BACKENDS[self as usize].1
    }
}

impl DeviceSpec {
    /// The CPU.
    pub const FLEX: Self = Self { backend: Backend::Flex, index: 0 };

    /// The Burn device behind the name, without autodiff (ask it for `.autodiff()` to train).
    ///
    /// GPUs are counted before one is touched, since opening a missing one panics inside the driver's loader.
    ///
    /// ```
    /// use tenfold_core_tensor::device::DeviceSpec;
    /// # #[cfg(feature = "flex")]
    /// assert!(DeviceSpec::FLEX.open().is_ok());
    /// # #[cfg(not(feature = "cuda"))]
    /// assert!("cuda".parse::<DeviceSpec>()?.open().unwrap_err().to_string().contains("--features cuda"));
    /// # Ok::<(), tenfold_core_tensor::device::DeviceError>(())
    /// ```
    ///
    /// # Errors
    /// If this build lacks the back end, or the machine the device.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self.backend {
            #[cfg(feature = "flex")]
            Backend::Flex if self.index == 0 => Ok(Device::flex()),
            #[cfg(feature = "flex")]
            Backend::Flex => Err(DeviceError::Absent { backend: "flex", index: self.index, found: 1 }),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => self.of(Device::enumerate(burn::tensor::DeviceType::Wgpu).into_iter().collect()),
            #[cfg(feature = "cuda")]
            Backend::Cuda => self.of(Device::enumerate(burn::tensor::DeviceType::Cuda).into_iter().collect()),
            #[allow(unreachable_patterns)] // reached unless every back end is built in
            _ => Err(DeviceError::NotBuilt { backend: self.name(), available: available() }),
        }
    }

    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    fn of(self, mut devices: Vec<Device>) -> Result<Device, DeviceError> {
        if self.index < devices.len() {
            Ok(devices.swap_remove(self.index))
        } else {
            Err(DeviceError::Absent { backend: self.name(), index: self.index, found: devices.len() })
        }
    }

    fn name(self) -> &'static str {
        match self.backend {
            Backend::Flex => "flex",
            Backend::Wgpu => "wgpu",
            Backend::Cuda => "cuda",
        }
    }
}

impl FromStr for DeviceSpec {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown { name: text.to_string() };
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, index.parse().map_err(|_| unknown())?),
            None => (text, 0),
        };
        let (backend, ..) = BACKENDS.into_iter().find(|(_, known, _)| *known == name).ok_or_else(unknown)?;
        Ok(Self { backend, index })
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.backend, self.index) {
            (Backend::Flex, 0) => f.write_str(self.name()),
            (_, index) => write!(f, "{}:{index}", self.name()),
        }
    }
}

/// Whether tensors of this device are on the CPU.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use burn::tensor::Device;
/// assert!(tenfold_core_tensor::device::is_cpu(&Device::flex().autodiff()));
/// # }
/// ```
pub fn is_cpu(device: &Device) -> bool {
    fn of(device: &DispatchDevice) -> bool {
        match device {
            #[cfg(feature = "flex")]
            DispatchDevice::Flex(_) => true,
            DispatchDevice::Autodiff(inner) => of(inner),
            #[allow(unreachable_patterns)] // reached where further back ends are built in
            _ => false,
        }
    }
    of(device.as_dispatch())
}

/// Names of the back ends in this build.
///
/// ```
/// # #[cfg(feature = "flex")]
/// assert!(tenfold_core_tensor::device::available().contains(&"flex"));
/// ```
pub fn available() -> Vec<&'static str> {
    BACKENDS.into_iter().filter(|(.., built)| *built).map(|(_, name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        for name in ["flex", "wgpu:0", "cuda:3"] {
            assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
        }
        for bad in ["", "cuda:", "cuda:-1", "cuda:x", "FLEX", "flex:0:0"] {
            assert!(matches!(bad.parse::<DeviceSpec>(), Err(DeviceError::Unknown { .. })), "{bad}");
        }
    }

    #[test]
    #[cfg(feature = "flex")]
    fn there_is_one_cpu() {
        let error = "flex:1".parse::<DeviceSpec>().unwrap().open().unwrap_err();
        assert_eq!(error.to_string(), "device flex:1: this machine has 1 such device(s)");
    }
}
