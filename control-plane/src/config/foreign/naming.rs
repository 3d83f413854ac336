//! Names for what other gateways do not name.

/// Makes an id of any text: lower-case letters, digits and `-`.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches('-').to_owned()
}

/// Makes the name of a variable of any text.
pub(super) fn upper(text: &str) -> String {
    slug(text).replace('-', "_").to_ascii_uppercase()
}

/// Returns `wish`, or with a number behind it when that is taken.
pub(super) fn free(wish: &str, separator: char, taken: impl Fn(&str) -> bool) -> String {
    let mut name = wish.to_owned();
    let mut number = 1_u64;
    while taken(&name) {
        number += 1;
        name = format!("{wish}{separator}{number}");
    }
    name
}
