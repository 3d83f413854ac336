//! Notices that the configuration file, or a file it names, changed.
//!
//! Editors replace files by renaming, Kubernetes by swapping a symbolic link next to them, so
//! the folders are watched, and what happened there is not looked at: whether the content is
//! another one decides.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

/// Tells of every new content of some files.
pub struct FileWatch {
    files: Vec<Seen>,
    folders: BTreeSet<PathBuf>,
    events: mpsc::Receiver<()>,
    /// Stops watching when it is dropped.
    watcher: RecommendedWatcher,
}

/// A file and the digest of its content, which may be a secret.
struct Seen {
    file: PathBuf,
    content: Option<[u8; 32]>,
}

impl FileWatch {
    /// Begins to watch. The content of this moment is not told.
    ///
    /// # Errors
    /// When the system cannot watch a folder.
    pub fn start(files: Vec<PathBuf>) -> notify::Result<Self> {
        let (sender, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading the file is an event as well, and would go on for ever.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            // A full channel says that a look is due already.
            let _ = sender.try_send(());
        })?;
        let mut watch = Self { files: Vec::new(), folders: BTreeSet::new(), events, watcher };
        watch.follow(files)?;
        Ok(watch)
    }

    /// Watches these files from now on. The present content of new ones is not told.
    ///
    /// # Errors
    /// When the system cannot watch a folder.
    pub fn follow(&mut self, files: Vec<PathBuf>) -> notify::Result<()> {
        let absolute = |file: PathBuf| std::path::absolute(&file).unwrap_or(file);
        let files: Vec<PathBuf> = files.into_iter().map(absolute).collect();
        let wanted: BTreeSet<PathBuf> = files.iter().flat_map(|file| folders(file)).collect();
        for folder in wanted.difference(&self.folders) {
            self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        for folder in self.folders.difference(&wanted) {
            // A folder that is gone is watched no more anyway.
            let _ = self.watcher.unwatch(folder);
        }
        self.folders = wanted;
        self.files.retain(|seen| files.contains(&seen.file));
        for file in files {
            if !self.files.iter().any(|seen| seen.file == file) {
                self.files.push(Seen { content: digest(&file), file });
            }
        }
        Ok(())
    }

    /// Waits for another content. A file that is gone for the moment is waited for.
    pub async fn changed(&mut self) {
        while self.events.recv().await.is_some() {
            // Whoever writes a file in pieces, or several files, gets the time to finish.
            tokio::time::sleep(SETTLE).await;
            while self.events.try_recv().is_ok() {}
            let mut changed = false;
            for seen in &mut self.files {
                let content = digest(&seen.file);
                if content.is_some() && content != seen.content {
                    seen.content = content;
                    changed = true;
                }
            }
            if changed {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

fn digest(file: &Path) -> Option<[u8; 32]> {
    std::fs::read(file).ok().map(|content| Sha256::digest(content).into())
}

/// The folder of the file, and the one of the file behind it when it is a link.
fn folders(file: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = file.parent().map(Path::to_owned).into_iter().collect();
    let real = file.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned));
    folders.extend(real.filter(|real| !folders.contains(real)));
    folders
}

const SETTLE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    async fn changed(watch: &mut FileWatch) -> bool {
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn notices_a_rename_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, "a").unwrap();
        let mut watch = FileWatch::start(vec![file.clone()]).unwrap();

        std::fs::write(folder.path().join("new"), "b").unwrap();
        std::fs::rename(folder.path().join("new"), &file).unwrap();

        assert!(changed(&mut watch).await);
    }

    #[tokio::test]
    async fn notices_a_swapped_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (data, content) in [("one", "a"), ("two", "b")] {
            std::fs::create_dir(at(data)).unwrap();
            std::fs::write(at(data).join("config.yaml"), content).unwrap();
        }
        std::os::unix::fs::symlink("one", at("..data")).unwrap();
        std::os::unix::fs::symlink("..data/config.yaml", at("config.yaml")).unwrap();
        let mut watch = FileWatch::start(vec![at("config.yaml")]).unwrap();

        std::os::unix::fs::symlink("two", at("..new")).unwrap();
        std::fs::rename(at("..new"), at("..data")).unwrap();

        assert!(changed(&mut watch).await);
    }

    #[tokio::test]
    async fn notices_files_that_are_followed_later() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (config, key) = (folder.path().join("config.yaml"), other.path().join("key.pem"));
        std::fs::write(&config, "a").unwrap();
        let mut watch = FileWatch::start(vec![config.clone()]).unwrap();

        watch.follow(vec![config, key.clone()]).unwrap();
        std::fs::write(&key, "k").unwrap();

        assert!(changed(&mut watch).await);
    }
}
