//! Envoy's resources as JSON, with what is packed in them unpacked.
//!
//! The code that is generated for Envoy's types can write bytes alone. What JSON calls each field
//! stands in the descriptors of the types, `envoy.bin`; a test writes the file from the crate that
//! the types come from. What they do not know is an error: left out, a manifest would say less than
//! an Envoy is told.

use envoy_types::pb::google::protobuf::Any;
use prost_reflect::Value as Field;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, SerializeOptions};
use serde_json::Value;

use super::ExportError;

/// Prints resources.
#[derive(Debug)]
pub struct Printer(DescriptorPool);

impl Printer {
    /// Reads the descriptors.
    pub fn new() -> Result<Self, ExportError> {
        DescriptorPool::decode(TYPES).map(Self).map_err(ExportError::Descriptors)
    }

    /// Prints a resource; its own type is not part of it.
    pub fn print(&self, packed: &Any) -> Result<Value, ExportError> {
        let message = self.unpack(&packed.type_url, &packed.value)?;
        let options =
            SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
        message
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| ExportError::Unprintable(packed.type_url.clone(), error))
    }

    /// Reads a message that is known in all its parts.
    fn unpack(&self, type_url: &str, bytes: &[u8]) -> Result<DynamicMessage, ExportError> {
        let name = type_url.rsplit('/').next().unwrap_or_default();
        let message = self
            .0
            .get_message_by_name(name)
            .ok_or_else(|| ExportError::UnknownType(name.to_owned()))?;
        let message = DynamicMessage::decode(message, bytes)
            .map_err(|error| ExportError::Malformed(name.to_owned(), error))?;
        self.check(&message)?;
        Ok(message)
    }

    fn check(&self, message: &DynamicMessage) -> Result<(), ExportError> {
        let name = message.descriptor().full_name().to_owned();
        if message.unknown_fields().next().is_some() {
            return Err(ExportError::UnknownField(name));
        }
        if name == "google.protobuf.Any" {
            let (type_url, bytes) =
                (message.get_field_by_name("type_url"), message.get_field_by_name("value"));
            let type_url = type_url.as_deref().and_then(Field::as_str).unwrap_or_default();
            let bytes = bytes.as_deref().and_then(Field::as_bytes).cloned().unwrap_or_default();
            return self.unpack(type_url, &bytes).map(drop);
        }
        message.fields().try_for_each(|(_, value)| self.check_value(value))
    }

    fn check_value(&self, value: &Field) -> Result<(), ExportError> {
        if let Some(message) = value.as_message() {
            return self.check(message);
        }
        let items = value.as_list().into_iter().flatten();
        let entries = value.as_map().into_iter().flat_map(|map| map.values());
        items.chain(entries).try_for_each(|value| self.check_value(value))
    }
}

/// Descriptors of what [`crate::xds`] renders, and of what that refers to.
const TYPES: &[u8] = include_bytes!("envoy.bin");
