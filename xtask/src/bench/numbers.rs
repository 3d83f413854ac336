//! Samples, quantiles and what the kernel says about a process.

use std::time::Duration;

use anyhow::{Context, Result};

/// Durations of one measurement.
#[derive(Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    /// Adds a duration.
    pub(super) fn add(&mut self, sample: Duration) {
        self.0.push(sample.as_secs_f64() * 1e6);
    }

    /// Adds another measurement's samples.
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns a quantile in microseconds; 0.5 is the median.
    pub(super) fn micros(&mut self, quantile: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        pick(&self.0, quantile)
    }
}

/// Returns the middle one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    pick(&values, 0.5)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index into a few million samples"
)]
fn pick(sorted: &[f64], quantile: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * quantile).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// Converts a count.
#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// Converts a length.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Returns the CPU time a process has used so far, all threads together, in microseconds.
pub(super) fn cpu_micros(pid: u32) -> Result<f64> {
    let mut nanos = 0.0;
    // Nanoseconds by thread; the usual /proc/<pid>/stat counts in hundredths of a second.
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let file = thread?.path().join("schedstat");
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        nanos += text.split(' ').next().and_then(|run| run.parse().ok()).unwrap_or(0.0);
    }
    Ok(nanos / 1e3)
}

/// Returns the resident memory of a process in megabytes.
pub(super) fn resident_megabytes(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: f64 = kilobytes.context("no VmRSS")?.parse()?;
    Ok(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_quantiles() {
        let mut samples = Samples::default();
        for micros in [5, 1, 3, 2, 4] {
            samples.add(Duration::from_micros(micros));
        }

        assert!((samples.micros(0.5) - 3.0).abs() < 1e-6);
        assert!((samples.micros(0.99) - 5.0).abs() < 1e-6);
        assert!((median(vec![9.0, 1.0, 4.0]) - 4.0).abs() < 1e-6);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn reads_its_own_cpu_time_and_memory() {
        let pid = std::process::id();
        let before = cpu_micros(pid).unwrap();
        let mut sum = 0_u64;
        for number in 0..5_000_000_u64 {
            sum = std::hint::black_box(sum.wrapping_add(number));
        }

        assert!(cpu_micros(pid).unwrap() > before, "{sum}");
        assert!(resident_megabytes(pid).unwrap() > 1.0);
    }
}
