//! Error answers of all providers: what is read from them, and what follows for the account.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tollgate_core::headers::Headers;
use tollgate_core::routing::Health;
use tollgate_core::routing::failure::{Failure, Next, classify};
use tollgate_proto::v1::{HealthMark, HealthState};

use crate::stand::{NOW_US, SECOND_US, fail, target};

#[test]
fn every_error_is_read_and_has_its_consequence() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/failures");
    let mut table = String::new();
    for provider in sorted(&folder) {
        for case in sorted(&provider) {
            let (status, failure) = read(&fs::read_to_string(&case).unwrap());
            let name = case.strip_prefix(&folder).unwrap().with_extension("");
            let name = name.to_str().unwrap();
            writeln!(table, "{name:38} {status} {}", consequence(failure)).unwrap();
        }
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("verdicts", table));
}

/// Reads a case: status, headers, an empty line, body.
fn read(case: &str) -> (u16, Failure) {
    let (head, body) = case.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().parse().unwrap();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name, value.as_bytes()))
        .collect();
    (status, classify(status, Headers(&headers), body.as_bytes(), NOW_US))
}

fn consequence(failure: Failure) -> String {
    let next = match failure.next() {
        Next::Any => "any",
        Next::Larger => "larger",
        Next::None => "none",
    };
    let marks = match marks(failure).as_slice() {
        [] => String::new(),
        [mark] => {
            let scope = if mark.model.is_empty() { "account" } else { "model" };
            let state = match mark.state() {
                HealthState::Cooling => "cooling",
                HealthState::Open => "open",
                HealthState::Refused => "refused",
                HealthState::Unspecified => "in rotation",
            };
            #[expect(clippy::cast_precision_loss, reason = "seconds, for people")]
            let seconds = (mark.until_us - NOW_US) as f64 / SECOND_US as f64;
            format!("{scope} {state} {seconds:.3} s")
        }
        several => panic!("{several:?}"),
    };
    let line = format!("{:18} next: {next:6} {marks}", failure.name());
    line.trim_end().to_owned()
}

/// Returns what one failure alone tells the others.
fn marks(failure: Failure) -> Vec<HealthMark> {
    fail(&mut Health::default(), &Rc::new(target("p/a")), failure, NOW_US)
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| !path.ends_with("verdicts.snap")).collect();
    found.sort();
    found
}
