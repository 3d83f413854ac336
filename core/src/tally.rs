//! What happened since the host last looked, for its metrics.
//!
//! Requests add up here, in memory, and cost no call to the host; it takes the sums with its tick.
//! Labels are written into the name, as [`Tally::take`] says: hosts have no other place for them.

use std::collections::BTreeMap;

use tollgate_proto::v1 as proto;

/// Sums by provider and model.
#[derive(Debug, Default)]
pub struct Tally {
    /// In order of provider and model.
    targets: Vec<Target>,
    refusals: BTreeMap<&'static str, u64>,
}

/// A provider and the name under which clients know its model.
#[derive(Debug)]
struct Target {
    provider: String,
    model: String,
    totals: Totals,
}

/// What was asked of a target.
#[derive(Debug, Default)]
struct Totals {
    /// By hundreds of the status; 0: the client left before there was one.
    answers: [u64; 6],
    aborted: u64,
    input_tokens: u64,
    output_tokens: u64,
    cost_nanos: u64,
    dropped_fields: u64,
}

impl Tally {
    /// Adds a request that is over.
    pub fn ended(&mut self, record: &proto::UsageRecord) {
        let provider = record.provider.as_deref().unwrap_or(OTHER);
        let Some(totals) = self.totals(provider, &record.model) else { return };
        let class = usize::try_from(record.status / 100).unwrap_or(0);
        if let Some(answers) = totals.answers.get_mut(class) {
            *answers += 1;
        }
        totals.aborted += u64::from(record.aborted);
        let tokens = record.tokens.unwrap_or_default();
        totals.input_tokens = totals.input_tokens.saturating_add(tokens.input);
        totals.output_tokens = totals.output_tokens.saturating_add(tokens.output);
        let cost = u64::try_from(record.cost_nanos).unwrap_or(0);
        totals.cost_nanos = totals.cost_nanos.saturating_add(cost);
    }

    /// Counts fields of a request that its provider's dialect could not carry.
    pub fn dropped(&mut self, provider: &str, model: &str, fields: u64) {
        if fields > 0
            && let Some(totals) = self.totals(provider, model)
        {
            totals.dropped_fields = totals.dropped_fields.saturating_add(fields);
        }
    }

    /// Adds a request that was refused, by the code that the client got.
    pub fn refused(&mut self, code: &'static str) {
        *self.refusals.entry(code).or_default() += 1;
    }

    /// Hands out what was added since the last call: names with their labels, and by how much they
    /// grew.
    ///
    /// `tollgate.requests.provider=openai;.model=gpt-4o;.status=2xx;`: each label is
    /// `.name=value;`, and no value holds a semicolon.
    pub fn take(&mut self, mut each: impl FnMut(&str, u64)) {
        for Target { provider, model, totals } in &mut self.targets {
            let totals = std::mem::take(totals);
            if totals.answers != [0; 6] {
                totals.tell(
                    &format!(".provider={};.model={};", plain(provider), plain(model)),
                    &mut each,
                );
            }
        }
        for (code, count) in std::mem::take(&mut self.refusals) {
            each(&format!("tollgate.refusals.code={code};"), count);
        }
    }

    /// Finds the sums of a target. Hosts never forget a name, so only so many get one.
    fn totals(&mut self, provider: &str, model: &str) -> Option<&mut Totals> {
        let place = match self.place(provider, model) {
            Err(place) if self.targets.len() < MOST_TARGETS => self.add(place, provider, model),
            Err(_) => match self.place(OTHER, OTHER) {
                Ok(place) => place,
                Err(place) => self.add(place, OTHER, OTHER),
            },
            Ok(place) => place,
        };
        self.targets.get_mut(place).map(|target| &mut target.totals)
    }

    fn place(&self, provider: &str, model: &str) -> Result<usize, usize> {
        self.targets.binary_search_by(|target| {
            (target.provider.as_str(), target.model.as_str()).cmp(&(provider, model))
        })
    }

    fn add(&mut self, place: usize, provider: &str, model: &str) -> usize {
        let (provider, model) = (provider.to_owned(), model.to_owned());
        self.targets.insert(place, Target { provider, model, totals: Totals::default() });
        place
    }
}

impl Totals {
    fn tell(self, target: &str, each: &mut impl FnMut(&str, u64)) {
        let mut tell = |name: &str, label: &str, count: u64| {
            if count > 0 {
                each(&format!("tollgate.{name}{target}{label}"), count);
            }
        };
        for (class, count) in self.answers.into_iter().enumerate() {
            let status = if class == 0 { "none".to_owned() } else { format!("{class}xx") };
            tell("requests", &format!(".status={status};"), count);
        }
        tell("aborted_requests", "", self.aborted);
        tell("tokens", ".kind=input;", self.input_tokens);
        tell("tokens", ".kind=output;", self.output_tokens);
        tell("cost_nanodollars", "", self.cost_nanos);
        tell("dropped_fields", "", self.dropped_fields);
    }
}

/// Keeps a value from ending its label.
fn plain(value: &str) -> String {
    value.replace(|c: char| c == ';' || c.is_control(), "_")
}

const MOST_TARGETS: usize = 256;
const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;

    fn record(provider: &str, model: &str, status: u32) -> proto::UsageRecord {
        proto::UsageRecord {
            provider: Some(provider.to_owned()),
            model: model.to_owned(),
            status,
            tokens: Some(proto::TokenUsage { input: 3, output: 2, ..Default::default() }),
            cost_nanos: 7,
            ..Default::default()
        }
    }

    fn taken(tally: &mut Tally) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        tally.take(|name, count| all.push((name.to_owned(), count)));
        all
    }

    #[test]
    fn adds_up_by_labels_and_hands_each_sum_out_once() {
        let mut tally = Tally::default();
        tally.ended(&record("p", "team/m-1.5", 200));
        tally.ended(&proto::UsageRecord { aborted: true, ..record("p", "team/m-1.5", 200) });
        tally.ended(&record("p", "team/m-1.5", 0));
        tally.refused("key_blocked");

        let of = |name: &str, label: &str| {
            format!("tollgate.{name}.provider=p;.model=team/m-1.5;{label}")
        };
        let expected = [
            (of("requests", ".status=none;"), 1),
            (of("requests", ".status=2xx;"), 2),
            (of("aborted_requests", ""), 1),
            (of("tokens", ".kind=input;"), 9),
            (of("tokens", ".kind=output;"), 6),
            (of("cost_nanodollars", ""), 21),
            ("tollgate.refusals.code=key_blocked;".to_owned(), 1),
        ];
        assert_eq!(taken(&mut tally), expected);
        assert_eq!(taken(&mut tally), []);
    }

    #[test]
    fn names_are_bounded_and_values_end_no_label() {
        let mut tally = Tally::default();
        for number in 0..MOST_TARGETS * 2 {
            tally.ended(&record("p", &format!("m;.status=9xx;{number}"), 200));
        }

        let all = taken(&mut tally);

        let requests: Vec<_> = all.iter().filter(|(name, _)| name.contains("requests")).collect();
        assert_eq!(requests.len(), MOST_TARGETS + 1);
        assert_eq!(requests.iter().map(|(_, count)| count).sum::<u64>(), 2 * MOST_TARGETS as u64);
        assert!(all.iter().all(|(name, _)| name.matches(';').count() <= 3), "{all:?}");
    }
}
