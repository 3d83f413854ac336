//! `tollgate spend`: who spent how much over some days.

use clap::{Args, ValueEnum};
use hyper::Method;
use serde_json::{Value, json};

use super::Reach;
use super::client::{Client, Failure};
use super::table::{self, Column};
use crate::clock::{Clock as _, SystemClock};

/// Shows what was spent.
#[derive(Debug, Args)]
pub(crate) struct Spend {
    /// By whom it is shown.
    #[arg(long, value_enum, default_value = "team")]
    by: By,
    /// The first day, such as 2026-11-01. Without it: the first of this month.
    #[arg(long, value_name = "DAY")]
    start: Option<String>,
    /// The last day. Without it: today.
    #[arg(long, value_name = "DAY")]
    end: Option<String>,
    #[command(flatten)]
    pub(super) reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Team,
    Customer,
    Key,
}

impl Spend {
    /// Asks for the sums, dearest first.
    pub(super) async fn ask(&self, client: &Client) -> Result<Vec<Value>, Failure> {
        let today = today();
        let first = today.replace_day(1).unwrap_or(today);
        let start = self.start.clone().unwrap_or_else(|| first.to_string());
        let end = self.end.clone().unwrap_or_else(|| today.to_string());
        let group = match self.by {
            By::Team => "team",
            By::Customer => "customer",
            By::Key => "api_key",
        };
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("start_date", &start)
            .append_pair("end_date", &end)
            .append_pair("group_by", group)
            .finish();
        let path = format!("/global/spend/report?{query}");
        let answer = client.ask(Method::GET, &path, None).await?;
        Ok(self.sums(&answer))
    }

    /// Writes them as a table.
    pub(super) fn shown(&self, rows: &[Value]) -> String {
        let title = match self.by {
            By::Team => "TEAM",
            By::Customer => "CUSTOMER",
            By::Key => "KEY",
        };
        table::of_rows(&[Column(title, "/name"), Column("SPEND", "/spend")], rows)
    }

    /// Adds up what the report has of each by day, or by model.
    fn sums(&self, report: &Value) -> Vec<Value> {
        let (list, name, spend) = match self.by {
            By::Team => ("teams", "team_name", "total_spend"),
            By::Customer => ("customers", "customer", "total_spend"),
            By::Key => ("", "api_key", "total_cost"),
        };
        let mut sums: Vec<(String, f64)> = Vec::new();
        for entry in report.as_array().into_iter().flatten() {
            let parts = entry.get(list).and_then(Value::as_array);
            for part in parts.map_or(std::slice::from_ref(entry), Vec::as_slice) {
                let name = part.get(name).and_then(Value::as_str).unwrap_or_default();
                let spent = part.get(spend).and_then(Value::as_f64).unwrap_or_default();
                match sums.iter_mut().find(|(known, _)| known == name) {
                    Some((_, sum)) => *sum += spent,
                    None => sums.push((name.to_owned(), spent)),
                }
            }
        }
        sums.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let rounded = |sum: f64| (sum * 1e9).round() / 1e9;
        sums.into_iter().map(|(name, sum)| json!({"name": name, "spend": rounded(sum)})).collect()
    }
}

/// Returns the day that it is in UTC.
fn today() -> time::Date {
    let now = i128::from(SystemClock.now().as_micros()) * 1_000;
    let now = time::OffsetDateTime::from_unix_timestamp_nanos(now);
    now.unwrap_or(time::OffsetDateTime::UNIX_EPOCH).date()
}
