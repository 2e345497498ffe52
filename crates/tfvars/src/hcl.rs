//! The native syntax: `name = value`, as `terraform.tfvars` has it.

use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::Structure;
use hcl_edit::template::Element;
use hcl_edit::{Span, parser};

use crate::error::{Error, Kind};
use crate::tree::{Lines, Tree, Value};

/// Understands a text. Templates and references are kept as such: only those that are needed hurt.
pub(crate) fn parse(text: &str) -> Result<Tree, Error> {
    // The error's own text would quote the line, and a line may hold a secret.
    let body = parser::parse_body(text).map_err(|error| {
        let at = error.location();
        Error::new(Kind::Syntax, format!("this is no HCL: {}", error.message()))
            .at_column(at.line(), at.column())
    })?;
    let lines = Lines::of(text);
    let line = |span: Option<std::ops::Range<usize>>| span.map_or(1, |span| lines.at(span.start));
    let mut entries = Vec::new();
    for structure in &body {
        match structure {
            Structure::Attribute(attribute) => entries.push((
                attribute.key.as_str().to_owned(),
                tree(&attribute.value, &line),
            )),
            Structure::Block(block) => {
                return Err(Error::new(
                    Kind::Syntax,
                    format!(
                        "`{}` is a block; a file of variables has only `name = value`",
                        block.ident.as_str()
                    ),
                )
                .at(line(structure.span()))
                .hint(
                    "Name the .tfvars file, not a .tf file: there the variables have no values.",
                ));
            }
        }
    }
    Ok(Tree {
        line: 1,
        value: Value::Object(entries),
    })
}

type Line<'a> = &'a dyn Fn(Option<std::ops::Range<usize>>) -> usize;

fn tree(expression: &Expression, line: Line<'_>) -> Tree {
    Tree {
        line: line(expression.span()),
        value: value(expression, line),
    }
}

fn value(expression: &Expression, line: Line<'_>) -> Value {
    match expression {
        Expression::Null(_) => Value::Null,
        Expression::Bool(flag) => Value::Bool(*flag.value()),
        Expression::Number(number) => Value::Number(number.value().to_string()),
        Expression::String(text) => Value::Text(text.value().clone()),
        Expression::Array(list) => {
            Value::List(list.iter().map(|element| tree(element, line)).collect())
        }
        Expression::Object(object) => self::object(object, line),
        Expression::StringTemplate(template) => literal(template.iter()),
        Expression::HeredocTemplate(heredoc) => match literal(heredoc.template.iter()) {
            // A heredoc cannot be written without its last line break.
            Value::Text(text) => Value::Text(text.trim_end_matches(['\n', '\r']).to_owned()),
            other => other,
        },
        Expression::Parenthesis(inside) => value(inside.inner(), line),
        Expression::Variable(_) | Expression::Traversal(_) => Value::Foreign("a reference"),
        Expression::FuncCall(_) => Value::Foreign("a function call"),
        Expression::Conditional(_)
        | Expression::UnaryOp(_)
        | Expression::BinaryOp(_)
        | Expression::ForExpr(_) => Value::Foreign("an expression"),
    }
}

/// A template that is only text is that text.
fn literal<'a>(elements: impl Iterator<Item = &'a Element>) -> Value {
    let mut text = String::new();
    for element in elements {
        match element {
            Element::Literal(part) => text.push_str(part.value()),
            Element::Interpolation(_) | Element::Directive(_) => {
                return Value::Foreign("a template");
            }
        }
    }
    Value::Text(text)
}

fn object(object: &Object, line: Line<'_>) -> Value {
    let mut entries = Vec::new();
    for (key, entry) in object {
        let Some(name) = name(key) else {
            return Value::Foreign("an object with a name that has to be evaluated");
        };
        entries.push((name, tree(entry.expr(), line)));
    }
    Value::Object(entries)
}

fn name(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
        ObjectKey::Expression(expression) => {
            // In an object, a bare word is a name, whatever the parser took it for.
            if let Expression::Variable(word) = expression {
                return Some(word.value().as_str().to_owned());
            }
            match value(expression, &|_| 1) {
                Value::Text(text) | Value::Number(text) => Some(text),
                Value::Bool(flag) => Some(flag.to_string()),
                _ => None,
            }
        }
    }
}
