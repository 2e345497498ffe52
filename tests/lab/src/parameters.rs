//! The parameters of one request, after form, query and JSON were brought to one shape.
//!
//! PVE hands requests from its web process to the daemon as a form: numbers and booleans of a
//! JSON body become text on the way. So text and lists of text are all there is.

use std::collections::BTreeMap;

/// One value as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A scalar.
    Text(String),
    /// A repeated key or a JSON array.
    List(Vec<String>),
    /// A JSON object, which PVE accepts nowhere.
    Hash,
    /// A JSON null.
    Undefined,
}

impl Parameter {
    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The parameters of one request by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// Adds a value; a name that is there already becomes a list.
    pub(crate) fn append(&mut self, name: &str, value: String) {
        match self.0.get_mut(name) {
            None => {
                self.0.insert(name.to_owned(), Parameter::Text(value));
            }
            Some(Parameter::List(list)) => list.push(value),
            Some(present) => {
                let mut list = Vec::new();
                if let Parameter::Text(first) = present {
                    list.push(std::mem::take(first));
                }
                list.push(value);
                *present = Parameter::List(list);
            }
        }
    }

    /// Sets a value, whatever stood there.
    pub(crate) fn set(&mut self, name: &str, value: Parameter) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Parameter> {
        self.0.remove(name)
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.0.get(name)
    }

    /// The text of a scalar parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Parameter::as_text)
    }

    /// A boolean that validation has let through.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text == "1")
    }

    /// An integer that validation has let through.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// Whether a name was sent.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names in alphabetical order, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Splits a list as PVE does: comma, semicolon, NUL and blanks separate, empty parts vanish.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ', '\t', '\n', '\0'])
        .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_key_becomes_a_list() {
        let mut parameters = Parameters::default();
        for value in ["a", "b", "c"] {
            parameters.append("x", value.to_owned());
        }
        let list = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(parameters.get("x"), Some(&Parameter::List(list)));
    }

    #[test]
    fn lists_are_separated_by_comma_semicolon_and_blank() {
        let parts: Vec<_> = split_list("100;101 102,,103").collect();
        assert_eq!(parts, ["100", "101", "102", "103"]);
    }
}
