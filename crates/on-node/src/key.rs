//! What makes two requests the same.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The key of a request: its module and its options, which must be without secrets.
pub fn key(module: &str, options: &Value) -> String {
    let text = json!([crate::PROTOCOL, module, options]).to_string();
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_and_options_make_it() {
        let one = key("a", &json!({"x": 1}));
        assert_eq!(one, key("a", &json!({"x": 1})));
        assert_ne!(one, key("b", &json!({"x": 1})));
        assert_ne!(one, key("a", &json!({"x": "1"})));
        assert_eq!(one.len(), 64);
    }
}
