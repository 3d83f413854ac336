//! Notices that the configuration file changed.
//!
//! Editors replace files by renaming, Kubernetes by swapping a symbolic link next to them, so
//! the folders are watched, and what happened there is not looked at: whether the content is
//! another one decides.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Tells of every new content of one file.
pub struct FileWatch {
    file: PathBuf,
    last: Option<Vec<u8>>,
    events: mpsc::Receiver<()>,
    /// Stops watching when it is dropped.
    _watcher: RecommendedWatcher,
}

impl FileWatch {
    /// Begins to watch. The content of this moment is not told.
    ///
    /// # Errors
    /// When the system cannot watch the folder.
    pub fn start(file: &Path) -> notify::Result<Self> {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let (sender, events) = mpsc::channel(1);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // Reading the file is an event as well, and would go on for ever.
                if event.is_ok_and(|event| event.kind.is_access()) {
                    return;
                }
                // A full channel says that a look is due already.
                let _ = sender.try_send(());
            })?;
        for folder in folders(&file) {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        }
        let last = std::fs::read(&file).ok();
        Ok(Self { file, last, events, _watcher: watcher })
    }

    /// Waits for another content. A file that is gone for the moment is waited for.
    pub async fn changed(&mut self) {
        while self.events.recv().await.is_some() {
            // Whoever writes the file in pieces gets the time to finish.
            tokio::time::sleep(SETTLE).await;
            while self.events.try_recv().is_ok() {}
            let content = tokio::fs::read(&self.file).await.ok();
            if content.is_some() && content != self.last {
                self.last = content;
                return;
            }
        }
        std::future::pending::<()>().await;
    }
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
        let mut watch = FileWatch::start(&file).unwrap();

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
        let mut watch = FileWatch::start(&at("config.yaml")).unwrap();

        std::os::unix::fs::symlink("two", at("..new")).unwrap();
        std::fs::rename(at("..new"), at("..data")).unwrap();

        assert!(changed(&mut watch).await);
    }
}
