//! Which models are tried after others.

/// Fallbacks by the model that they are for.
#[derive(Debug, Default)]
pub(super) struct Fallbacks {
    /// Model and where it says so, then what is tried.
    pub(super) of: Vec<(String, String, Vec<String>)>,
    /// What is tried for models that have none of their own.
    pub(super) default: Vec<String>,
}

impl Fallbacks {
    /// Returns what is tried after a model, and where that is written.
    pub(super) fn of(&self, model: &str) -> (Option<&str>, Vec<&str>) {
        let own: Vec<_> = self.of.iter().filter(|(name, ..)| name == model).collect();
        let place = own.first().map(|(_, place, _)| place.as_str());
        let models: Vec<&str> = own.iter().flat_map(|(.., it)| it).map(String::as_str).collect();
        if models.is_empty() {
            return (None, self.default.iter().map(String::as_str).collect());
        }
        (place, models)
    }
}
