//! The named formats that PVE checks by code.

use std::net::IpAddr;

use super::{Format, Schema, property_string};
use crate::calendar::CalendarEvent;
use crate::parameters::split_list;

/// Checks a value against a format.
///
/// # Errors
/// The text that PVE puts behind `invalid format - `.
pub(crate) fn check(
    schema: &Schema,
    format: &Format,
    text: &str,
    path: &str,
) -> Result<(), String> {
    match format {
        Format::Inline(keys) => property_string::parse(schema, keys, text, path).map(drop),
        Format::Named(name) => match schema.property_string(name) {
            Some(keys) => {
                let values = property_string::parse(schema, keys, text, path)?;
                let keeps_all = values.get("keep-all").is_some_and(|value| value != "0");
                let counts = values.iter().filter(|(key, _)| *key != "keep-all");
                let keeps_some = counts.into_iter().any(|(_, value)| value != "0");
                if name == "prune-backups" && keeps_all && keeps_some {
                    return Err("keep-all cannot be set together with other options.\n".to_owned());
                }
                Ok(())
            }
            None => match name.strip_suffix("-list") {
                Some(item) => split_list(text).try_for_each(|part| check_named(item, part)),
                None => check_named(name, text),
            },
        },
    }
}

// Formats that are not named here are let through: the handlers that need them look themselves.
fn check_named(name: &str, text: &str) -> Result<(), String> {
    let wrong = match name {
        "pve-configid" if !is_config_id(text) => format!("invalid configuration ID '{text}'"),
        "pve-vmid" if !is_vmid(text) => "value does not look like a valid VM ID".to_owned(),
        "pve-node" if !is_node(text) => "value does not look like a valid node name".to_owned(),
        "pve-storage-id" if !is_storage_id(text) => {
            format!("storage ID '{text}' contains illegal characters")
        }
        "pve-storage-content" if !CONTENT_TYPES.contains(&text) => {
            format!("invalid content type '{text}'")
        }
        "pve-storage-path" if !is_absolute_path(text) => {
            "value does not look like a valid absolute path".to_owned()
        }
        "pve-storage-server" if !is_server(text) => {
            "value does not look like a valid server name or IP address".to_owned()
        }
        "pve-storage-options" if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            "value does not look like a valid options string".to_owned()
        }
        "email-or-username" if !is_mail_or_user(text) => {
            "value does not look like a valid email address or user name".to_owned()
        }
        "pve-day-of-week" if !DAYS.contains(&text.to_ascii_lowercase().as_str()) => {
            format!("invalid day '{text}'")
        }
        "pve-calendar-event" => match text.parse::<CalendarEvent>() {
            Ok(_) => return Ok(()),
            Err(error) => format!("invalid calendar event '{text}' - {error}\n"),
        },
        "pve-poolid" if !is_pool(text) => format!("pool name '{text}' contains invalid characters"),
        "pve-userid" if !text.contains('@') => {
            format!("value '{text}' does not look like a valid user name")
        }
        "pve-roleid" if !is_role(text) => {
            format!("role name '{text}' contains invalid characters")
        }
        "pve-priv" if !crate::access::privileges::all().contains(text) => {
            format!("invalid privilege '{text}'")
        }
        "dns-name" if !text.split('.').all(is_node) => {
            "value does not look like a valid DNS name".to_owned()
        }
        "pve-realm" if !is_config_id(text) => "value does not look like a valid realm".to_owned(),
        _ => return Ok(()),
    };
    Err(format!("{wrong}\n"))
}

const CONTENT_TYPES: [&str; 8] = [
    "backup", "images", "import", "iso", "none", "rootdir", "snippets", "vztmpl",
];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn is_config_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && text.len() >= 2
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn is_vmid(text: &str) -> bool {
    (3..=9).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_node(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_storage_id(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_absolute_path(text: &str) -> bool {
    text.len() > 1 && text.starts_with('/') && !text.contains([';', '(', ')'])
}

fn is_server(text: &str) -> bool {
    text.trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .is_ok()
        || (!text.is_empty() && text.split('.').all(is_node))
}

fn is_mail_or_user(text: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-_.'".contains(&byte))
    };
    match text.split_once('@') {
        Some((user, host)) => word(user) && !host.is_empty() && host.split('.').all(is_node),
        None => word(text),
    }
}

fn is_role(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

fn is_pool(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').collect();
    parts.len() <= 3
        && parts.iter().all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, text: &str) -> Result<(), String> {
        check(
            Schema::of(crate::config::Release::Eight).unwrap(),
            &Format::Named(name.to_owned()),
            text,
            "x",
        )
    }

    #[test]
    fn ids_are_checked_as_pve_does() {
        for bad in ["a", "1abc", "a.b", "_ab", "1 bad", ""] {
            assert_eq!(
                named("pve-configid", bad).unwrap_err(),
                format!("invalid configuration ID '{bad}'\n")
            );
        }
        assert!(named("pve-configid", &"x".repeat(51)).is_ok());
        assert!(named("pve-vmid-list", "100;101 102").is_ok());
        assert!(named("pve-vmid-list", "").is_ok());
        assert!(named("pve-vmid-list", "99").is_err());
        assert!(named("pve-vmid", "1000000000").is_err());
        assert!(named("pve-storage-id", "1x").is_err());
        assert!(named("pve-storage-path", "x/y").is_err());
    }

    #[test]
    fn keep_all_stands_alone() {
        assert!(named("prune-backups", "keep-all=1,keep-last=3").is_err());
        assert!(named("prune-backups", "keep-all=0,keep-last=3").is_ok());
    }
}
