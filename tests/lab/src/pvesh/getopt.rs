//! Options as Perl's `Getopt::Long` reads them with `prefix_pattern=(--|-)`: names in any case and
//! as short as they are unique, values after `=` or as the next word, words between options.

/// How an option takes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// It must have one; the last counts.
    One,
    /// It may have one.
    Perhaps,
    /// It must have one, and may be repeated.
    Many,
}

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// Names and values in their order.
    pub(super) options: Vec<(String, String)>,
    /// Words that belong to no option.
    pub(super) rest: Vec<String>,
    /// What Perl warns about; with any of it the whole line is refused.
    pub(super) warnings: Vec<String>,
}

/// Reads words by a table of names.
pub(super) fn read(
    words: &[String],
    names: &[(String, Takes)],
    exact: impl Fn(&str) -> Option<(String, Takes)>,
) -> Read {
    let mut read = Read::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            read.rest.extend(words.cloned());
            break;
        }
        let Some(option) = word
            .strip_prefix("--")
            .or_else(|| word.strip_prefix('-'))
            .filter(|option| !option.is_empty())
        else {
            read.rest.push(word.clone());
            continue;
        };
        let (typed, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let found = exact(typed).map_or_else(|| find(typed, names), Ok);
        let (name, takes) = match found {
            Ok(found) => found,
            Err(warning) => {
                read.warnings.push(warning);
                continue;
            }
        };
        let value = match (value, takes) {
            (Some(value), Takes::Perhaps) => Some(value),
            (Some(value), _) => Some(value).filter(|value| !value.is_empty()),
            (None, Takes::Perhaps) => Some(
                words
                    .next_if(|next| !next.starts_with('-'))
                    .cloned()
                    .unwrap_or_default(),
            ),
            // Whatever comes next is the value, also another option.
            (None, _) => words.next().cloned(),
        };
        match value {
            Some(value) => read.options.push((name, value)),
            None => read
                .warnings
                .push(format!("Option {typed} requires an argument")),
        }
    }
    read
}

fn find(typed: &str, names: &[(String, Takes)]) -> Result<(String, Takes), String> {
    let lower = typed.to_lowercase();
    let same = names.iter().find(|(name, _)| *name == lower);
    if let Some(found) = same {
        return Ok(found.clone());
    }
    let beginning: Vec<_> = names
        .iter()
        .filter(|(name, _)| name.starts_with(&lower))
        .collect();
    match beginning.as_slice() {
        [] => Err(format!("Unknown option: {lower}")),
        [found] => Ok((*found).clone()),
        several => {
            let several: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            Err(format!(
                "Option {lower} is ambiguous ({})",
                several.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What Perl 5.36 gave for the same table and words.
    fn read_words(words: &[&str]) -> Read {
        let names = [
            ("comment", Takes::One),
            ("compress", Takes::One),
            ("delete", Takes::Many),
            ("enabled", Takes::Perhaps),
            ("exclude", Takes::One),
            ("exclude-path", Takes::Many),
        ];
        let names = names.map(|(name, takes)| (name.to_owned(), takes));
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        read(&words, &names, |_| None)
    }

    fn options(words: &[&str]) -> Vec<(String, String)> {
        let read = read_words(words);
        assert_eq!(read.warnings, [""; 0], "{words:?}");
        read.options
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn values_follow_in_many_ways() {
        assert_eq!(
            options(&["--comment", "--enabled"]),
            pairs(&[("comment", "--enabled")])
        );
        assert_eq!(
            options(&["--enabled", "--comment", "a"]),
            pairs(&[("enabled", ""), ("comment", "a")])
        );
        assert_eq!(options(&["--enabled", "no"]), pairs(&[("enabled", "no")]));
        assert_eq!(options(&["--enabled="]), pairs(&[("enabled", "")]));
        assert_eq!(options(&["-comment", "-x"]), pairs(&[("comment", "-x")]));
        assert_eq!(options(&["--comment=a=b"]), pairs(&[("comment", "a=b")]));
        assert_eq!(options(&["--COMM", "x"]), pairs(&[("comment", "x")]));
        assert_eq!(options(&["--exclude", "x"]), pairs(&[("exclude", "x")]));
        assert_eq!(
            options(&["--delete", "a", "--delete", "b"]),
            pairs(&[("delete", "a"), ("delete", "b")])
        );
        assert_eq!(read_words(&["a", "--comment", "b", "c"]).rest, ["a", "c"]);
        assert_eq!(
            read_words(&["--", "--comment", "x"]).rest,
            ["--comment", "x"]
        );
    }

    #[test]
    fn what_perl_warns_about() {
        let warnings = |words: &[&str]| read_words(words).warnings;
        assert_eq!(
            warnings(&["--delete="]),
            ["Option delete requires an argument"]
        );
        assert_eq!(
            warnings(&["--comment"]),
            ["Option comment requires an argument"]
        );
        assert_eq!(
            warnings(&["--com", "1"]),
            ["Option com is ambiguous (comment, compress)"]
        );
        assert_eq!(
            warnings(&["--bogus", "1", "--frob=2"]),
            ["Unknown option: bogus", "Unknown option: frob"]
        );
        assert_eq!(warnings(&["--enabled", "-1"]), ["Unknown option: 1"]);
    }
}
