//! Which limits a request meets.

use std::rc::Rc;

use super::{Model, Provider, Snapshot};
use crate::meter::Meter;

impl Snapshot {
    /// Returns the limits that a request for a model meets: `of_key` of those, the model's, the
    /// tags', and those of the provider that it goes to.
    pub fn meters(
        &self,
        of_key: &[Rc<Meter>],
        tags: &[String],
        model: &Model,
        provider: Option<&Provider>,
    ) -> Vec<Rc<Meter>> {
        let of_tags = if self.tag_meters.is_empty() { &[] } else { tags };
        of_key
            .iter()
            .chain(&model.meters)
            .chain(provider.iter().flat_map(|provider| &provider.meters))
            .chain(of_tags.iter().filter_map(|tag| self.tag_meters.get(tag)).flatten())
            .filter(|meter| meter.counts(&model.name))
            .map(Rc::clone)
            .collect()
    }
}
