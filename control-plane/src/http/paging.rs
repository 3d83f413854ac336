//! Pages of lists: which one is asked for, and how an answer says which one it is.

use axum::Json;
use serde_json::{Map, Value, json};

use crate::http::entity_view::fields;
use crate::http::error::ApiError;
use crate::http::query::Query;

/// A page of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    page: u32,
    size: u32,
}

impl Paging {
    /// Reads which page is asked for. `size` is the parameter that says how long pages are:
    /// `usual` without a word, and `most` at most.
    pub(crate) fn read(query: &Query, size: &str, usual: u32, most: u32) -> Result<Self, ApiError> {
        let page = query.number("page", 1, u32::MAX)?.unwrap_or(1);
        let size = query.number(size, 1, most)?.unwrap_or(usual);
        Ok(Self { page, size })
    }

    /// Which page, from 1.
    pub(crate) fn page(self) -> u32 {
        self.page
    }

    /// How many there are on a page.
    pub(crate) fn size(self) -> u32 {
        self.size
    }

    /// How many stand before the page.
    pub(crate) fn offset(self) -> u32 {
        (self.page - 1).saturating_mul(self.size)
    }

    /// How many pages hold so many.
    pub(crate) fn pages(self, total: u64) -> u64 {
        total.div_ceil(u64::from(self.size))
    }

    /// Writes a page as most lists do. `name` is what the rows are called.
    pub(crate) fn answer(self, name: &str, rows: impl Into<Value>, total: u64) -> Json<Value> {
        let rows: Value = rows.into();
        Json(json!({
            name: rows,
            "total": total,
            "page": self.page,
            "page_size": self.size,
            "total_pages": self.pages(total),
        }))
    }

    /// Writes a page as lists of keys and of models do.
    pub(crate) fn counted(
        self,
        name: &str,
        rows: impl Into<Value>,
        total: u64,
    ) -> Map<String, Value> {
        let rows: Value = rows.into();
        fields(json!({
            name: rows,
            "total_count": total,
            "current_page": self.page,
            "total_pages": self.pages(total),
        }))
    }
}
