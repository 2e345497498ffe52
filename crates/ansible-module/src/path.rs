//! `path` options: `$VARIABLE` and `~`, expanded where the module runs.

use crate::Environment;

/// Expands variables, then a leading `~`, as `os.path.expanduser(os.path.expandvars(…))` does.
///
/// An unknown variable stays as it is written. Where Python would ask the user database (`~name`,
/// or `~` without `HOME`) this refuses: a static program has no name service, and a folder
/// literally called `~name` is never what was meant.
pub(crate) fn expand(path: &str, environment: Environment<'_>) -> Result<String, String> {
    let path = expand_variables(path, environment);
    let Some(rest) = path.strip_prefix('~') else {
        return Ok(path);
    };
    let (user, below) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if !user.is_empty() {
        return Err(format!(
            "the home directory of the user '{user}' is not looked up; write it out"
        ));
    }
    let home = environment("HOME")
        .ok_or("'~' needs the environment variable HOME, which is not set; write the path out")?;
    let expanded = format!("{}{below}", home.trim_end_matches('/'));
    Ok(if expanded.is_empty() {
        "/".to_owned()
    } else {
        expanded
    })
}

fn expand_variables(path: &str, environment: Environment<'_>) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, behind) = variable(after).unwrap_or(("", after));
        let written = after.strip_suffix(behind).unwrap_or_default();
        match environment(name) {
            Some(value) if !name.is_empty() => out.push_str(&value),
            _ => {
                out.push('$');
                out.push_str(written);
            }
        }
        rest = behind;
    }
    out + rest
}

/// The name after a `$`, and what follows it; none when no name follows.
fn variable(after: &str) -> Option<(&str, &str)> {
    if let Some(braced) = after.strip_prefix('{') {
        return braced.split_once('}');
    }
    let end = after
        .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .unwrap_or(after.len());
    (end > 0).then(|| after.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/op/".to_owned()),
            "DATA" => Some("/srv/$HOME".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_and_the_home_directory_are_expanded_once() {
        let cases = [
            ("~", "/home/op"),
            ("~/x", "/home/op/x"),
            ("a/~", "a/~"),
            ("$DATA/x", "/srv/$HOME/x"),
            ("${DATA}x", "/srv/$HOMEx"),
            ("$DATAx/${NONE}/$", "$DATAx/${NONE}/$"),
            ("${DATA", "${DATA"),
            ("${NO$DATA}$$DATA", "${NO$DATA}$/srv/$HOME"),
            ("", ""),
        ];
        for (path, expected) in cases {
            assert_eq!(
                expand(path, &environment).as_deref(),
                Ok(expected),
                "{path}"
            );
        }
        assert_eq!(expand("~/", &|_| Some("/".to_owned())).as_deref(), Ok("/"));
        assert_eq!(expand("~", &|_| Some("/".to_owned())).as_deref(), Ok("/"));
    }

    #[test]
    fn a_home_directory_that_nobody_told_is_refused() {
        assert!(
            expand("~root/x", &environment)
                .unwrap_err()
                .contains("'root'")
        );
        assert!(expand("~/x", &|_| None).unwrap_err().contains("HOME"));
    }
}
