//! The management API, described: `/openapi.json` (`OpenAPI` 3.1), and `/docs` to read it.
//!
//! What is described is what is served: routes and who may call them are those of [`TABLE`], and
//! tests send each field of each body.

pub mod fields;
mod member_fields;
mod page;
mod queries;
pub mod requests;
mod routes;

use std::sync::OnceLock;

use axum::Json;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder,
    PathsBuilder, Ref, Required, ResponseBuilder, Type,
};

use crate::http::access::{Access, TABLE};
use crate::http::openapi::queries::QUERIES;
use crate::http::openapi::requests::{BODIES, Body};

/// `GET /openapi.json`.
pub(crate) async fn json_document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text())
}

/// `GET /docs`.
pub(crate) async fn page() -> impl IntoResponse {
    Html(page::text())
}

/// `GET /routes`: every path that is served, as LiteLLM lists its own.
pub(crate) async fn routes() -> Json<Value> {
    let route = |(method, path, _): &(&str, &str, Access)| {
        json!({
            "path": path,
            "methods": [method],
            "name": summary(method, path),
            "endpoint": null,
        })
    };
    Json(json!({ "routes": TABLE.iter().map(route).collect::<Vec<_>>() }))
}

/// Returns the document, written once.
fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| document().to_json().unwrap_or_default())
}

/// Describes the management API.
pub fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for (method, path, access) in TABLE {
        let Some(verb) = verb(method) else { continue };
        paths = paths.path(*path, PathItem::new(verb, operation(method, path, *access)));
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Tollgate: management API")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "LiteLLM's management API, and OmniRoute's for providers. Money is in US \
                     dollars, days are UTC's.",
                ))
                .build(),
        )
        .paths(paths.build())
        .components(Some(components()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>(SCHEME, [])]))
        .build()
}

fn verb(method: &str) -> Option<HttpMethod> {
    match method {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PUT" => Some(HttpMethod::Put),
        "PATCH" => Some(HttpMethod::Patch),
        "DELETE" => Some(HttpMethod::Delete),
        "OPTIONS" => Some(HttpMethod::Options),
        _ => None,
    }
}

fn operation(method: &str, path: &str, access: Access) -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("{} {path}", method.to_lowercase())))
        .tag(group(path))
        .summary(summary(method, path))
        .request_body(body_of(method, path).map(request_body))
        .extensions(Some(ExtensionsBuilder::new().add("x-access", name_of(access)).build()))
        .response(
            success(method, path),
            ResponseBuilder::new().description("Done.").content(
                content_type(path),
                ContentBuilder::new().schema(Some(anything())).build(),
            ),
        )
        .response("default", refusal());
    if access == Access::Anybody {
        operation = operation.securities(Some([SecurityRequirement::default()]));
    }
    for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        operation = operation.parameter(parameter(name, ParameterIn::Path, Required::True));
    }
    let query =
        QUERIES.iter().find(|(of, _)| *of == path).filter(|_| matches!(method, "GET" | "DELETE"));
    for name in query.map_or(&[] as &[&str], |(_, names)| *names) {
        operation = operation.parameter(parameter(name, ParameterIn::Query, Required::False));
    }
    operation.build()
}

/// Names what a route is about.
fn group(path: &str) -> &str {
    let below = path.strip_prefix("/api").unwrap_or(path);
    below.trim_matches('/').split('/').next().unwrap_or(path)
}

/// Describes what may be anything.
fn anything() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}

fn parameter(name: &str, place: ParameterIn, required: Required) -> ParameterBuilder {
    let schema = ObjectBuilder::new().schema_type(Type::String);
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(schema))
}

/// Returns what a route does.
pub fn summary(method: &str, path: &str) -> Option<&'static str> {
    let found = routes::SUMMARIES.iter().find(|row| (row.0, row.1) == (method, path));
    found.map(|row| row.2)
}

fn body_of(method: &str, path: &str) -> Option<&'static Body> {
    BODIES.iter().find(|body| body.route == (method, path))
}

fn request_body(body: &Body) -> RequestBody {
    let mut schema =
        ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)));
    for field in body.fields.iter().copied().flatten() {
        schema = schema.property(field.name, field.kind.schema(field.meaning));
    }
    let content = ContentBuilder::new().schema(Some(schema)).example(example(body)).build();
    RequestBodyBuilder::new().content("application/json", content).build()
}

/// Returns a body that is taken.
pub fn example(body: &Body) -> Option<Value> {
    serde_json::from_str(body.example).ok()
}

fn success(method: &str, path: &str) -> &'static str {
    let is_made = CREATED.contains(&path) && method == "POST";
    if is_made { "201" } else { "200" }
}

fn content_type(path: &str) -> &'static str {
    if path == "/docs" { "text/html; charset=utf-8" } else { "application/json" }
}

fn refusal() -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ERROR))).build();
    ResponseBuilder::new().description("Refused.").content("application/json", content)
}

fn components() -> Components {
    let error = ObjectBuilder::new()
        .description(Some("LiteLLM's errors: `error` or, of some routes, `detail`."))
        .property("error", anything())
        .property("detail", anything())
        .examples([
            json!({"error": {"message": "Key not found in database", "type": "not_found_error",
            "param": "key", "code": "404"}}),
        ]);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "The master key, or a key; x-api-key and x-litellm-api-key are read as well.",
    ));
    ComponentsBuilder::new()
        .schema(ERROR, error)
        .security_scheme(SCHEME, SecurityScheme::Http(bearer.build()))
        .build()
}

/// Says who may call a route.
fn name_of(access: Access) -> &'static str {
    match access {
        Access::Anybody => "anybody",
        Access::AnyKey => "any key",
        Access::Users => "users",
        Access::Viewers => "viewers",
        Access::Admins => "admins",
        Access::Master => "master key",
    }
}

/// Routes that answer 201.
const CREATED: &[&str] = &["/api/providers", "/api/provider-nodes", "/api/combos"];
const ERROR: &str = "Error";
const SCHEME: &str = "key";
