//! Fields of bodies about members of teams and organisations.

use crate::http::openapi::fields::{Field, dollars, object, objects, text, texts, whole};

pub(super) const FIRST_MEMBERS: &[Field] =
    &[objects("members_with_roles", "Its members: role, and user_id or user_email each.")];

pub(super) const NEW_MEMBER: &[Field] = &[
    text("team_id", "The team."),
    object("member", "Who: role, and user_id or user_email; or a list of such."),
];

pub(super) const NEW_MEMBERS: &[Field] = &[
    text("team_id", "The team."),
    objects("members", "Who: role, and user_id or user_email each; up to 500."),
];

pub(super) const KNOWN_MEMBER: &[Field] = &[
    text("team_id", "The team."),
    text("user_id", "Who."),
    text("user_email", "Who, by address."),
];

pub(super) const MEMBER_ROLE: &[Field] = &[text("role", "admin or user.")];

pub(super) const MEMBER_LIMITS: &[Field] = &[
    dollars("max_budget_in_team", "Most that they may spend of the team, in USD."),
    text("budget_duration", "How long that budget lasts; then it begins anew."),
    whole("tpm_limit", "Tokens a minute."),
    whole("rpm_limit", "Requests a minute."),
    texts("allowed_models", "Models that their keys of the team may call; empty: all."),
];

pub(super) const TEAM_MODELS: &[Field] =
    &[text("team_id", "The team."), texts("models", "Names of models.")];

pub(super) const TEAM_PERMISSIONS: &[Field] = &[
    text("team_id", "The team."),
    texts("team_member_permissions", "What members may do to keys, such as /key/generate."),
];

pub(super) const NEW_PART: &[Field] = &[
    text("organization_id", "The organisation."),
    object("member", "Who: role, and user_id or user_email; or a list of such."),
];

pub(super) const KNOWN_PART: &[Field] =
    &[text("organization_id", "The organisation."), text("user_id", "Who.")];

pub(super) const PART_ROLE: &[Field] =
    &[text("role", "org_admin, internal_user or internal_user_viewer.")];
