use super::*;
use proptest::prelude::*;

/// Shapes, options, and a seed for the numbers.
#[derive(Debug, Clone)]
struct Case {
    x: [usize; 4],
    weight: [usize; 4],
    options: Conv2dOptions,
    seed: u32,
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = (0_usize..4, 1_usize..4, 1_usize..6, 1_usize..6, 1_usize..21, 1_usize..36);
    let kernel = ([1_usize..4, 1..4], [1_usize..4, 1..4], [0_usize..3, 0..3], [1_usize..3, 1..3]);
    (sizes, kernel, any::<u32>()).prop_filter_map("kernel larger than image", |(sizes, kernel, seed)| {
        let (n, groups, c, k, h, w) = sizes;
        let ([r, s], stride, padding, dilation) = kernel;
        let options = Conv2dOptions { stride, padding, dilation, groups };
        let case = Case { x: [n, groups * c, h, w], weight: [groups * k, c, r, s], options, seed };
        Conv2d::new(case.x, case.weight, options).is_ok().then_some(case)
    })
}

/// Kernels of three by three with enough channels for Winograd's way.
fn many_channels() -> impl Strategy<Value = Case> {
    let sizes = (0_usize..6, 1_usize..3, 8_usize..20, 8_usize..14, 1_usize..12, 1_usize..40);
    (sizes, [0_usize..4, 0..4], any::<u32>()).prop_filter_map("kernel larger than image", |(sizes, padding, seed)| {
        let (n, groups, c, k, h, w) = sizes;
        let options = Conv2dOptions { padding, groups, ..Conv2dOptions::default() };
        let case = Case { x: [n, groups * c, h, w], weight: [groups * k, c, 3, 3], options, seed };
        Conv2d::new(case.x, case.weight, case.options).is_ok().then_some(case)
    })
}

/// Any kernel with channels enough to lie side by side in the lanes for the gradient in the weight.
fn wide_kernels() -> impl Strategy<Value = Case> {
    let sizes = (1_usize..6, 1_usize..3, 8_usize..34, 1_usize..14, 1_usize..9, 1_usize..20);
    let kernel = ([1_usize..4, 1..4], [1_usize..5, 1..4], [0_usize..4, 0..4], 1_usize..3);
    (sizes, kernel, any::<u32>()).prop_filter_map("another way", |(sizes, kernel, seed)| {
        let (n, groups, c, k, h, w) = sizes;
        let ([r, s], stride, padding, dilation) = kernel;
        let options = Conv2dOptions { stride, padding, dilation: [dilation, 1], groups };
        let case = Case { x: [n, groups * c, h, w], weight: [groups * k, c, r, s], options, seed };
        let conv = Conv2d::new(case.x, case.weight, options).ok()?;
        by_channels::ByChannels::new(&conv).map(|_| case)
    })
}

/// Numbers from -1 to 1 that are multiples of 2^-8, so that products are exact and sums in double precision too.
fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as i32 % 513 - 256) as f32 / 256.0
    };
    (0..len).map(|_| next()).collect()
}

/// Visits every product of the definition: indices into x, w and y.
fn visit(case: &Case, conv: &Conv2d, mut f: impl FnMut(usize, usize, usize)) {
    let [n, _, h, w] = case.x;
    let [_, c_group, r_count, s_count] = case.weight;
    let [_, k_all, oh, ow] = conv.output_shape();
    let (o, groups) = (case.options, case.options.groups);
    for image in 0..n {
        for k in 0..k_all {
            let g = k / (k_all / groups);
            for (i, j) in (0..oh).flat_map(|i| (0..ow).map(move |j| (i, j))) {
                for c in 0..c_group {
                    for (r, s) in (0..r_count).flat_map(|r| (0..s_count).map(move |s| (r, s))) {
                        let row = (i * o.stride[0] + r * o.dilation[0]).wrapping_sub(o.padding[0]);
                        let column = (j * o.stride[1] + s * o.dilation[1]).wrapping_sub(o.padding[1]);
                        if row < h && column < w {
                            let x = ((image * groups * c_group + g * c_group + c) * h + row) * w + column;
                            let weight = ((k * c_group + c) * r_count + r) * s_count + s;
                            f(x, weight, ((image * k_all + k) * oh + i) * ow + j);
                        }
                    }
                }
            }
        }
    }
}

fn assert_close(found: &[f32], want: &[f64], terms: usize) -> Result<(), TestCaseError> {
    // Sums are rounded once for each term, to numbers of the size of the square root of how many there were so far.
    let tolerance = 2.0 * (terms as f64).powf(1.5) * f64::from(f32::EPSILON);
    for (i, (&found, &want)) in found.iter().zip(want).enumerate() {
        prop_assert!((f64::from(found) - want).abs() <= tolerance, "{i}: {found} != {want}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 400 }))]

    #[test]
    fn all_three_directions_are_the_definition(case in cases()) {
        compare_with_definition(&case)?;
    }

    #[test]
    fn so_they_are_by_winograd(case in many_channels()) {
        let conv = Conv2d::new(case.x, case.weight, case.options).unwrap();
        prop_assert!(winograd::Winograd::forward(&conv).is_some());
        prop_assert_eq!(winograd::Winograd::input_gradient(&conv).is_some(), case.options.padding.iter().all(|&p| p < 3));
        compare_with_definition(&case)?;
    }

    #[test]
    fn so_is_the_gradient_in_the_weight_with_channels_in_the_lanes(case in wide_kernels()) {
        compare_with_definition(&case)?;
    }
}

#[test]
fn padding_beyond_all_that_is_read_is_left_out() {
    let options = Conv2dOptions { stride: [9, 9], padding: [3, 3], ..Conv2dOptions::default() };
    let conv = Conv2d::new([1, 16, 1, 1], [1, 16, 1, 1], options).unwrap();
    assert!(by_channels::ByChannels::new(&conv).is_some());
    let mut dw = [1.0; 16];
    conv.weight_gradient(&[2.0; 16], &[3.0], &mut dw);
    assert_eq!(dw, [0.0; 16]);
}

fn compare_with_definition(case: &Case) -> Result<(), TestCaseError> {
    let conv = Conv2d::new(case.x, case.weight, case.options).unwrap();
    let len = |shape: [usize; 4]| shape.iter().product::<usize>();
    let [x_len, w_len, y_len] = [len(conv.input_shape()), len(conv.weight_shape()), len(conv.output_shape())];
    prop_assert_eq!(conv.input_shape(), case.x);
    prop_assert_eq!(conv.weight_shape(), case.weight);
    let (x, w, dy) = (numbers(x_len, case.seed), numbers(w_len, !case.seed), numbers(y_len, case.seed ^ 77));
    let bias = numbers(case.weight[0], 5);

    let mut y = vec![f32::NAN; y_len];
    conv.forward(&x, &w, Some(&bias), &mut y);
    let plane = conv.output_shape()[2] * conv.output_shape()[3];
    let mut want: Vec<f64> = (0..y_len).map(|i| f64::from(bias[i / plane % bias.len()])).collect();
    visit(case, &conv, |xi, wi, yi| want[yi] += f64::from(x[xi]) * f64::from(w[wi]));
    assert_close(&y, &want, 1 + w_len / case.weight[0])?;

    let mut dx = vec![f32::NAN; x_len];
    conv.input_gradient(&w, &dy, &mut dx);
    let mut want = vec![0.0; x_len];
    visit(case, &conv, |xi, wi, yi| want[xi] += f64::from(dy[yi]) * f64::from(w[wi]));
    assert_close(&dx, &want, w_len)?;

    let mut dw = vec![f32::NAN; w_len];
    conv.weight_gradient(&x, &dy, &mut dw);
    let mut want = vec![0.0; w_len];
    visit(case, &conv, |xi, wi, yi| want[wi] += f64::from(dy[yi]) * f64::from(x[xi]));
    assert_close(&dw, &want, case.x[0] * plane)?;
    Ok(())
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let options = Conv2dOptions { padding: [1; 2], ..Conv2dOptions::default() };
    let conv = Conv2d::new([9, 8, 16, 16], [8, 8, 3, 3], options).unwrap();
    let (x, w, dy) = (numbers(9 * 8 * 256, 1), numbers(8 * 8 * 9, 2), numbers(9 * 8 * 256, 3));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
            conv.forward(&x, &w, None, &mut y);
            conv.input_gradient(&w, &dy, &mut dx);
            conv.weight_gradient(&x, &dy, &mut dw);
            [y, dx, dw].map(|v| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn nan_reaches_every_output_that_reads_it() {
    let options = Conv2dOptions { padding: [1; 2], ..Conv2dOptions::default() };
    let conv = Conv2d::new([1, 1, 5, 9], [1, 1, 3, 3], options).unwrap();
    let mut x = numbers(45, 4);
    x[2 * 9 + 4] = f32::NAN;
    let mut y = vec![0.0; 45];
    conv.forward(&x, &[1.0; 9], None, &mut y);
    for (i, y) in y.iter().enumerate() {
        let near = (i / 9).abs_diff(2) <= 1 && (i % 9).abs_diff(4) <= 1;
        assert_eq!(y.is_nan(), near, "output {i}");
    }
}

#[test]
fn nan_and_infinity_reach_every_output_that_reads_them_by_winograd_too() {
    let options = Conv2dOptions { padding: [1; 2], ..Conv2dOptions::default() };
    let conv = Conv2d::new([1, 8, 5, 9], [8, 8, 3, 3], options).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let mut x = numbers(8 * 45, 4);
        x[3 * 45 + 2 * 9 + 4] = bad;
        let mut y = vec![0.0; 8 * 45];
        conv.forward(&x, &[1.0; 8 * 8 * 9], None, &mut y);
        for (i, y) in y.iter().enumerate() {
            let (row, column) = (i % 45 / 9, i % 9);
            let (rows, columns) = (row.abs_diff(2), column.abs_diff(4));
            // Beyond the tiles that hold it nothing happens; between, it depends on where the tiles lie.
            if rows.max(columns) <= 1 {
                assert!(!y.is_finite(), "output {i} of {bad}: {y}");
            } else if rows.max(columns) > 2 {
                assert!(y.is_finite(), "output {i} of {bad}: {y}");
            }
        }
    }
}

#[test]
fn each_rule_names_its_field() {
    let options = Conv2dOptions::default();
    let of = |x, weight, options| Conv2d::new(x, weight, options).unwrap_err().to_string();
    for (error, field) in [
        (of([1, 4, 5, 5], [4, 4, 3, 3], Conv2dOptions { groups: 0, ..options }), "groups = 0"),
        (of([1, 4, 5, 5], [4, 4, 3, 3], Conv2dOptions { groups: 3, ..options }), "groups = 3"),
        (of([1, 4, 5, 5], [3, 2, 3, 3], Conv2dOptions { groups: 2, ..options }), "groups = 2"),
        (of([1, 4, 5, 5], [4, 4, 3, 3], Conv2dOptions { stride: [1, 0], ..options }), "stride = [1, 0]"),
        (of([1, 4, 5, 5], [4, 4, 3, 3], Conv2dOptions { dilation: [0, 1], ..options }), "dilation = [0, 1]"),
        (of([1, 4, 5, 5], [4, 4, 0, 3], options), "weight = [4, 4, 0, 3]"),
        (of([1, 4, 5, 5], [4, 4, 3, 6], options), "kernel = 6"),
        (of([1, 4, 5, 5], [4, 3, 3, 3], options), "convolution weight: expected [4, 4, 3, 3], found [4, 3, 3, 3]"),
    ] {
        assert!(error.starts_with(field), "{error}");
    }
}

#[test]
#[should_panic(expected = "y: expected [1, 1, 2, 2], found 3 numbers")]
fn a_buffer_of_the_wrong_length_panics_with_the_shape() {
    let conv = Conv2d::new([1, 1, 3, 3], [1, 1, 2, 2], Conv2dOptions::default()).unwrap();
    conv.forward(&[0.0; 9], &[0.0; 4], None, &mut [0.0; 3]);
}
