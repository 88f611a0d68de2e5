//! Numbers and durations as people write and read them. It must not know what they measure.

use std::time::Duration;

/// A count with a comma between each group of three digits.
///
/// ```
/// assert_eq!(filch_bench::text::grouped(1_000_000), "1,000,000");
/// ```
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with three significant digits and a decimal unit prefix.
///
/// ```
/// assert_eq!(filch_bench::text::short(3_120_000.0), "3.12 M");
/// assert_eq!(filch_bench::text::short(310.0), "310");
/// ```
pub fn short(number: f64) -> String {
    let (scaled, prefix) = match number {
        n if n >= 1e9 => (n / 1e9, " G"),
        n if n >= 1e6 => (n / 1e6, " M"),
        n if n >= 1e3 => (n / 1e3, " k"),
        n => (n, ""),
    };
    format!("{}{prefix}", three_digits(scaled))
}

/// A number of bytes in binary units.
///
/// ```
/// assert_eq!(filch_bench::text::bytes(243 << 20), "243 MiB");
/// ```
pub fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        n if n >= f64::from(1 << 30) => format!("{} GiB", three_digits(n / f64::from(1 << 30))),
        n if n >= f64::from(1 << 20) => format!("{} MiB", three_digits(n / f64::from(1 << 20))),
        n if n >= 1024.0 => format!("{} KiB", three_digits(n / 1024.0)),
        n => format!("{n} B"),
    }
}

/// A number of microseconds in the unit that suits it.
///
/// ```
/// assert_eq!(filch_bench::text::micros(1_100), "1.10 ms");
/// ```
pub fn micros(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} µs"),
        1_000..1_000_000 => format!("{} ms", three_digits(count as f64 / 1e3)),
        _ => format!("{} s", three_digits(count as f64 / 1e6)),
    }
}

/// A duration in the unit that suits it.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(filch_bench::text::duration(Duration::from_millis(10_900)), "10.9 s");
/// ```
pub fn duration(duration: Duration) -> String {
    micros(duration.as_micros().try_into().unwrap_or(u64::MAX))
}

/// Three significant digits, as far as they stand behind the point.
fn three_digits(number: f64) -> String {
    let places = match number {
        n if n >= 99.95 || n == 0.0 => 0,
        n if n >= 9.995 => 1,
        _ => 2,
    };
    format!("{number:.places$}")
}

/// Reads a duration: `300ms`, `1.5s`, `2m`, `1h`; a bare number is seconds.
///
/// # Errors
///
/// A sentence that says what is wrong, if the text is not such a duration.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(filch_bench::text::parse_duration("300ms"), Ok(Duration::from_millis(300)));
/// assert!(filch_bench::text::parse_duration("soon").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let scale = match unit.trim() {
        "" | "s" => 1.0,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => {
            return Err(format!(
                "no duration: `{text}` (write 300ms, 1.5s, 2m or 1h)"
            ));
        }
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("no duration: `{text}` (write 300ms, 1.5s, 2m or 1h)"))?;
    Duration::try_from_secs_f64(number * scale)
        .map_err(|_| format!("`{text}` is longer than this program can count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_three() {
        let texts = [0, 12, 999, 1_000, 123_456, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "12", "999", "1,000", "123,456", "1,234,567"]);
    }

    #[test]
    fn three_significant_digits() {
        let texts = [0.0, 0.5, 9.994, 9.999, 99.96, 999.0, 1_000.0, 2.5e9].map(short);
        assert_eq!(
            texts,
            [
                "0", "0.50", "9.99", "10.0", "100", "999", "1.00 k", "2.50 G"
            ]
        );
    }

    #[test]
    fn units_of_time_and_memory() {
        assert_eq!(
            [0, 999, 1_000, 2_500_000].map(micros),
            ["0 µs", "999 µs", "1.00 ms", "2.50 s"]
        );
        assert_eq!(
            [0, 1023, 1536, 5 << 30].map(bytes),
            ["0 B", "1023 B", "1.50 KiB", "5.00 GiB"]
        );
    }

    #[test]
    fn durations_are_read() {
        let read = |text| parse_duration(text).map(|d| d.as_micros());
        assert_eq!(read("5"), Ok(5_000_000));
        assert_eq!(read("1.5s"), Ok(1_500_000));
        assert_eq!(read("300 ms"), Ok(300_000));
        assert_eq!(read("250us"), Ok(250));
        assert_eq!(read("2m"), Ok(120_000_000));
        assert_eq!(read("1h"), Ok(3_600_000_000));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "-1s",
            "1.2.3s",
            "5 parsecs",
            "1e400",
            "99999999999999999999h",
            "NaN",
        ] {
            assert!(parse_duration(text).is_err(), "accepted `{text}`");
        }
    }
}
