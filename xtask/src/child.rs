//! Long-running programs: started with their output in files, stopped politely, never left behind.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

const STEP: Duration = Duration::from_millis(20);

/// A program that runs beside us; dropping it ends it.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    stdout: PathBuf,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it writes goes to `<name>.out` and `<name>.log` in `logs`.
    pub(crate) fn start(name: &'static str, command: &mut Command, logs: &Path) -> Result<Self> {
        let stdout = logs.join(format!("{name}.out"));
        let log = logs.join(format!("{name}.log"));
        let file = |path: &Path| {
            File::create(path).with_context(|| format!("cannot write {}", path.display()))
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(file(&stdout)?)
            .stderr(file(&log)?)
            // Ctrl-C goes to our group only: we decide in which order the others end.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, stdout, log })
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the first line on stdout.
    pub(crate) fn first_line(&mut self, patience: Duration) -> Result<String> {
        let name = self.name;
        let stdout = self.stdout.clone();
        self.wait_for(patience, &format!("{name} to say that it is ready"), || {
            let said = std::fs::read_to_string(&stdout).unwrap_or_default();
            said.split_once('\n').map(|(line, _)| line.to_owned())
        })
    }

    /// Asks again and again until there is an answer, the program ends or patience runs out.
    pub(crate) fn wait_for<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut ask: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + patience;
        loop {
            if let Some(answer) = ask() {
                return Ok(answer);
            }
            self.check()?;
            if Instant::now() > end {
                bail!("waited {}s for {what}\n{}", patience.as_secs(), self.last_words());
            }
            std::thread::sleep(STEP);
        }
    }

    /// Fails when the program has ended, with the last it said.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}\n{}", self.name, self.last_words());
        }
        Ok(())
    }

    /// Sends SIGTERM, waits, and kills what does not end in time. Says whether it ended well.
    pub(crate) fn stop(&mut self, patience: Duration) -> bool {
        self.terminate();
        let end = Instant::now() + patience;
        while Instant::now() < end {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => std::thread::sleep(STEP),
                Err(_) => break,
            }
        }
        self.child.kill().ok();
        self.child.wait().ok();
        false
    }

    fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).ok();
    }

    fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let mut lines: Vec<_> = log.lines().rev().take(15).collect();
        lines.reverse();
        format!("--- {} ends with\n{}", self.log.display(), lines.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, logs: &Path) -> Process {
        Process::start("sh", Command::new("sh").args(["-c", script]), logs).unwrap()
    }

    #[test]
    fn returns_the_first_line() {
        let logs = tempfile::tempdir().unwrap();
        let mut process = shell("echo ready; sleep 60", logs.path());

        assert_eq!(process.first_line(Duration::from_secs(10)).unwrap(), "ready");
    }

    #[test]
    fn reports_what_a_dead_program_said_last() {
        let logs = tempfile::tempdir().unwrap();
        let mut process = shell("echo broken port >&2; exit 3", logs.path());

        let error = process.first_line(Duration::from_secs(10)).unwrap_err().to_string();

        assert!(error.contains("broken port") && error.contains('3'), "{error}");
    }

    #[test]
    fn stops_politely_first() {
        let logs = tempfile::tempdir().unwrap();
        let script = "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done";
        let mut process = shell(script, logs.path());
        process.first_line(Duration::from_secs(10)).unwrap();

        assert!(process.stop(Duration::from_secs(10)));
    }
}
