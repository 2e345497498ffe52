//! Ansible's markup in descriptions, for readers who see it as text.

/// `O(state=present)`, `V(zstd)`, `C(vzdump)` and `E(NAME)` as text in backquotes.
pub fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = next_mark(rest) {
        let (before, mark) = rest.split_at(start);
        let Some((content, after)) = mark.split_at(2).1.split_once(')') else {
            break;
        };
        plain.push_str(before);
        plain.push('`');
        plain.push_str(content);
        plain.push('`');
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// Where the next mark begins: one of its letters, no letter before it, a parenthesis after it.
fn next_mark(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    text.match_indices('(').map(|(at, _)| at).find_map(|at| {
        let letter = at.checked_sub(1)?;
        let is_mark = matches!(bytes.get(letter), Some(b'O' | b'V' | b'C' | b'E' | b'M'));
        let inside_a_word = letter
            .checked_sub(1)
            .and_then(|before| bytes.get(before))
            .is_some_and(u8::is_ascii_alphanumeric);
        (is_mark && !inside_a_word).then_some(letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_backquotes() {
        assert_eq!(
            plain_text("Needs O(storage); V(0) is C(pigz), see PVE(8) and (this)."),
            "Needs `storage`; `0` is `pigz`, see PVE(8) and (this)."
        );
    }

    #[test]
    fn an_open_mark_stays() {
        assert_eq!(plain_text("O(storage"), "O(storage");
    }
}
