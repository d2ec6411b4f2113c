//! What a receiver wants, where a request does not name it: filled into the request before its fields are read, so that what is
//! filled in is checked as what is sent. An explicit `null` names a field: it stays as without a receiver.

use auditwire_model::connection::{Format, Framing, Mapping, Options, Preset, Receiver, StructuredData, Transport};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::json::{Mistakes, Object};

/// The receiver of a request, and what it filled in that the first mapping has not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub(super) receiver: Option<Receiver>,
    ipv6_in_src: bool,
    structured_data: bool,
}

impl Wanted {
    /// Reads the receiver and fills in what it wants.
    pub(super) fn read(object: &mut Object, mistakes: &mut Mistakes) -> Self {
        let receiver = object.choice("receiver", &Receiver::WORDS, "invalid_receiver");
        let Some(receiver) = mistakes.note_or_default::<Option<Receiver>>(receiver) else { return Self::default() };
        object.fill("transport", word(receiver.transport()));
        object.fill("format", word(receiver.format()));
        let transport = chosen(object, "transport").unwrap_or(Transport::Tcp);
        let format = chosen(object, "format").unwrap_or(Format::Rfc5424);
        Self::fill(object, receiver, &receiver.preset(transport, format))
    }

    fn fill(object: &mut Object, receiver: Receiver, preset: &Preset) -> Self {
        if let Some(framing) = preset.framing {
            object.fill("framing", word::<Framing>(framing));
        }
        object.fill_in("options", "cef_envelope", word(preset.cef_envelope));
        if let Some(bytes) = preset.max_bytes {
            object.fill_in("options", "max_bytes", json!(bytes));
        }
        // Whoever names the first mapping does not want what it has not.
        let second = object.inside("options", "mapping").is_none_or(|mapping| *mapping != json!(1));
        Self {
            receiver: Some(receiver),
            ipv6_in_src: second && preset.ipv6_in_src && object.fill_in("options", "ipv6_in_src", json!(true)),
            structured_data: second
                && preset.structured_data != StructuredData::Full
                && object.fill_in("options", "structured_data", word(preset.structured_data)),
        }
    }

    /// Takes back what nobody asked for, where the mapping that is kept has it not.
    pub(super) fn fit(self, options: &mut Options) {
        if options.mapping == Mapping::First {
            options.ipv6_in_src &= !self.ipv6_in_src;
            if self.structured_data {
                options.structured_data = StructuredData::Full;
            }
        }
    }
}

fn word<T: Serialize>(choice: T) -> Value {
    serde_json::to_value(choice).unwrap_or_default()
}

/// What a field says, as far as it says something; what is wrong with it is told when it is read.
fn chosen<T: DeserializeOwned>(object: &Object, name: &str) -> Option<T> {
    serde_json::from_value(object.named(name)?.clone()).ok()
}
