//! Which models are tried after others.

use serde_yaml_ng::Value;

use crate::config::foreign::fallbacks::Fallbacks;
use crate::config::foreign::fields::{Section, text};
use crate::config::foreign::litellm::settings::Settings;
use crate::config::foreign::notes::Notes;

impl Fallbacks {
    /// Reads what both sections say.
    pub(super) fn of_settings(settings: &Settings<'_>, notes: &Notes) -> Self {
        let mut fallbacks = Self::default();
        for section in [&settings.router, &settings.library] {
            fallbacks.take(section, "fallbacks", notes);
            fallbacks.take_longer(section, notes);
            fallbacks.default.extend(section.texts("default_fallbacks"));
        }
        fallbacks
    }

    fn take(&mut self, section: &Section<'_>, name: &str, notes: &Notes) {
        for (at, entry) in section.list(name).iter().enumerate() {
            let place = format!("{}[{at}]", section.at(name));
            let entry = Section::new(place, entry, notes);
            for (model, tried) in entry.entries() {
                let place = entry.at(&model);
                let tried = names(tried, &place, notes);
                if model == "*" {
                    self.default.extend(tried);
                } else {
                    self.of.push((model, place, tried));
                }
            }
        }
    }

    /// Takes fallbacks for prompts that are too long: here they serve every failure.
    fn take_longer(&mut self, section: &Section<'_>, notes: &Notes) {
        let before = self.of.len();
        self.take(section, "context_window_fallbacks", notes);
        for (_, place, _) in self.of.iter().skip(before) {
            let message = "tried after every failure, and first where the prompt is longer than \
                           the others hold";
            notes.changed(place.clone(), message);
        }
    }
}

fn names(tried: &Value, place: &str, notes: &Notes) -> Vec<String> {
    let list = tried.as_sequence().map_or(std::slice::from_ref(tried), Vec::as_slice);
    let read = list.iter().enumerate().filter_map(|(at, entry)| {
        let name = text(entry).or_else(|| text(entry.get("model")?));
        if entry.is_mapping() || name.is_none() {
            let message = "other fields than the model are not replaced in a fallback";
            notes.changed(format!("{place}[{at}]"), message);
        }
        name
    });
    read.collect()
}
