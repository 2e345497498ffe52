//! The digest in the notes of an archive, where it survives the loss of the ledger and where a
//! person sees it.

use crate::entry::Digest;

const MARK: &str = "sha256:";

/// The notes with this digest in a line of its own; `None` when it stands there already. All
/// other lines stay, the first one first: it is the one that Proxmox VE shows in its lists.
pub fn with_digest(notes: &str, digest: Digest) -> Option<String> {
    let line = format!("{MARK}{digest}");
    if notes.lines().any(|found| found == line) {
        return None;
    }
    let mut kept = without_digest(notes);
    if !kept.is_empty() && !kept.ends_with('\n') {
        kept.push('\n');
    }
    kept.push_str(&line);
    Some(kept)
}

/// The notes without a line of ours.
pub fn without_digest(notes: &str) -> String {
    notes
        .split_inclusive('\n')
        .filter(|line| of_line(line).is_none())
        .collect()
}

/// The digest that stands in notes; none when two different ones do, as nobody knows which counts.
pub fn digest_in(notes: &str) -> Option<Digest> {
    let mut found = notes.lines().filter_map(of_line);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

fn of_line(line: &str) -> Option<Digest> {
    line.trim_end().strip_prefix(MARK)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays() {
        let digest = Digest([0xab; 32]);
        let line = format!("sha256:{digest}");
        assert_eq!(with_digest("", digest), Some(line.clone()));
        let once = with_digest("web 1\nbefore the update", digest).unwrap();
        assert_eq!(once, format!("web 1\nbefore the update\n{line}"));
        assert_eq!(with_digest(&once, digest), None);
        let other = with_digest(&once, Digest([1; 32])).unwrap();
        assert_eq!(other.matches("sha256:").count(), 1);
        assert_eq!(without_digest(&other), "web 1\nbefore the update\n");
        // Not our line.
        assert_eq!(digest_in(&once), Some(digest));
        assert_eq!(digest_in(&format!("{once}\r\n{line}\r\n")), Some(digest));
        assert_eq!(
            digest_in(&format!("{once}\nsha256:{}", Digest([1; 32]))),
            None
        );
        assert_eq!(digest_in("web 1"), None);
        let theirs = "sha256: see the wiki";
        assert!(with_digest(theirs, digest).unwrap().starts_with(theirs));
    }
}
