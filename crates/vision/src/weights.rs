//! The state of a network on the host: every float of it by name, running statistics included.

use crate::container::{Tensors, Values, damaged};
use crate::error::VisionError;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use std::path::Path;

/// The names of the modules on the way to a parameter.
#[derive(Default)]
pub(crate) struct NamePath(Vec<String>);

impl NamePath {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_string());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    /// The full name of the parameter just met.
    pub(crate) fn name(&self) -> String {
        self.0.join(".")
    }
}

/// A copy of every float parameter and buffer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weights(Tensors);

impl Weights {
    /// Copies a network's state to the host.
    pub(crate) fn capture(model: &impl Module) -> Self {
        struct Visitor {
            path: NamePath,
            tensors: Tensors,
        }
        impl ModuleVisitor for Visitor {
            fn enter_module(&mut self, name: &str, _: &str) {
                self.path.enter(name);
            }
            fn exit_module(&mut self, _: &str, _: &str) {
                self.path.exit();
            }
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let tensor = param.val();
                let shape = tensor.dims().to_vec();
                self.tensors.insert(self.path.name(), Values { shape, values: to_host(tensor) });
            }
        }
        let mut visitor = Visitor { path: NamePath::default(), tensors: Tensors::new() };
        // Running statistics lag one step behind until `valid` brings them up to date.
        model.valid().visit(&mut visitor);
        Self(visitor.tensors)
    }

    pub(crate) fn from_tensors(tensors: Tensors) -> Self {
        Self(tensors)
    }

    pub(crate) fn into_tensors(self) -> Tensors {
        self.0
    }

    /// The name of a tensor with a NaN or an infinity, if any.
    pub(crate) fn not_finite(&self) -> Option<&str> {
        self.0.iter().find(|(_, t)| t.values.iter().any(|v| !v.is_finite())).map(|(name, _)| name.as_str())
    }

    /// Puts the values into a network with the same names and shapes, in inference mode. `path` is for the error.
    pub(crate) fn restore<M: Module>(self, model: M, path: &Path) -> Result<M, VisionError> {
        struct Mapper<'a> {
            names: NamePath,
            tensors: Tensors,
            path: &'a Path,
            fault: Option<VisionError>,
        }
        impl ModuleMapper for Mapper<'_> {
            fn enter_module(&mut self, name: &str, _: &str) {
                self.names.enter(name);
            }
            fn exit_module(&mut self, _: &str, _: &str) {
                self.names.exit();
            }
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let name = self.names.name();
                let expected = param.lazy_shape().to_vec();
                match self.tensors.remove(&name) {
                    Some(found) if found.shape == expected => param.map(|old| {
                        let device = old.device();
                        Tensor::from_data(TensorData::new(found.values, expected), &device)
                    }),
                    found => {
                        let found = found.map_or("is missing".to_string(), |f| format!("has shape {:?}", f.shape));
                        let rule = format!("{found}, the model has shape {expected:?}");
                        self.fault.get_or_insert(damaged(self.path, name, rule));
                        param
                    }
                }
            }
        }
        let mut mapper = Mapper { names: NamePath::default(), tensors: self.0, path, fault: None };
        let model = model.valid().map(&mut mapper);
        let extra = mapper.tensors.into_keys().next().map(|name| damaged(path, name, "the model has no such tensor"));
        match mapper.fault.or(extra) {
            Some(fault) => Err(fault),
            None => Ok(model),
        }
    }
}

/// The values of a tensor as 32-bit floats, row-major.
pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data_as::<f32>().try_into_vec().expect("the line above converts to f32")
}
