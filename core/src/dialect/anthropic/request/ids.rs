//! Ids that tie results to calls, in the alphabet that the API takes.

use crate::json::node::Text;

/// Makes ids for calls of dialects without them, and hands the same out to their results: those
/// come in the order of the calls.
#[derive(Debug, Default)]
pub(super) struct Ids {
    calls: u32,
    results: u32,
}

impl Ids {
    /// Begins a turn of the model's: calls before it that were not answered stay so.
    pub(super) fn next_turn(&mut self) {
        self.results = self.calls;
    }

    /// Returns the id of a call.
    pub(super) fn of_call(&mut self, id: &Text<'_>) -> Text<'static> {
        accepted(id).unwrap_or_else(|| {
            self.calls += 1;
            made(self.calls)
        })
    }

    /// Returns the id of the call that a result belongs to.
    pub(super) fn of_result(&mut self, id: &Text<'_>) -> Text<'static> {
        accepted(id).unwrap_or_else(|| {
            self.results += 1;
            made(self.results)
        })
    }
}

fn made(count: u32) -> Text<'static> {
    Text::of(&format!("toolu_{count:08}"))
}

/// Returns an id with nothing but letters, digits, `_` and `-`. `None`: there is none.
fn accepted(id: &Text<'_>) -> Option<Text<'static>> {
    if id.is_empty() {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let plain = id.decoded().replace(|c| !is_plain(c), "_");
    Some(Text::of(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_get_the_ids_of_their_calls_in_order() {
        let (none, mut ids) = (Text::default(), Ids::default());
        let unanswered = ids.of_call(&none);
        ids.next_turn();
        let calls = [ids.of_call(&none), ids.of_call(&none)];

        assert_eq!([ids.of_result(&none), ids.of_result(&none)], calls);
        assert_ne!(calls[0], unanswered);
    }

    #[test]
    fn keeps_ids_within_the_alphabet() {
        let mut ids = Ids::default();

        assert_eq!(ids.of_call(&Text::of("toolu_01-A")), "toolu_01-A");
        assert_eq!(ids.of_call(&Text::of("functions.get:0")), "functions_get_0");
        assert_eq!(ids.of_result(&Text::of("functions.get:0")), "functions_get_0");
    }
}
