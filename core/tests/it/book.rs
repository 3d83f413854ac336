//! A control plane of a few lines, for what happens around limits.

use prost::Message;
use tollgate_core::exchange::{Flow, Input};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::{Dimension, MeterGrant, Outlook};

use crate::driver::Host;

pub(crate) const CHAT: &str = r#"{"model":"gpt","messages":[]}"#;
pub(crate) const JSON: &[(&str, &str)] =
    &[(":status", "200"), ("content-type", "application/json")];

/// The control plane's side: one meter, one holder.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) limit: i64,
    pub(crate) used: i64,
    pub(crate) held: i64,
    pub(crate) reports: u32,
    pub(crate) resets_in_ms: u32,
}

impl Book {
    pub(crate) fn of(limit: i64) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Answers the report that is due, if one is.
    pub(crate) fn answer(&mut self, host: &mut Host) -> Option<proto::ReportRequest> {
        let now = host.now;
        let report = host.gateway.next_report(now)?;
        let report = proto::ReportRequest::decode(&*report).unwrap();
        self.reports += 1;
        let debits = report.records.iter().flat_map(|record| &record.debits);
        self.used += debits.map(|debit| debit.amount).sum::<i64>();
        let mut grants = Vec::new();
        for state in &report.meters {
            self.used += state.consumed;
            self.held = state.idle + state.reserved;
            let left = self.limit - self.used - self.held;
            let granted = if left >= state.need { left.min(state.want) } else { 0 };
            self.held += granted;
            let short = granted < state.need;
            grants.push(MeterGrant {
                meter: state.meter,
                granted,
                left: left + state.idle,
                limit: self.limit,
                used: self.used,
                resets_in_ms: self.resets_in_ms,
                outlook: if short { Outlook::Exhausted } else { Outlook::Unspecified }.into(),
            });
        }
        let answer = proto::ReportResponse { acknowledged: 0, grants };
        host.gateway.report_answered(&answer.encode_to_vec(), now);
        Some(report)
    }
}

pub(crate) fn limited(dimension: Dimension) -> proto::KeyPolicy {
    let meter = proto::Meter {
        id: 9,
        scope: proto::Scope::Key.into(),
        name: "sk-...test".into(),
        dimension: dimension.into(),
        limit: 1,
        ..proto::Meter::default()
    };
    proto::KeyPolicy { meters: vec![meter], ..proto::KeyPolicy::default() }
}

/// Sends one request with a new key and returns the body that reached the provider.
pub(crate) fn one(
    host: &mut Host,
    book: &mut Book,
    body: &str,
    answer: &str,
) -> Result<String, String> {
    let mut run = host.begin();
    let mut flow = run.client_sends("/v1/chat/completions", &[], body);
    if flow == Flow::Pause && run.reply.is_none() {
        let exchange = run.park();
        book.answer(host);
        run = host.resume(exchange);
        flow = run.hand(Input::UnitsMoved);
    }
    if let Some(reply) = &run.reply {
        return Err(String::from_utf8(reply.body.clone()).unwrap());
    }
    assert_eq!(flow, Flow::Continue);
    run.reaches_provider();
    let sent = run.request.text().to_owned();
    run.provider_answers(JSON, answer.as_bytes(), 1000);
    run.ends();
    book.answer(host);
    Ok(sent)
}

pub(crate) fn answer(input: u64, output: u64) -> String {
    format!(r#"{{"usage":{{"prompt_tokens":{input},"completion_tokens":{output}}}}}"#)
}
