//! Uploads: a form with a file, of which PVE hands on the fields and keeps the file aside.

/// The parts of a multipart body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Upload {
    /// Fields by name.
    pub(crate) fields: Vec<(String, String)>,
    /// The name and the content of the file.
    pub(crate) file: Option<(String, Vec<u8>)>,
}

/// Reads a body of `multipart/form-data`; `None` when it is of another type or broken.
pub(crate) fn read(content_type: Option<&str>, body: &[u8]) -> Option<Upload> {
    let rest = content_type?.strip_prefix("multipart/form-data")?;
    let boundary = rest.split("boundary=").nth(1)?.split(';').next()?;
    let separator = format!("--{}", boundary.trim().trim_matches('"')).into_bytes();
    let mut upload = Upload::default();
    let mut at = find(body, &separator, 0)?;
    loop {
        let start = at + separator.len();
        if body.get(start..)?.starts_with(b"--") {
            return Some(upload);
        }
        let end = find(body, &separator, start)?;
        // Each part stands between line ends.
        part(body.get(start + 2..end.checked_sub(2)?)?, &mut upload)?;
        at = end;
    }
}

fn part(text: &[u8], upload: &mut Upload) -> Option<()> {
    let blank = find(text, b"\r\n\r\n", 0)?;
    let head = String::from_utf8_lossy(text.get(..blank)?).into_owned();
    let data = text.get(blank + 4..)?;
    let quoted = |key: &str| -> Option<String> {
        let mut parts = head.split([';', '\r', '\n']);
        let value = parts.find_map(|part| part.trim().strip_prefix(key)?.strip_prefix('='))?;
        Some(value.trim_matches('"').to_owned())
    };
    if let Some(name) = quoted("filename") {
        upload.file = Some((name, data.to_vec()));
    } else {
        let value = String::from_utf8_lossy(data).into_owned();
        upload.fields.push((quoted("name")?, value));
    }
    Some(())
}

fn find(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let at = rest
        .windows(wanted.len())
        .position(|window| window == wanted)?;
    Some(from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_the_file_are_told_apart() {
        let body = b"--xx\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nvztmpl\r\n--xx\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"a.tar.gz\"\r\nContent-Type: application/gzip\r\n\r\n\x1f\x8b\r\n\r\n--xx--\r\n";
        let upload = read(Some("multipart/form-data; boundary=xx"), body).unwrap();
        assert_eq!(upload.fields, [("content".to_owned(), "vztmpl".to_owned())]);
        assert_eq!(
            upload.file,
            Some(("a.tar.gz".to_owned(), b"\x1f\x8b\r\n".to_vec()))
        );
        assert_eq!(read(Some("application/json"), body), None);
    }
}
