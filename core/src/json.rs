//! JSON read and edited where it lies, without building a tree.
//!
//! [`scan::Object`] walks the members of one object and checks every byte it passes;
//! [`edit::Edits`] and [`patch::Patch`] change values and leave all other bytes alone; [`tap::Tap`]
//! does both to an answer that arrives in pieces. [`place::Place`] finds a value
//! inside of others. [`node::Node`] reads values for translation and
//! [`write::Writer`] writes them. Keys may be escaped and may repeat: every occurrence is seen.

pub mod canonical;
pub mod edit;
pub mod node;
pub mod patch;
pub mod place;
pub mod scan;
pub mod tap;
pub mod text;
pub mod write;
