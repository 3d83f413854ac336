//! Temporary folders that go away even when the tests are killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes a fresh folder. It is removed some seconds after this process has ended: statics are
/// never dropped, so the removal is left to a shell that waits for the end of its input.
pub(crate) fn fresh(purpose: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = root().join(format!("{number}-{purpose}"));
    std::fs::create_dir_all(&path).expect("cannot make a temporary folder");
    path
}

fn root() -> &'static Path {
    static ROOT: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (path, _) = ROOT.get_or_init(|| {
        // A short path: the name of a Unix socket may not be longer than 107 bytes.
        let path = tempfile::Builder::new().prefix("tge2e-").tempdir().unwrap().keep();
        let remover = Command::new("sh")
            .args(["-c", "cat; sleep 7; rm -rf \"$1\"", "remover"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("cannot start sh");
        (path, remover)
    });
    path
}
