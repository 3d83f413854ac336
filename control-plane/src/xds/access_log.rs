//! The log of requests that `tollgate ledger reconcile` reads after a crash of Envoy.
//!
//! One JSON object a line: `id` of the ledger record (`-` when nothing was forwarded), `start_us`
//! since the epoch, `duration_ms`, `status`, `sent_bytes` and Envoy's `flags`. No header and no
//! path of the client's is in it, so no secret can be.

use std::path::Path;

use envoy_types::pb::envoy::config::accesslog::v3::{AccessLog, access_log::ConfigType};
use envoy_types::pb::envoy::config::core::v3::substitution_format_string::Format;
use envoy_types::pb::envoy::config::core::v3::{
    DataSource, SubstitutionFormatString, data_source::Specifier,
};
use envoy_types::pb::envoy::extensions::access_loggers::file::v3::{
    FileAccessLog, file_access_log::AccessLogFormat,
};

use super::any;

/// Renders the log.
pub fn render(file: &Path) -> AccessLog {
    let line = DataSource {
        specifier: Some(Specifier::InlineString(LINE.to_owned())),
        ..DataSource::default()
    };
    let format = SubstitutionFormatString {
        format: Some(Format::TextFormatSource(line)),
        ..SubstitutionFormatString::default()
    };
    let log = FileAccessLog {
        path: file.to_string_lossy().into_owned(),
        access_log_format: Some(AccessLogFormat::LogFormat(format)),
    };
    AccessLog {
        name: "envoy.access_loggers.file".to_owned(),
        config_type: Some(ConfigType::TypedConfig(any(&log))),
        ..AccessLog::default()
    }
}

/// Times and the id are strings, numbers are not quoted.
const LINE: &str = concat!(
    r#"{"id":"%RESP(X-LITELLM-CALL-ID)%","start_us":"%START_TIME(%s%6f)%","#,
    r#""duration_ms":%DURATION%,"status":%RESPONSE_CODE%,"sent_bytes":%BYTES_SENT%,"#,
    r#""flags":"%RESPONSE_FLAGS%"}"#,
    "\n"
);
