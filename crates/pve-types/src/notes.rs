//! What this product writes into the notes of archives, so that it knows its own again.

/// How the notes of a safety copy begin: an archive made just before a restore overwrote its
/// guest. Such a copy counts neither as protection nor against a recovery point objective.
pub const SAFETY_COPY_NOTE: &str = "reprise: safety copy";

/// Whether these notes are those of a safety copy.
pub fn is_safety_copy(notes: Option<&str>) -> bool {
    notes.is_some_and(|notes| notes.starts_with(SAFETY_COPY_NOTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_words_count() {
        assert!(is_safety_copy(Some("reprise: safety copy before run 7")));
        assert!(!is_safety_copy(Some("my safety copy")));
        assert!(!is_safety_copy(None));
    }
}
