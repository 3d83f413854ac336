//! Refusals of requests that are so broken that no filter sees them, as OpenAI errors.
//!
//! Whatever is refused later is refused in words by the filter, which can replace a body but not
//! add one: so no answer may be without.

use envoy_types::pb::envoy::config::accesslog::v3::access_log_filter::FilterSpecifier;
use envoy_types::pb::envoy::config::accesslog::v3::{
    AccessLogFilter, AndFilter, ComparisonFilter, HeaderFilter, ResponseFlagFilter,
    StatusCodeFilter, comparison_filter::Op,
};
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier as Source;
use envoy_types::pb::envoy::config::core::v3::substitution_format_string::Format;
use envoy_types::pb::envoy::config::core::v3::{
    DataSource, RuntimeUInt32, SubstitutionFormatString,
};
use envoy_types::pb::envoy::config::route::v3::{
    HeaderMatcher, header_matcher::HeaderMatchSpecifier,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    LocalReplyConfig, ResponseMapper,
};
use serde_json::json;

/// Renders what Envoy says on its own.
pub fn render() -> LocalReplyConfig {
    let broken = "The request is not valid HTTP.";
    let large = "The headers of the request are too large or too many.";
    let slow = "The request did not arrive in time.";
    let lost = "The provider cannot be reached.";
    LocalReplyConfig {
        mappers: vec![
            // The filter says 400 as well, about requests that could be read.
            mapper(and(unreadable(), status(400)), "invalid_request", broken),
            mapper(status(431), "headers_too_large", large),
            mapper(status(408), "request_timeout", slow),
            mapper(no_way_to_go(), "provider_error", lost),
        ],
        ..LocalReplyConfig::default()
    }
}

fn mapper(filter: AccessLogFilter, code: &str, message: &str) -> ResponseMapper {
    let kind = if code == "provider_error" { "api_error" } else { "invalid_request_error" };
    let error = json!({"error": {
        "message": message, "type": kind, "param": null, "code": code,
    }});
    // Envoy reads the text as a format, in which `%` begins a command.
    let text = error.to_string().replace('%', "%%");
    let source =
        DataSource { specifier: Some(Source::InlineString(text)), ..DataSource::default() };
    ResponseMapper {
        filter: Some(filter),
        body_format_override: Some(SubstitutionFormatString {
            content_type: "application/json".to_owned(),
            format: Some(Format::TextFormatSource(source)),
            ..SubstitutionFormatString::default()
        }),
        ..ResponseMapper::default()
    }
}

/// Answers to requests whose headers did not get as far as to be read.
fn unreadable() -> AccessLogFilter {
    filter(FilterSpecifier::HeaderFilter(HeaderFilter {
        header: Some(HeaderMatcher {
            name: ":path".to_owned(),
            invert_match: true,
            header_match_specifier: Some(HeaderMatchSpecifier::PresentMatch(true)),
            ..HeaderMatcher::default()
        }),
    }))
}

/// No route, or none of the clusters that Envoy knows: it says so without a word.
fn no_way_to_go() -> AccessLogFilter {
    let flags = vec!["NR".to_owned(), "NC".to_owned()];
    filter(FilterSpecifier::ResponseFlagFilter(ResponseFlagFilter { flags }))
}

fn status(code: u32) -> AccessLogFilter {
    // Envoy insists on a runtime key; nobody sets it.
    let value = RuntimeUInt32 { default_value: code, runtime_key: "tollgate.unused".to_owned() };
    let comparison = ComparisonFilter { op: Op::Eq.into(), value: Some(value) };
    filter(FilterSpecifier::StatusCodeFilter(StatusCodeFilter { comparison: Some(comparison) }))
}

fn and(one: AccessLogFilter, other: AccessLogFilter) -> AccessLogFilter {
    filter(FilterSpecifier::AndFilter(AndFilter { filters: vec![one, other] }))
}

fn filter(specifier: FilterSpecifier) -> AccessLogFilter {
    AccessLogFilter { filter_specifier: Some(specifier) }
}
