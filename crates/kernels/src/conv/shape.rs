//! Sizes of a convolution, checked once.

use crate::error::{KernelError, require, require_shape};

/// How a kernel moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2dOptions {
    /// Pixels from one output to the next, `[rows, columns]`, at least 1.
    pub stride: [usize; 2],
    /// Zeros added on each side.
    pub padding: [usize; 2],
    /// Pixels from one kernel position to the next, at least 1.
    pub dilation: [usize; 2],
    /// Channels are divided into so many groups that do not see each other, at least 1.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Self { stride: [1; 2], padding: [0; 2], dilation: [1; 2], groups: 1 }
    }
}

/// A convolution of known shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    pub(super) batch: usize,
    pub(super) groups: usize,
    /// Per group.
    pub(super) in_channels: usize,
    /// Per group.
    pub(super) out_channels: usize,
    pub(super) input: [usize; 2],
    pub(super) output: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// The image's rows before they were joined to one, see `flattened`.
    rows: Option<usize>,
}

impl Conv2d {
    /// Checks the shapes `x [n, G C, H, W]` and `weight [G K, C, R, S]` against each other and the options. An empty batch
    /// is fine.
    ///
    /// ```
    /// use tenfold_kernels::conv::{Conv2d, Conv2dOptions};
    /// let halves = Conv2dOptions { stride: [2; 2], padding: [1; 2], ..Conv2dOptions::default() };
    /// let conv = Conv2d::new([8, 3, 32, 31], [16, 3, 3, 3], halves)?;
    /// assert_eq!(conv.output_shape(), [8, 16, 16, 16]);
    /// let error = Conv2d::new([8, 3, 32, 32], [16, 4, 3, 3], halves).unwrap_err();
    /// assert_eq!(error.to_string(), "convolution weight: expected [16, 3, 3, 3], found [16, 4, 3, 3]");
    /// # Ok::<(), tenfold_kernels::KernelError>(())
    /// ```
    ///
    /// # Errors
    /// Names the setting or the shapes that do not fit: groups that do not divide the channels, a stride or dilation of
    /// zero, a kernel larger than the padded image, an empty kernel or channel axis.
    pub fn new(x: [usize; 4], weight: [usize; 4], options: Conv2dOptions) -> Result<Self, KernelError> {
        let Conv2dOptions { stride, padding, dilation, groups } = options;
        require(groups >= 1, "groups", groups, "must be at least 1")?;
        require(!stride.contains(&0), "stride", format!("{stride:?}"), "must be at least 1")?;
        require(!dilation.contains(&0), "dilation", format!("{dilation:?}"), "must be at least 1")?;
        require(x[1].is_multiple_of(groups), "groups", groups, "must divide the input's channels")?;
        require(weight[0].is_multiple_of(groups), "groups", groups, "must divide the output's channels")?;
        require_shape("convolution weight", &[weight[0], x[1] / groups, weight[2], weight[3]], &weight)?;
        require(!weight.contains(&0), "weight", format!("{weight:?}"), "no axis may be empty")?;
        let mut output = [0; 2];
        for axis in 0..2 {
            let padded = x[2 + axis] + 2 * padding[axis];
            let reach = (weight[2 + axis] - 1) * dilation[axis] + 1;
            require(reach <= padded, "kernel", reach, "must not be larger than the padded image")?;
            output[axis] = (padded - reach) / stride[axis] + 1;
        }
        Ok(Self {
            batch: x[0],
            groups,
            in_channels: x[1] / groups,
            out_channels: weight[0] / groups,
            input: [x[2], x[3]],
            output,
            kernel: [weight[2], weight[3]],
            stride,
            padding,
            dilation,
            rows: None,
        }
        .flattened())
    }

    /// A kernel of one pixel that visits every pixel does not care about rows: one long row leaves no lane idle.
    fn flattened(self) -> Self {
        if self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0] {
            let row = [1, self.input[0] * self.input[1]];
            Self { input: row, output: row, rows: Some(self.input[0]), ..self }
        } else {
            self
        }
    }

    /// `[n, G C, H, W]`.
    pub fn input_shape(&self) -> [usize; 4] {
        let [h, w] = self.unflattened(self.input);
        [self.batch, self.groups * self.in_channels, h, w]
    }

    /// `[G K, C, R, S]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        [self.groups * self.out_channels, self.in_channels, self.kernel[0], self.kernel[1]]
    }

    /// `[n, G K, OH, OW]`.
    pub fn output_shape(&self) -> [usize; 4] {
        let [h, w] = self.unflattened(self.output);
        [self.batch, self.groups * self.out_channels, h, w]
    }

    fn unflattened(&self, [h, w]: [usize; 2]) -> [usize; 2] {
        match self.rows {
            Some(rows) => [rows, w / rows.max(1)],
            None => [h, w],
        }
    }

    /// Multiplications (and as many additions) of each of the three directions.
    pub fn operations(&self) -> usize {
        self.batch * self.groups * self.out_image() * self.in_channels * self.kernel[0] * self.kernel[1]
    }

    /// Numbers in one group's channels of one input image.
    pub(super) fn in_image(&self) -> usize {
        self.in_channels * self.input[0] * self.input[1]
    }

    /// Numbers in one group's channels of one output image.
    pub(super) fn out_image(&self) -> usize {
        self.out_channels * self.output[0] * self.output[1]
    }

    /// Rows and columns of the kernel, row by row.
    pub(super) fn kernel_positions(&self) -> impl Iterator<Item = [usize; 2]> {
        let [rows, columns] = self.kernel;
        (0..rows).flat_map(move |r| (0..columns).map(move |s| [r, s]))
    }

    pub(super) fn check(&self, what: &str, len: usize, shape: [usize; 4]) {
        assert_eq!(len, shape.iter().product::<usize>(), "{what}: expected {shape:?}, found {len} numbers");
    }
}
