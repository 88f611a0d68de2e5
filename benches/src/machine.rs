//! The machine a result was measured on, and what built the program. It must not know what is
//! measured.

use std::fs;

use crate::json::Value;

/// The machine, the compiler and the build.
///
/// ```
/// let machine = filch_bench::machine::Machine::read();
/// assert!(machine.line().contains("rustc"));
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    /// The model name of the processor.
    pub cpu: String,
    /// How many hardware threads this process may use.
    pub cores: u64,
    /// The operating system.
    pub system: &'static str,
    /// The release of its kernel.
    pub kernel: String,
    /// The version of the compiler.
    pub rustc: &'static str,
    /// The version of filch.
    pub version: &'static str,
    /// The commit that was built, `unknown` outside a checkout.
    pub commit: &'static str,
}

impl Machine {
    /// Reads the machine; what cannot be read is `unknown`.
    ///
    /// ```
    /// assert!(filch_bench::machine::Machine::read().cores >= 1);
    /// ```
    pub fn read() -> Machine {
        Machine {
            cpu: cpu().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
            system: std::env::consts::OS,
            kernel: kernel().unwrap_or_else(|| "unknown".to_owned()),
            rustc: env!("FILCH_BENCH_RUSTC"),
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("FILCH_BENCH_COMMIT"),
        }
    }

    /// How the program was built.
    ///
    /// ```
    /// assert!(["debug", "release"].contains(&filch_bench::machine::Machine::profile()));
    /// ```
    pub fn profile() -> &'static str {
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        }
    }

    /// One line for the corner of a plot or the head of an output.
    ///
    /// ```
    /// println!("{}", filch_bench::machine::Machine::read().line());
    /// ```
    pub fn line(&self) -> String {
        let cores = if self.cores == 1 { "core" } else { "cores" };
        format!(
            "{}, {} {cores}, {} {}, rustc {}, {}, commit {}",
            self.cpu,
            self.cores,
            self.system,
            self.kernel,
            self.rustc,
            Machine::profile(),
            self.commit
        )
    }

    /// What makes a measurement on this machine doubtful just now, one sentence each.
    ///
    /// ```
    /// for warning in filch_bench::machine::Machine::read().warnings() {
    ///     eprintln!("warning: {warning}");
    /// }
    /// ```
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(load) = load().filter(|load| *load > self.cores as f64) {
            warnings.push(format!(
                "the load is {load:.1} on {} cores: expect noise",
                self.cores
            ));
        }
        if read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").as_deref()
            == Some("powersave")
        {
            warnings.push("the CPU governor is `powersave`: expect slow and uneven times".into());
        }
        warnings
    }

    /// The machine for a report.
    ///
    /// ```
    /// let json = filch_bench::machine::Machine::read().json().to_string();
    /// assert!(json.starts_with(r#"{"cpu":"#));
    /// ```
    pub fn json(&self) -> Value {
        Value::Map(vec![
            ("cpu", self.cpu.as_str().into()),
            ("cores", self.cores.into()),
            ("system", self.system.into()),
            ("kernel", self.kernel.as_str().into()),
            ("rustc", self.rustc.into()),
            ("commit", self.commit.into()),
        ])
    }
}

/// The load of the last minute: how many threads of all processes ran or waited for a processor,
/// on average. `None` where the system does not tell.
///
/// ```
/// if let Some(load) = filch_bench::machine::load() {
///     assert!(load >= 0.0);
/// }
/// ```
pub fn load() -> Option<f64> {
    read("/proc/loadavg")?.split(' ').next()?.parse().ok()
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn kernel() -> Option<String> {
    #[cfg(unix)]
    {
        Some(
            rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
        )
    }
    #[cfg(not(unix))]
    None
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_machine_and_build() {
        let machine = Machine::read();
        let line = machine.line();
        for part in [
            machine.cpu.as_str(),
            &machine.kernel,
            machine.rustc,
            machine.commit,
        ] {
            assert!(line.contains(part), "{part} is missing in {line}");
        }
        assert!(!machine.rustc.is_empty() && machine.rustc != "unknown");
    }

    #[test]
    fn a_crowded_machine_is_warned_of() {
        let mut machine = Machine::read();
        machine.cores = 0;
        // With no core at all any load is too much; without a load there is nothing to warn of.
        if load().is_some_and(|load| load > 0.0) {
            assert!(
                machine
                    .warnings()
                    .iter()
                    .any(|warning| warning.contains("load"))
            );
        }
    }
}
