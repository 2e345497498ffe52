//! Extended headers: lines of `length key=value`, whose values may be any bytes.

use crate::number::wide;

/// What an extended header says of the next member.
#[derive(Debug, Clone, Default)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// `GNU.sparse.name`: the plain header then has a made-up one.
    pub(super) sparse_name: Option<Vec<u8>>,
    pub(super) sparse_size: Option<u64>,
    pub(super) sparse_major: Option<u64>,
    /// How many parts the map shall have.
    pub(super) sparse_count: Option<u64>,
    /// The maps of the forms 0.0 and 0.1.
    pub(super) sparse_map: Vec<(u64, u64)>,
    pub(super) is_sparse: bool,
    open_offset: Option<u64>,
}

/// Reads all records of a header.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn parse(data: &[u8]) -> Result<Extended, String> {
    let mut extended = Extended::default();
    let mut rest = data;
    let mut at: usize = 0;
    while !rest.is_empty() {
        let bad = |what: &str| format!("the record at byte {at} {what}");
        let digits = rest
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(rest.len());
        let length = rest
            .get(..digits)
            .filter(|digits| (1..=12).contains(&digits.len()))
            .and_then(decimal)
            .ok_or_else(|| bad("has no length"))?;
        if length > wide(rest.len()) {
            return Err(bad("is longer than the header"));
        }
        let (record, behind) = usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| bad("is longer than the header"))?;
        let body = record
            .get(digits..)
            .and_then(|body| body.strip_prefix(b" "))
            .ok_or_else(|| bad("has no space behind its length"))?
            .strip_suffix(b"\n")
            .ok_or_else(|| bad("does not end with a line break"))?;
        let equals = body
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(|| bad("has no `=`"))?;
        let (key, value) = body
            .split_at_checked(equals)
            .ok_or_else(|| bad("has no `=`"))?;
        let value = value.get(1..).unwrap_or_default();
        extended.set(key, value).map_err(|what| bad(&what))?;
        at = at.saturating_add(record.len());
        rest = behind;
    }
    Ok(extended)
}

impl Extended {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let number = || {
            decimal(value)
                .ok_or_else(|| format!("gives `{}` no number", String::from_utf8_lossy(key)))
        };
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(number()?),
            b"GNU.sparse.name" => self.sparse_name = Some(value.to_vec()),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => {
                self.is_sparse = true;
                self.sparse_size = Some(number()?);
            }
            b"GNU.sparse.major" => {
                self.is_sparse = true;
                self.sparse_major = Some(number()?);
            }
            b"GNU.sparse.minor" => {
                self.is_sparse = true;
                number()?;
            }
            b"GNU.sparse.numblocks" => {
                self.is_sparse = true;
                self.sparse_count = Some(number()?);
            }
            b"GNU.sparse.offset" => self.open_offset = Some(number()?),
            b"GNU.sparse.numbytes" => {
                let offset = self
                    .open_offset
                    .take()
                    .ok_or("gives a length without an offset")?;
                self.sparse_map.push((offset, number()?));
            }
            b"GNU.sparse.map" => {
                let mut numbers = value.split(|byte| *byte == b',').map(decimal);
                while let Some(offset) = numbers.next() {
                    let (Some(offset), Some(Some(length))) = (offset, numbers.next()) else {
                        return Err("has a map that is no list of pairs".to_owned());
                    };
                    self.sparse_map.push((offset, length));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A number in decimal digits, and nothing else.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for byte in digits {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: &[u8]) -> Vec<u8> {
        let body = key.len() + value.len() + 3;
        let mut length = body + 1;
        while length != body + length.to_string().len() {
            length += 1;
        }
        let mut record = format!("{length} {key}=").into_bytes();
        record.extend(value);
        record.push(b'\n');
        record
    }

    #[test]
    fn records_may_hold_any_bytes() {
        let data = [
            record("path", b"a/b"),
            record("SCHILY.xattr.user.a", b"\n\0=\xff\n"),
            record("size", b"12345678901"),
        ];
        let extended = parse(&data.concat()).unwrap();
        assert_eq!(extended.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(extended.size, Some(12_345_678_901));
    }

    #[test]
    fn what_is_no_record_is_told() {
        for (data, what) in [
            (&b"x path=a\n"[..], "no length"),
            (b"99 path=a\n", "longer"),
            (b"9 path=ab", "line break"),
            (b"8 path=\n ", "no length"),
            (b"9 size=x\n", "no number"),
            (b"8 patha\n", "no `=`"),
            (b"8path=a\n", "no space"),
        ] {
            let error = parse(data).unwrap_err();
            assert!(error.contains(what), "{error} for {data:?}");
        }
    }

    #[test]
    fn maps_of_both_old_forms() {
        let data = [
            record("GNU.sparse.offset", b"0"),
            record("GNU.sparse.numbytes", b"10"),
            record("GNU.sparse.map", b"11,2,30,4"),
        ];
        let extended = parse(&data.concat()).unwrap();
        assert_eq!(extended.sparse_map, [(0, 10), (11, 2), (30, 4)]);
        assert!(parse(&record("GNU.sparse.map", b"1,2,3")).is_err());
        assert!(parse(&record("GNU.sparse.numbytes", b"1")).is_err());
    }
}
