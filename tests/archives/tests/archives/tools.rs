//! What real programs say of the damages of docs/formats/detection.md, asked again: those that this
//! machine has. A deep gate, for other versions may say otherwise.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use reprise_archives::matrix;

/// The exit code of a line of the shell about a file.
fn code(line: &str, file: &Path, folder: &Path) -> i32 {
    #[expect(clippy::disallowed_methods, reason = "the programs are what is asked")]
    let mut command = Command::new("sh");
    command
        .args(["-c", line, "sh"])
        .args([file, folder])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().unwrap().code().unwrap()
}

fn is_here(program: &str) -> bool {
    let folder = Path::new("/");
    code(&format!("command -v {program}"), folder, folder) == 0
}

#[test]
#[ignore = "asks the programs of this machine; a deep gate"]
fn real_programs_still_say_what_is_kept_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut asked = 0;
    let mut wrong = Vec::new();
    for (number, (said, bytes)) in matrix::damaged().unwrap().into_iter().enumerate() {
        let file = folder.path().join(format!("{number}{}", said.ending));
        fs::write(&file, bytes).unwrap();
        let into = folder.path().join(number.to_string());
        fs::create_dir(&into).unwrap();
        let codec = match said.ending.rsplit('.').next() {
            Some("zst") => Some("zstd"),
            Some("gz") => Some("gzip"),
            Some("lzo") => Some("lzop"),
            _ => None,
        };
        if codec.is_some_and(|codec| !is_here(codec)) {
            eprintln!("{codec:?} is not here");
            continue;
        }
        let mut ask = |what: &str, line: &str, kept: Option<i32>| {
            let Some(kept) = kept else { return };
            let now = code(line, &file, &into);
            asked += 1;
            // Which error it is does not matter.
            if (now == 0) != (kept == 0) {
                wrong.push(format!(
                    "{}{}: {what} says {now}, kept is {kept}",
                    said.kind, said.ending
                ));
            }
        };
        if let Some(codec) = codec {
            ask("the codec", &format!("{codec} -q -t \"$1\""), said.codec);
        }
        let by = codec.map_or(String::new(), |codec| format!("-I {codec}"));
        ask("tar -t", &format!("tar {by} -t -f \"$1\""), said.tar_t);
        let extract = format!("tar {by} -x -f \"$1\" --no-same-owner -C \"$2\"");
        ask("tar -x", &extract, said.tar_x);
    }
    assert!(asked > 0, "none of the programs is here");
    assert_eq!(wrong, Vec::<String>::new(), "of {asked} answers");
    println!("{asked} answers are as they were");
}
