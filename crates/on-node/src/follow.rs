//! The far side: tells the near side what a run does, until its end.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::time::{Duration, Instant};

use crate::runs::Run;

/// How often the file of events is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How often the near side hears that we are here, so that both sides notice a dead connection.
const ALIVE: Duration = Duration::from_secs(5);

/// How following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The result was told.
    Result,
    /// The run died without one.
    Lost,
    /// Nobody listens any more.
    Unheard,
}

/// Tells every line that the run writes, from its beginning, and `alive` in between.
pub fn follow(run: &Run, tell: &mut dyn FnMut(&str) -> io::Result<()>) -> Ended {
    let Ok(file) = File::open(run.events()) else {
        return Ended::Lost;
    };
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    let mut told = Instant::now();
    loop {
        // Asked before reading: what a run wrote before it ended is then read for certain.
        let alive = run.is_alive();
        loop {
            // A line may be written in parts; it is told when it is whole.
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) if !line.ends_with('\n') => break,
                Ok(_) => {}
            }
            if tell(line.trim_end()).is_err() {
                return Ended::Unheard;
            }
            told = Instant::now();
            if is_result(&line) {
                return Ended::Result;
            }
            line.clear();
        }
        if !alive {
            return Ended::Lost;
        }
        if told.elapsed() >= ALIVE {
            if tell("{\"event\":\"alive\"}").is_err() {
                return Ended::Unheard;
            }
            told = Instant::now();
        }
        std::thread::sleep(LOOK);
    }
}

fn is_result(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line)
        .is_ok_and(|event| event.get("event").and_then(|name| name.as_str()) == Some("result"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::runs::Store;

    fn run(folder: &tempfile::TempDir) -> Run {
        let store = Store::open(folder.path()).unwrap();
        let locked = store.lock().unwrap();
        locked.create("key", "sample", 0).unwrap()
    }

    fn followed(run: &Run) -> (Ended, Vec<String>) {
        let mut lines = Vec::new();
        let ended = follow(run, &mut |line| {
            lines.push(line.to_owned());
            Ok(())
        });
        (ended, lines)
    }

    #[test]
    fn lines_come_whole_and_the_result_is_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(&folder);
        let lock = run.lock_file().unwrap();
        lock.lock().unwrap();
        let mut events = File::options().append(true).open(run.events()).unwrap();
        let writer = std::thread::spawn(move || {
            for part in ["{\"event\":", "\"progress\"}\n", "{\"event\":\"result\"}\n"] {
                events.write_all(part.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(120));
            }
            drop(lock);
        });
        let (ended, lines) = followed(&run);
        writer.join().unwrap();
        assert_eq!(ended, Ended::Result);
        assert_eq!(
            lines,
            ["{\"event\":\"progress\"}", "{\"event\":\"result\"}"]
        );
    }

    #[test]
    fn a_run_without_a_result_is_lost_when_its_lock_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(&folder);
        std::fs::write(run.events(), "{\"event\":\"progress\"}\n{\"event\":").unwrap();
        let (ended, lines) = followed(&run);
        assert_eq!(ended, Ended::Lost);
        assert_eq!(lines, ["{\"event\":\"progress\"}"]);
    }

    #[test]
    fn nobody_is_talked_to_who_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(&folder);
        std::fs::write(run.events(), "{\"event\":\"result\"}\n").unwrap();
        let ended = follow(&run, &mut |_| Err(io::ErrorKind::BrokenPipe.into()));
        assert_eq!(ended, Ended::Unheard);
    }
}
