//! What can be said about a calendar event without asking the node. Whether it is valid at all is
//! asked of the node (`schedule-analyze`): its grammar differs between versions.

use module_kit::Failure;

/// Refuses times that Proxmox VE reads as something else than what was meant.
///
/// `24:00` and `25:00` pass its parser as minute 24 and 25 of every hour; `starttime=25:99` even
/// makes the job file unreadable for every other job.
pub(crate) fn check(schedule: &str) -> Result<(), Failure> {
    if schedule.trim().is_empty() {
        return Err(Failure::usage("schedule is empty")
            .hint("Give a calendar event such as `03:00` or `sat 04:00`."));
    }
    if schedule.len() > 128 {
        return Err(Failure::usage(format!(
            "schedule has {} characters; Proxmox VE takes 128 at the most",
            schedule.len()
        )));
    }
    if schedule.contains(char::is_control) {
        return Err(Failure::usage(
            "schedule: it has a line break or another control character",
        ));
    }
    let Some(time) = time_part(schedule) else {
        return Ok(());
    };
    let mut fields = time.split(':');
    let hours = fields.next().unwrap_or_default();
    for (field, limit, unit) in [(hours, 23, "hour")].into_iter().chain(
        fields
            .zip(["minute", "second"])
            .map(|(field, unit)| (field, 59, unit)),
    ) {
        if let Some(number) = numbers(field).find(|number| *number > limit) {
            return Err(Failure::usage(format!(
                "schedule `{schedule}`: {number} is no {unit}; {unit}s go from 0 to {limit}"
            ))
            .hint("Proxmox VE would take some of these and run at another time than the one meant. Midnight is `00:00`."));
        }
    }
    Ok(())
}

/// A word about a schedule that is valid but rarely what was meant.
pub(crate) fn surprise(schedule: &str) -> Option<String> {
    let time = schedule
        .split_whitespace()
        .rev()
        .find(|word| *word != "UTC")?;
    let numbers = |byte: u8| byte.is_ascii_digit() || matches!(byte, b',' | b'.');
    (time.bytes().all(numbers)).then(|| {
        format!(
            "schedule `{schedule}`: a number without a colon is a minute, so the job runs every hour at minute {time}. Write `{time}:00` for the hour."
        )
    })
}

/// The last word with a colon, without a trailing `UTC`: the time of day.
fn time_part(schedule: &str) -> Option<&str> {
    schedule
        .split_whitespace()
        .rev()
        .find(|word| word.contains(':'))
}

/// The numbers that stand for a time in `8..17,22:0/15`; what follows a `/` is a step.
fn numbers(field: &str) -> impl Iterator<Item = u32> {
    field
        .split(',')
        .map(|item| item.split('/').next().unwrap_or_default())
        .flat_map(|item| item.split(".."))
        .filter_map(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_node_takes_passes() {
        for schedule in [
            "daily",
            "mon..fri",
            "8:5",
            "*:0/15",
            "*/30",
            "0/2:00",
            "2,22:00",
            "9..17/2:00",
            "mon..fri 8..17,22:0/15",
            "2026-12-24 10:00:30",
            "03:00 UTC",
            "*-*-1 01:00",
            "08",
        ] {
            assert_eq!(check(schedule), Ok(()), "{schedule}");
        }
    }

    #[test]
    fn what_the_node_would_misread_is_refused() {
        for schedule in [
            "24:00",
            "25:00",
            "mon..fri 25:99",
            "8..24:00",
            "12:60",
            "1:00:61",
            "24:00 UTC",
        ] {
            let failure = check(schedule).unwrap_err();
            assert!(failure.message.contains(schedule), "{failure}");
            assert_eq!(failure.exit, module_kit::Exit::Usage);
        }
    }

    #[test]
    fn what_no_schedule_can_be_is_refused() {
        assert_eq!(check(" ").unwrap_err().message, "schedule is empty");
        let long = "1".repeat(129);
        assert!(check(&long).unwrap_err().message.contains("129 characters"));
        assert!(check(&"1".repeat(128)).is_ok());
        let broken = check("03:00\nenabled 0").unwrap_err().message;
        assert!(broken.contains("line break"), "{broken}");
    }

    #[test]
    fn a_bare_number_is_explained() {
        for (schedule, hint) in [
            ("08", "`08:00`"),
            ("sat 4", "`4:00`"),
            ("2,22 UTC", "`2,22:00`"),
            ("8..17", "`8..17:00`"),
        ] {
            let said = surprise(schedule).unwrap();
            assert!(said.contains("every hour at minute"), "{said}");
            assert!(said.contains(hint), "{said}");
        }
        for schedule in [
            "08:00",
            "*/30",
            "0/30",
            "mon..fri",
            "2026-12-24",
            "daily",
            "8:00 UTC",
        ] {
            assert_eq!(surprise(schedule), None, "{schedule}");
        }
    }
}
