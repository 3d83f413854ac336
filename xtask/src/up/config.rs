//! The configuration file the control plane reads: the user's own, or one with a demo provider.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde_yaml_ng::{Mapping, Value};

const HEADER: &str = "# Written by `cargo xtask up`: the configuration with a demo provider in it.\n\
                      # Copy it, add your own providers and pass it with --config.\n";

/// Environment variable that carries the demo provider's key.
pub(crate) const DEMO_KEY: &str = "TOLLGATE_DEMO_API_KEY";

/// The first one answers chat requests.
const DEMO_MODELS: &[&str] =
    &["gpt-4o-mini", "gpt-4o", "gpt-3.5-turbo-instruct", "text-embedding-3-small"];

/// Where a configuration may have a path, and what stands before it there.
const PATHS: &[(&[&str], &str)] = &[
    (&["filter", "file"], ""),
    (&["server", "gateway", "tls", "certificate_file"], ""),
    (&["server", "gateway", "tls", "private_key_file"], ""),
    (&["server", "control", "listen"], "unix:"),
    (&["database", "url"], "sqlite:"),
];

/// Where the configuration comes from and what it says so far.
pub(crate) struct Source {
    own: Option<PathBuf>,
    seen: Option<SystemTime>,
    content: Mapping,
    demo: Option<Demo>,
}

struct Demo {
    file: PathBuf,
    base_url: String,
}

impl Source {
    /// Reads the user's file, if there is one.
    pub(crate) fn read(own: Option<&Path>) -> Result<Self> {
        let own = own.map(std::path::absolute).transpose()?;
        let content = match &own {
            Some(file) => parse(file)?,
            None => Mapping::new(),
        };
        let seen = own.as_deref().and_then(changed);
        Ok(Self { own, seen, content, demo: None })
    }

    /// Says whether the user named a provider.
    pub(crate) fn has_providers(&self) -> bool {
        has_providers(&self.content)
    }

    /// Adds the demo provider and writes the result to `file`.
    pub(crate) fn add_demo(&mut self, base_url: String, file: PathBuf) -> Result<()> {
        let demo = self.demo.insert(Demo { file, base_url });
        demo.write(self.own.as_deref(), &self.content)
    }

    /// Returns the file the control plane is to read.
    pub(crate) fn file(&self) -> Result<&Path> {
        let demo = self.demo.as_ref().map(|demo| demo.file.as_path());
        demo.or(self.own.as_deref()).context("no configuration")
    }

    /// Writes the merged file again when the user has changed theirs.
    ///
    /// Without a demo provider the control plane watches the user's file itself.
    pub(crate) fn follow(&mut self) -> Result<()> {
        let (Some(own), Some(demo)) = (&self.own, &self.demo) else { return Ok(()) };
        let now = changed(own);
        if now.is_none() || now == self.seen {
            return Ok(());
        }
        self.seen = now;
        self.content = parse(own)?;
        demo.write(Some(own), &self.content)
    }

    /// Says whether the configuration names the filter's file.
    pub(crate) fn names_filter(&self) -> bool {
        self.lookup("filter", Some("file")).is_some()
    }

    /// Returns the name of the environment variable with the master key.
    pub(crate) fn master_key_variable(&self) -> &str {
        let reference = self.lookup("master_key", None).and_then(Value::as_str);
        reference.and_then(|text| text.strip_prefix("env:")).unwrap_or("TOLLGATE_MASTER_KEY")
    }

    /// Returns a model that answers chat requests, for the example.
    pub(crate) fn example_model(&self) -> Option<String> {
        if self.demo.is_some() && !self.has_providers() {
            return DEMO_MODELS.first().map(|&name| name.to_owned());
        }
        let models = self.content.get("models")?.as_sequence()?;
        Some(models.first()?.get("name")?.as_str()?.to_owned())
    }

    /// Says whether clients are to use TLS.
    pub(crate) fn has_tls(&self) -> bool {
        let gateway = self.lookup("server", Some("gateway"));
        gateway.and_then(|gateway| gateway.get("tls")).is_some_and(|tls| !tls.is_null())
    }

    fn lookup(&self, section: &str, field: Option<&str>) -> Option<&Value> {
        let value = self.content.get(section)?;
        match field {
            None => Some(value),
            Some(field) => value.get(field),
        }
        .filter(|value| !value.is_null())
    }
}

impl Demo {
    fn write(&self, own: Option<&Path>, content: &Mapping) -> Result<()> {
        let mut merged = content.clone();
        if let Some(folder) = own.and_then(Path::parent) {
            // Paths start at the folder of the file they stand in, and this is another one.
            for (place, before) in PATHS {
                move_to(&mut merged, place, before, folder);
            }
        }
        if !has_providers(content) {
            merged.insert("providers".into(), self.providers());
            merged.insert("models".into(), demo_models());
        }
        let text = format!("{HEADER}{}", serde_yaml_ng::to_string(&merged)?);
        // Renamed into place: the control plane, which watches it, must not read half a file.
        let fresh = self.file.with_extension("yaml.new");
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, &self.file))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn providers(&self) -> Value {
        let provider = mapping([
            ("id", "demo".into()),
            ("base_url", self.base_url.clone().into()),
            ("credential", format!("env:{DEMO_KEY}").into()),
        ]);
        Value::Sequence(vec![provider])
    }
}

/// Makes the path at this place absolute.
fn move_to(content: &mut Mapping, place: &[&str], before: &str, folder: &Path) {
    let Some((first, rest)) = place.split_first() else { return };
    let mut names = rest.iter();
    let found = content.get_mut(*first);
    let found = found.and_then(|top| names.try_fold(top, |value, name| value.get_mut(*name)));
    let Some(value) = found else { return };
    let path = value.as_str().and_then(|text| text.strip_prefix(before));
    if let Some(path) = path {
        *value = format!("{before}{}", folder.join(path).display()).into();
    }
}

fn demo_models() -> Value {
    let model = |&name: &&str| {
        let target = mapping([("provider", "demo".into()), ("model", name.into())]);
        mapping([("name", name.into()), ("targets", Value::Sequence(vec![target]))])
    };
    Value::Sequence(DEMO_MODELS.iter().map(model).collect())
}

fn mapping<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Mapping(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn has_providers(content: &Mapping) -> bool {
    let providers = content.get("providers").and_then(Value::as_sequence);
    providers.is_some_and(|providers| !providers.is_empty())
}

fn parse(file: &Path) -> Result<Mapping> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    // An empty file, or one with comments only, is a configuration too.
    let content: Option<Mapping> = serde_yaml_ng::from_str(&text)
        .with_context(|| format!("{} is not YAML", file.display()))?;
    Ok(content.unwrap_or_default())
}

fn changed(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|found| found.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str, dir: &Path) -> Source {
        let file = dir.join("own.yaml");
        std::fs::write(&file, text).unwrap();
        Source::read(Some(&file)).unwrap()
    }

    #[test]
    fn adds_the_demo_provider_and_keeps_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let text = "server: { admin: { listen: '127.0.0.1:4001' } }\n\
                    database: { url: 'sqlite:my.db' }\n";
        let mut source = source(text, dir.path());
        let merged = dir.path().join("merged.yaml");

        source.add_demo("http://127.0.0.1:9/v1".to_owned(), merged.clone()).unwrap();

        let merged = parse(&merged).unwrap();
        assert!(has_providers(&merged));
        assert_eq!(merged["server"]["admin"]["listen"], "127.0.0.1:4001");
        assert_eq!(merged["providers"][0]["base_url"], "http://127.0.0.1:9/v1");
        let database = format!("sqlite:{}/my.db", dir.path().display());
        assert_eq!(merged["database"]["url"], database.as_str());
        assert_eq!(source.example_model().as_deref(), Some("gpt-4o-mini"));
    }

    #[test]
    fn follows_the_users_file_while_the_demo_provider_runs() {
        let dir = tempfile::tempdir().unwrap();
        let mut source = source("", dir.path());
        let merged = dir.path().join("merged.yaml");
        source.add_demo("http://127.0.0.1:9/v1".to_owned(), merged.clone()).unwrap();
        let own = dir.path().join("own.yaml");
        std::fs::write(&own, "providers: [{ id: mine, base_url: 'http://x' }]").unwrap();
        source.seen = None;

        source.follow().unwrap();

        assert_eq!(parse(&merged).unwrap()["providers"][0]["id"], "mine");
    }

    #[test]
    fn finds_out_what_the_file_sets() {
        let dir = tempfile::tempdir().unwrap();
        let text = "master_key: env:MY_KEY\nfilter: { file: x.wasm }\nproviders: []\n";
        let source = source(text, dir.path());

        assert_eq!(source.master_key_variable(), "MY_KEY");
        assert!(source.names_filter());
        assert!(!source.has_providers());
        assert_eq!(source.file().unwrap(), dir.path().join("own.yaml"));
    }
}
