//! Work that a provider does after it has answered, and that may not be asked for.

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkFault {
    /// There is a limit, and nobody knows how much is used at most unless this field says it.
    Uncapped(String),
    /// A line of a batch's file that cannot be taken.
    Line {
        /// From 1. 0: it is not a certain line.
        line: u32,
        /// What is wrong, as a sentence.
        why: String,
    },
}

impl WorkFault {
    pub(super) fn class(&self) -> (u16, &'static str, &'static str) {
        let code = match self {
            Self::Uncapped(_) => "missing_field",
            Self::Line { .. } => "invalid_line",
        };
        (400, "invalid_request_error", code)
    }

    pub(super) fn message(&self) -> String {
        match self {
            Self::Uncapped(field) => format!(
                "Your limit cannot be kept without '{field}', which says how much is used at most."
            ),
            Self::Line { line: 0, why } => format!("The input file cannot be taken. {why}"),
            Self::Line { line, why } => {
                format!("Line {line} of the input file cannot be taken. {why}")
            }
        }
    }

    pub(super) fn param(&self) -> &str {
        match self {
            Self::Uncapped(field) => field,
            Self::Line { .. } => "input_file_id",
        }
    }
}
