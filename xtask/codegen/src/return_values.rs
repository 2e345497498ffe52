//! `RETURN` of a stub, from the JSON schema of a module's result type.
//!
//! The text of a field is its doc comment; `returned` and the example are attributes on it.

use anyhow::{Context, Result, bail};
use module_kit::driver::{CommonResult, Registered};
use schemars::Schema;
use serde_json::{Map, Value, json};

/// The document: the fields of the module, then those that every module returns.
pub(crate) fn of(module: &Registered) -> Result<Value> {
    let mut document = Map::new();
    for schema in [
        (module.result_schema)(),
        schemars::schema_for!(CommonResult),
    ] {
        fields(&schema, &mut document)
            .with_context(|| format!("the result type of {}", module.declaration.name))?;
    }
    Ok(Value::Object(document))
}

fn fields(schema: &Schema, document: &mut Map<String, Value>) -> Result<()> {
    let root = schema.as_value();
    let properties = root
        .get("properties")
        .and_then(Value::as_object)
        .context("has no fields")?;
    for (name, property) in properties {
        let field = field(root, name, property, Level::Top)?;
        document.insert(name.clone(), field);
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Top,
    Nested,
}

fn field(root: &Value, name: &str, property: &Value, level: Level) -> Result<Value> {
    let description = property
        .get("description")
        .and_then(Value::as_str)
        .with_context(|| format!("`{name}` has no doc comment"))?;
    let target = resolve(root, property);
    let mut document = Map::new();
    document.insert(
        "description".into(),
        json!([description.replace('\n', " ")]),
    );
    match property.get("returned").and_then(Value::as_str) {
        Some(returned) => {
            document.insert("returned".into(), json!(returned));
        }
        None if level == Level::Top => bail!("`{name}` does not say when it is returned"),
        None => {
            document.insert("returned".into(), json!("always"));
        }
    }
    let type_name =
        ansible_type(target).with_context(|| format!("`{name}` has no type that Ansible knows"))?;
    document.insert("type".into(), json!(type_name));
    if type_name == "list" {
        let items = target
            .get("items")
            .map_or(target, |items| resolve(root, items));
        document.insert(
            "elements".into(),
            json!(ansible_type(items).unwrap_or("raw")),
        );
        contains(root, items, &mut document)?;
    } else {
        contains(root, target, &mut document)?;
    }
    if let Some(example) = property
        .get("examples")
        .and_then(|examples| examples.get(0))
    {
        document.insert("sample".into(), example.clone());
    }
    Ok(Value::Object(document))
}

fn contains(root: &Value, target: &Value, document: &mut Map<String, Value>) -> Result<()> {
    if let Some(properties) = target.get("properties").and_then(Value::as_object) {
        let nested = properties
            .iter()
            .map(|(name, property)| Ok((name.clone(), field(root, name, property, Level::Nested)?)))
            .collect::<Result<Map<_, _>>>()?;
        document.insert("contains".into(), Value::Object(nested));
    }
    Ok(())
}

/// Follows a reference, also one that may be null.
fn resolve<'a>(root: &'a Value, property: &'a Value) -> &'a Value {
    let alternatives = property.get("anyOf").and_then(Value::as_array);
    let property = alternatives
        .and_then(|all| {
            all.iter()
                .find(|one| one.get("type").and_then(Value::as_str) != Some("null"))
        })
        .unwrap_or(property);
    match property.get("$ref").and_then(Value::as_str) {
        Some(reference) => root
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or(property),
        None => property,
    }
}

fn ansible_type(target: &Value) -> Option<&'static str> {
    let name = match target.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")?,
        _ if target.get("enum").is_some() || target.get("oneOf").is_some() => "string",
        _ => return None,
    };
    match name {
        "string" => Some("str"),
        "integer" => Some("int"),
        "number" => Some("float"),
        "boolean" => Some("bool"),
        "array" => Some("list"),
        "object" => Some("dict"),
        _ => None,
    }
}
