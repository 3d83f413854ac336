//! Cases as files: a folder each, below `core/cases`, with what is read and, beside it, what was
//! made of it. `INSTA_UPDATE=always` writes the latter anew.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder with files such as `request.json`.
pub(crate) struct Case {
    folder: PathBuf,
}

/// Returns the cases of a dialect.
pub(crate) fn of(dialect: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(dialect);
    let mut folders: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.into_iter().map(|folder| Case { folder }).collect()
}

impl Case {
    /// Returns a file of it, if it is there.
    pub(crate) fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name)).ok()
    }

    /// Compares what was made with the file beside it.
    pub(crate) fn shows(&self, name: &str, made: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&self.folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, made));
    }
}
