//! Small sound dumps of databases.

use std::io::{self, Write as _};

/// The format, a name, and the content of each.
///
/// # Errors
/// What the compression says.
pub fn every_kind() -> io::Result<Vec<(&'static str, &'static str, Vec<u8>)>> {
    let rows = b"1\tone\n2\ttwo\n3\tthree\n".repeat(20);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(&rows)?;
    let packed = zlib.finish()?;
    Ok(vec![
        ("sql", "db.sql", postgres("").into_bytes()),
        (
            "sql",
            "db.sql",
            postgres("\\unrestrict aB3\n\n").into_bytes(),
        ),
        ("sql", "db.sql", mysql().into_bytes()),
        ("pg_dump custom, uncompressed", "db.pgc", custom(0, &rows)?),
        ("pg_dump custom, compressed", "db.pgc", custom(1, &packed)?),
    ])
}

fn postgres(behind: &str) -> String {
    let rows = "1\tone\n2\ttwo\n".repeat(40);
    format!(
        "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 17.2\n\nSET client_encoding = 'UTF8';\n\nCREATE TABLE public.a (\n    b integer,\n    c text\n);\n\nCOPY public.a (b, c) FROM stdin;\n{rows}\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n{behind}"
    )
}

fn mysql() -> String {
    let rows = "INSERT INTO `a` VALUES (1,'one'),(2,'two');\n".repeat(20);
    format!(
        "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: localhost    Database: db\n\nDROP TABLE IF EXISTS `a`;\nCREATE TABLE `a` (`b` int);\n{rows}\n-- Dump completed on 2026-01-10  3:00:01\n"
    )
}

/// A dump of version 1.16 with one table.
///
/// # Errors
/// Never, in practice: numbers are converted.
pub fn custom(algorithm: u8, rows: &[u8]) -> io::Result<Vec<u8>> {
    let mut dump = b"PGDMP\x01\x10\x00\x04\x08\x01".to_vec();
    dump.push(algorithm);
    let number = |dump: &mut Vec<u8>, value: usize| -> io::Result<()> {
        dump.push(0);
        dump.extend(
            u32::try_from(value)
                .map_err(io::Error::other)?
                .to_le_bytes(),
        );
        Ok(())
    };
    for value in [1, 2, 3, 4, 5, 126, 0] {
        number(&mut dump, value)?;
    }
    let text = |dump: &mut Vec<u8>, value: &[u8]| -> io::Result<()> {
        number(dump, value.len())?;
        dump.extend(value);
        Ok(())
    };
    for value in ["db", "18.1", "18.1"] {
        text(&mut dump, value.as_bytes())?;
    }
    let numbers = |values: &[u32]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| [vec![0], value.to_le_bytes().to_vec()].concat())
            .collect()
    };
    dump.extend(numbers(&[1, 7, 1]));
    for value in ["1259", "16384", "a", "TABLE DATA"] {
        text(&mut dump, value.as_bytes())?;
    }
    dump.extend(numbers(&[3]));
    for value in [
        "",
        "",
        "COPY public.a (b, c) FROM stdin;",
        "public",
        "",
        "heap",
    ] {
        text(&mut dump, value.as_bytes())?;
    }
    dump.extend(numbers(&[0]));
    for value in ["postgres", "false", "6"] {
        text(&mut dump, value.as_bytes())?;
    }
    // No more dependencies; the place of the data, which a pipe does not know.
    dump.extend([1, 1, 0, 0, 0]);
    dump.push(1);
    dump.extend([0; 8]);
    dump.push(1);
    dump.extend(numbers(&[7]));
    text(&mut dump, rows)?;
    dump.extend(numbers(&[0]));
    Ok(dump)
}
