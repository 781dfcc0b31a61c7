//! Result files: what the programs promise to write, checked and read.

pub(crate) mod bench;
pub(crate) mod claims;

/// A number with three significant digits, plain where that is short and in powers of ten elsewhere.
pub(crate) fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e6).contains(&size) {
        format!("{value:.2e}")
    } else {
        // size < 1e6, so the exponent is between -3 and 5.
        let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn three_digits() {
        let cases = [
            (0.0, "0"),
            (0.012_345, "0.0123"),
            (-1.5, "-1.50"),
            (123.456, "123"),
            (54_321.0, "54321"),
            (1.2e-7, "1.20e-7"),
            (3.0e9, "3.00e9"),
        ];
        for (value, text) in cases {
            assert_eq!(significant(value), text);
        }
    }
}
