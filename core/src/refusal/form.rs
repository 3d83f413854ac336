//! What is wrong with a form that has files.

/// Why a form cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormFault {
    /// It is no form.
    Malformed(&'static str),
    /// A field that decides comes after the file, and the decision is made.
    FieldAfterFile(&'static str),
    /// The file comes before the model, and is too long to be held: more than so many bytes.
    FileBeforeModel(u64),
}

impl FormFault {
    /// Returns status, `type` and `code`.
    pub(super) fn class(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Malformed(_) => (400, "invalid_request_error", "invalid_form"),
            Self::FieldAfterFile(_) => (400, "invalid_request_error", "field_after_file"),
            Self::FileBeforeModel(_) => (413, "invalid_request_error", "file_before_model"),
        }
    }

    /// Says it to people, and how to fix it.
    pub(super) fn message(self) -> String {
        match self {
            Self::Malformed(why) => format!("The body is not valid multipart/form-data: {why}."),
            Self::FieldAfterFile(field) => {
                format!("Send the field '{field}' before the file, and only once.")
            }
            Self::FileBeforeModel(limit) => format!(
                "The file comes before the model, and the form is larger than {limit} bytes, \
                 which is as much as is held. Send the field 'model' before the file."
            ),
        }
    }

    /// Returns the field that is to blame.
    pub(super) fn param(self) -> Option<&'static str> {
        match self {
            Self::Malformed(_) => None,
            Self::FieldAfterFile(field) => Some(field),
            Self::FileBeforeModel(_) => Some("model"),
        }
    }
}
