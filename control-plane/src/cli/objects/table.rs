//! Aligned tables.

use serde_json::Value;

/// A title, and where the value is in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column(pub(super) &'static str, pub(super) &'static str);

/// Writes a row for each object, under a line of titles.
pub(super) fn of_rows(columns: &[Column], rows: &[Value]) -> String {
    let titles = columns.iter().map(|column| column.0.to_owned()).collect();
    let rows = rows.iter().map(|row| {
        columns.iter().map(|column| text(row.pointer(column.1).unwrap_or(&Value::Null))).collect()
    });
    align(&std::iter::once(titles).chain(rows).collect::<Vec<_>>())
}

/// Writes a row for each field that says something.
pub(super) fn of_fields(object: &Value) -> String {
    let mut rows = Vec::new();
    flatten("", object, &mut rows);
    align(&rows)
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    let Some(fields) = value.as_object() else {
        if !says_nothing(value) {
            rows.push(vec![path.to_owned(), text(value)]);
        }
        return;
    };
    for (name, value) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        flatten(&path, value, rows);
    }
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value == ""
}

/// Writes a value on one line.
fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Null => String::new(),
        Value::Object(_) => value.to_string(),
    };
    // A terminal obeys control characters.
    let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
    if text.is_empty() { "-".into() } else { text }
}

fn align(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |nth: usize| {
        let cells = rows.iter().filter_map(|row| row.get(nth));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            json!({"a": {"b": "ü"}, "n": 1.5, "l": ["x", "y"]}),
            json!({"a": {"b": "longer"}, "n": null, "l": [], "t": true}),
        ];
        let columns = [Column("NAME", "/a/b"), Column("N", "/n"), Column("LIST", "/l")];

        let table = of_rows(&columns, &rows);

        assert_eq!(table, "NAME    N    LIST\nü       1.5  x,y\nlonger  -    -");
    }

    #[test]
    fn one_object_is_shown_by_its_fields_and_obeys_no_control_characters() {
        let object = json!({"b": {"c": "x\u{1b}[2J", "d": null}, "a": false, "e": []});

        assert_eq!(of_fields(&object), "a    no\nb.c  x[2J");
    }
}
