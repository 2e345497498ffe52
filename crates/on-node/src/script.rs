//! The few lines of shell that run on the other machine before the program does: they find it, or
//! take it from standard input. Pure text; what they answer is understood here too.

use crate::program::{Program, Programs};

/// Where the state is, and then where programs may be. `REPRISE_STATE_DIR` is set by an
/// administrator of that machine, or by tests. The same rule as `place::state_folder`.
const FOLDERS: &str = r#"if [ -n "${REPRISE_STATE_DIR:-}" ]; then s=$REPRISE_STATE_DIR
elif [ "$(id -u)" = 0 ]; then s=/var/lib/reprise
else s=${XDG_STATE_HOME:-$HOME/.local/state}/reprise; fi
set -- "$s/bin" "${XDG_CACHE_HOME:-$HOME/.cache}/reprise"
"#;

/// Starts the program with this word if it is there; else says what machine this is.
pub(crate) fn start(programs: &Programs, word: &str) -> String {
    let cases: Vec<String> = programs
        .iter()
        .map(|(arch, program)| format!("{}) n={};;", arch.of_uname().join("|"), program.name()))
        .collect();
    let cases = cases.join("\n");
    format!(
        "umask 077\nn=\nm=$(uname -m)\ncase $m in\n{cases}\nesac\n\
         [ \"$(uname -s)\" = Linux ] || {{ echo \"reprise-system $(uname -s)\"; exit 0; }}\n\
         {FOLDERS}\
         if [ -n \"$n\" ]; then for d in \"$@\"; do\n\
         if [ -f \"$d/$n\" ] && [ -x \"$d/$n\" ]; then exec \"$d/$n\" {word}; fi\n\
         done; fi\n\
         echo \"reprise-missing $m\"\n"
    )
}

/// Takes the program from standard input into the first folder that it can run from, or the first
/// behind those that are skipped.
pub(crate) fn place(program: &Program, skipped: usize) -> String {
    format!(
        r#"umask 077
{FOLDERS}shift {skipped}
why=
for d in "$@"; do
  if ! e=$( {{ mkdir -p "$d"; }} 2>&1 ); then why="$why$e; "; continue; fi
  p=$d/.probe-$$
  if ! e=$( {{ printf '#!/bin/sh\nexit 0\n' >"$p" && chmod 700 "$p"; }} 2>&1 ); then
    rm -f "$p"; why="$why$d: $e; "; continue
  fi
  if ! e=$("$p" 2>&1); then
    rm -f "$p"; why="$why$d: programs may not run there (noexec?): $e; "; continue
  fi
  rm -f "$p"
  find "$d" -maxdepth 1 -name '.new-*' -mmin +60 -exec rm -f {{}} + 2>/dev/null
  t=$d/.new-{name}.$$
  trap 'rm -f "$t"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  if ! e=$( {{ cat >"$t"; }} 2>&1 ); then echo "reprise-unplaced $d: $e"; exit 0; fi
  case $(sha256sum <"$t") in
  {hash}*) ;;
  *) echo "reprise-damaged $d"; exit 0;;
  esac
  if ! e=$( {{ chmod 700 "$t" && mv -f "$t" "$d/{name}"; }} 2>&1 ); then echo "reprise-unplaced $d: $e"; exit 0; fi
  echo "reprise-placed $d"
  exit 0
done
echo "reprise-noplace $why"
"#,
        name = program.name(),
        hash = program.hash,
    )
}

/// What the shell answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The program is not there; the machine's architecture.
    Missing(String),
    /// It is no Linux.
    System(String),
    /// It is there now.
    Placed,
    /// What arrived is not what was sent.
    Damaged,
    /// It could not be written, although it began well.
    Unplaced(String),
    /// No folder takes it.
    NoPlace(String),
}

/// Understands a line; `None` when it is none of the shell's.
pub(crate) fn answer(line: &str) -> Option<Answer> {
    let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let rest = rest.trim().trim_end_matches(';').to_owned();
    Some(match word {
        "reprise-missing" => Answer::Missing(rest),
        "reprise-system" => Answer::System(rest),
        "reprise-placed" => Answer::Placed,
        "reprise-damaged" => Answer::Damaged,
        "reprise-unplaced" => Answer::Unplaced(rest),
        "reprise-noplace" => Answer::NoPlace(rest),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
