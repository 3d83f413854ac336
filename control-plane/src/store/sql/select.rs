//! Statements whose conditions depend on what was asked.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::store::driver::Value;

/// A `SELECT` whose conditions depend on what was asked. Values are always bound; the text is
/// put together from literals of this crate alone.
pub(in crate::store) struct Select {
    text: String,
    args: Vec<Value>,
    conditions: usize,
}

impl Select {
    pub(in crate::store) fn new(head: &str) -> Self {
        Self { text: head.to_owned(), args: Vec::new(), conditions: 0 }
    }

    /// Adds `condition $n` unless there is no value.
    pub(in crate::store) fn when<T: Into<Value>>(
        mut self,
        condition: &'static str,
        value: Option<T>,
    ) -> Self {
        if let Some(value) = value {
            let word = if self.conditions == 0 { "WHERE" } else { "AND" };
            self.conditions += 1;
            self.args.push(value.into());
            let _ = write!(self.text, " {word} {condition} ${}", self.args.len());
        }
        self
    }

    /// Adds a condition without a value, if it is asked for.
    pub(in crate::store) fn fact(mut self, condition: &'static str, asked: bool) -> Self {
        if asked {
            let word = if self.conditions == 0 { "WHERE" } else { "AND" };
            self.conditions += 1;
            let _ = write!(self.text, " {word} {condition}");
        }
        self
    }

    /// Adds that one of two columns has a value, unless there is none.
    pub(in crate::store) fn either(
        mut self,
        columns: [&'static str; 2],
        value: Option<&str>,
    ) -> Self {
        if let Some(value) = value {
            let word = if self.conditions == 0 { "WHERE" } else { "AND" };
            self.conditions += 1;
            self.args.push(value.into());
            let (number, [one, other]) = (self.args.len(), columns);
            let _ = write!(self.text, " {word} ({one} = ${number} OR {other} = ${number})");
        }
        self
    }

    /// Adds `column IN ($n, …)` unless there is no list. Nothing is in an empty one.
    pub(in crate::store) fn among(mut self, column: &'static str, list: Option<&[String]>) -> Self {
        let Some(list) = list else { return self };
        let word = if self.conditions == 0 { "WHERE" } else { "AND" };
        self.conditions += 1;
        let _ = write!(self.text, " {word} {column} IN (NULL");
        for item in list {
            self.args.push(item.as_str().into());
            let _ = write!(self.text, ", ${}", self.args.len());
        }
        self.text.push(')');
        self
    }

    /// Demands that a column is none of these.
    pub(in crate::store) fn none_of(mut self, column: &'static str, list: &[String]) -> Self {
        for item in list {
            let word = if self.conditions == 0 { "WHERE" } else { "AND" };
            self.conditions += 1;
            self.args.push(item.as_str().into());
            let _ = write!(self.text, " {word} {column} <> ${}", self.args.len());
        }
        self
    }

    /// Adds that keys are a user's, or of one of some teams.
    pub(in crate::store) fn owned(mut self, owners: Option<(&str, &[String])>) -> Self {
        let Some((user, teams)) = owners else { return self };
        let word = if self.conditions == 0 { "WHERE" } else { "AND" };
        self.conditions += 1;
        self.args.push(user.into());
        let _ = write!(self.text, " {word} (keys.user_id = ${}", self.args.len());
        for team in teams {
            self.args.push(team.as_str().into());
            let _ = write!(self.text, " OR keys.team_id = ${}", self.args.len());
        }
        self.text.push(')');
        self
    }

    pub(in crate::store) fn then(mut self, text: &str) -> Self {
        self.text.push(' ');
        self.text.push_str(text);
        self
    }

    pub(in crate::store) fn page(mut self, limit: u32, offset: u32) -> Self {
        self.args.push(i64::from(limit).into());
        self.args.push(i64::from(offset).into());
        let count = self.args.len();
        let _ = write!(self.text, " LIMIT ${} OFFSET ${count}", count - 1);
        self
    }

    pub(in crate::store) fn finish(self) -> (SqlStr, Vec<Value>) {
        (AssertSqlSafe(self.text).into_sql_str(), self.args)
    }
}
