//! PVE's calendar events: what it accepts as a schedule, and when such an event comes next.
//!
//! An event is `[weekdays] [date] [time] [UTC]` or one of the words in [`WORDS`]. The oddities
//! are PVE's: a bare number is a minute, and since 24 is no hour, `24:00` is minute 24, second 0.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// The words that stand for a whole event.
const WORDS: [(&str, &str); 10] = [
    ("minutely", "*:*"),
    ("hourly", "*:00"),
    ("daily", "00:00"),
    ("weekly", "mon 00:00"),
    ("monthly", "*-*-1 00:00"),
    ("quarterly", "*-1,4,7,10-1 00:00"),
    ("semiannually", "*-1,7-1 00:00"),
    ("semi-annually", "*-1,7-1 00:00"),
    ("yearly", "*-1-1 00:00"),
    ("annually", "*-1-1 00:00"),
];
const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
/// Days that are looked at before an event counts as one that never comes.
const HORIZON_DAYS: usize = 366 * 80;

/// A value, a range or a repetition of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: u16,
    last: u16,
    step: u16,
}

impl Span {
    const ZERO: Self = Self {
        first: 0,
        last: 0,
        step: 1,
    };
}

/// The accepted values of one field; empty means every value.
type Field = Vec<Span>;

fn holds(field: &[Span], value: u16) -> bool {
    field.is_empty()
        || field.iter().any(|span| {
            value >= span.first
                && value <= span.last
                && (value - span.first).is_multiple_of(span.step)
        })
}

/// Why a text is not a calendar event, in PVE's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventError(String);

impl fmt::Display for EventError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unable to parse calendar event{}", self.0)
    }
}

impl EventError {
    fn at(text: &str, kind: &str) -> Self {
        Self(format!(" at '{text}' - {kind}"))
    }
}

/// A parsed event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CalendarEvent {
    /// Accepted days, Monday first; all when none was named.
    weekdays: [bool; 7],
    years: Field,
    months: Field,
    days: Field,
    hours: Field,
    minutes: Field,
    seconds: Field,
    utc: bool,
}

impl FromStr for CalendarEvent {
    type Err = EventError;

    fn from_str(text: &str) -> Result<Self, EventError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EventError(" - event is empty".to_owned()));
        }
        let (text, utc) = match text.strip_suffix(" UTC") {
            Some(rest) => (rest.trim_end(), true),
            None => (text, false),
        };
        let text = WORDS
            .iter()
            .find(|(word, _)| *word == text)
            .map_or(text, |(_, event)| event);
        parse_event(text, utc)
    }
}

fn parse_event(text: &str, utc: bool) -> Result<CalendarEvent, EventError> {
    let mut event = CalendarEvent {
        weekdays: [true; 7],
        years: Field::new(),
        months: Field::new(),
        days: Field::new(),
        hours: vec![Span::ZERO],
        minutes: vec![Span::ZERO],
        seconds: vec![Span::ZERO],
        utc,
    };
    let mut rest = text;
    let mut something = false;
    if rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
        rest = parse_weekdays(rest, &mut event.weekdays)?.trim_start();
        something = true;
    }
    if let Some(after) = parse_date(rest, &mut event) {
        rest = after.trim_start_matches(' ');
        something = true;
    }
    let (after, found) = parse_time(rest, &mut event);
    if !found && !something {
        return Err(EventError::at(
            rest,
            "Context(\"date or time specification\")",
        ));
    }
    if after.is_empty() {
        Ok(event)
    } else {
        Err(EventError::at(after, "Nom(Eof)"))
    }
}

fn parse_weekdays<'text>(
    text: &'text str,
    weekdays: &mut [bool; 7],
) -> Result<&'text str, EventError> {
    *weekdays = [false; 7];
    let mut rest = text;
    loop {
        let Some((first, mut after)) = parse_weekday(rest) else {
            // The word that is no day, or a comma that leads nowhere.
            let end = rest
                .find(|next: char| !next.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let word = rest.get(..end).unwrap_or(rest);
            return Err(EventError::at(word, "Context(\"weekday\")"));
        };
        let mut last = first;
        if let Some((day, following)) = after.strip_prefix("..").and_then(parse_weekday) {
            last = day;
            after = following;
        }
        // A range may go over the end of the week.
        for day in (first..=first + 6).take((last + 7 - first) % 7 + 1) {
            if let Some(accepted) = weekdays.get_mut(day % 7) {
                *accepted = true;
            }
        }
        match after.strip_prefix(',') {
            Some(following) if following.starts_with(|next: char| next.is_ascii_alphabetic()) => {
                rest = following;
            }
            _ => return Ok(after),
        }
    }
}

fn parse_weekday(text: &str) -> Option<(usize, &str)> {
    let end = text
        .find(|next: char| !next.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let word = word.to_ascii_lowercase();
    let day = WEEKDAYS
        .iter()
        .position(|name| *name == word || name.get(..3) == Some(word.as_str()))?;
    Some((day, rest))
}

// `YYYY-MM-DD` or `MM-DD`; every part may be a list, a range, a repetition or `*`.
fn parse_date<'text>(text: &'text str, event: &mut CalendarEvent) -> Option<&'text str> {
    let full = parse_field(text, 1970, 2200)
        .and_then(|(years, rest)| Some((years, rest.strip_prefix('-')?)))
        .and_then(|(years, rest)| Some((years, parse_month_day(rest)?)));
    if let Some((years, (months, days, rest))) = full {
        (event.years, event.months, event.days) = (years, months, days);
        return Some(rest);
    }
    let (months, days, rest) = parse_month_day(text)?;
    (event.months, event.days) = (months, days);
    Some(rest)
}

fn parse_month_day(text: &str) -> Option<(Field, Field, &str)> {
    let (months, rest) = parse_field(text, 1, 12)?;
    let (days, rest) = parse_field(rest.strip_prefix('-')?, 1, 31)?;
    Some((months, days, rest))
}

// `H:M[:S]`, else `M[:S]`. After a colon there is no way back to another reading.
fn parse_time<'text>(text: &'text str, event: &mut CalendarEvent) -> (&'text str, bool) {
    let unread = (text, false);
    let second = vec![Span::ZERO];
    let with_hour =
        parse_field(text, 0, 23).and_then(|(hours, rest)| Some((hours, rest.strip_prefix(':')?)));
    if let Some((hours, rest)) = with_hour {
        let Some((minutes, rest)) = parse_field(rest, 0, 59) else {
            return unread;
        };
        let Some((seconds, rest)) = parse_second(rest, second) else {
            return unread;
        };
        (event.hours, event.minutes, event.seconds) = (hours, minutes, seconds);
        return (rest, true);
    }
    let Some((minutes, rest)) = parse_field(text, 0, 59) else {
        return unread;
    };
    let Some((seconds, rest)) = parse_second(rest, second) else {
        return unread;
    };
    (event.hours, event.minutes, event.seconds) = (Field::new(), minutes, seconds);
    (rest, true)
}

fn parse_second(text: &str, default: Field) -> Option<(Field, &str)> {
    match text.strip_prefix(':') {
        Some(rest) => parse_field(rest, 0, 59),
        None => Some((default, text)),
    }
}

fn parse_field(text: &str, smallest: u16, largest: u16) -> Option<(Field, &str)> {
    let mut spans = Field::new();
    let mut every = false;
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix('*') {
            if let Some((step, after)) = parse_step(after, largest) {
                spans.push(Span {
                    first: smallest,
                    last: largest,
                    step,
                });
                rest = after;
            } else {
                every = true;
                rest = after;
            }
        } else {
            let (first, mut after) = parse_number(rest, smallest, largest)?;
            let mut last = first;
            let mut range = false;
            if let Some(end) = after.strip_prefix("..") {
                (last, after) = parse_number(end, first, largest)?;
                range = true;
            }
            let mut step = 1;
            if let Some((repetition, following)) = parse_step(after, largest) {
                step = repetition;
                last = if range { last } else { largest };
                after = following;
            }
            spans.push(Span { first, last, step });
            rest = after;
        }
        match rest.strip_prefix(',') {
            Some(following)
                if following.starts_with(|next: char| next.is_ascii_digit() || next == '*') =>
            {
                rest = following;
            }
            _ => break,
        }
    }
    if every {
        spans.clear();
    }
    Some((spans, rest))
}

fn parse_step(text: &str, largest: u16) -> Option<(u16, &str)> {
    parse_number(text.strip_prefix('/')?, 1, largest)
}

fn parse_number(text: &str, smallest: u16, largest: u16) -> Option<(u16, &str)> {
    let end = text
        .find(|next: char| !next.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let number = digits.parse().ok()?;
    (smallest..=largest)
        .contains(&number)
        .then_some((number, rest))
}

impl CalendarEvent {
    /// The first time after `after` (Unix seconds) at which the event comes; `None` when it
    /// never does.
    pub(crate) fn next_after(&self, after: i64, zone: &TimeZone) -> Option<i64> {
        let zone = if self.utc { &TimeZone::UTC } else { zone };
        let start = Timestamp::from_second(after + 1)
            .ok()?
            .to_zoned(zone.clone())
            .datetime();
        let mut date = start.date();
        let mut floor = start.time().with().subsec_nanosecond(0).build().ok()?;
        let last_year = self.years.iter().map(|span| span.last).max();
        for _ in 0..HORIZON_DAYS {
            if last_year.is_some_and(|last| i32::from(date.year()) > i32::from(last)) {
                return None;
            }
            if self.accepts(date) {
                let mut from = Some(floor);
                while let Some(time) = from.and_then(|from| self.time_from(from)) {
                    let moment = date
                        .to_datetime(time)
                        .to_zoned(zone.clone())
                        .ok()?
                        .timestamp();
                    if moment.as_second() > after {
                        return Some(moment.as_second());
                    }
                    from = time.checked_add(1.second()).ok();
                }
            }
            floor = Time::midnight();
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Up to `count` times after `after`.
    pub(crate) fn iterations(&self, after: i64, count: i64, zone: &TimeZone) -> Vec<i64> {
        let mut times = Vec::new();
        let mut last = after;
        for _ in 0..count {
            let Some(next) = self.next_after(last, zone) else {
                break;
            };
            times.push(next);
            last = next;
        }
        times
    }

    fn accepts(&self, date: Date) -> bool {
        let unsigned = |value: i16| u16::try_from(value).unwrap_or_default();
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.weekdays.get(weekday).copied().unwrap_or(false)
            && holds(&self.years, unsigned(date.year()))
            && holds(&self.months, unsigned(date.month().into()))
            && holds(&self.days, unsigned(date.day().into()))
    }

    // The first accepted time of a day at or after `from`.
    fn time_from(&self, from: Time) -> Option<Time> {
        let [hour, minute, second] = [from.hour(), from.minute(), from.second()]
            .map(|value| u16::try_from(value).unwrap_or_default());
        for next_hour in (hour..24).filter(|value| holds(&self.hours, *value)) {
            let first = if next_hour == hour { minute } else { 0 };
            for next_minute in (first..60).filter(|value| holds(&self.minutes, *value)) {
                let same = next_hour == hour && next_minute == minute;
                let first = if same { second } else { 0 };
                if let Some(next_second) = (first..60).find(|value| holds(&self.seconds, *value)) {
                    let [hour, minute, second] = [next_hour, next_minute, next_second]
                        .map(|value| i8::try_from(value).unwrap_or_default());
                    return Time::new(hour, minute, second, 0).ok();
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday 2026-11-21 00:00:00 UTC.
    const START: i64 = 1_795_219_200;

    fn times(event: &str, zone: &TimeZone) -> Vec<String> {
        let event: CalendarEvent = event.parse().unwrap();
        event
            .iterations(START, 3, zone)
            .into_iter()
            .map(|time| {
                let time = Timestamp::from_second(time).unwrap();
                time.to_zoned(zone.clone()).strftime("%F %T").to_string()
            })
            .collect()
    }

    fn utc(event: &str) -> Vec<String> {
        times(event, &TimeZone::UTC)
    }

    #[test]
    fn words_lists_ranges_and_repetitions() {
        let cases = "
            minutely => 2026-11-21 00:01:00, 2026-11-21 00:02:00, 2026-11-21 00:03:00
            weekly => 2026-11-23 00:00:00, 2026-11-30 00:00:00, 2026-12-07 00:00:00
            quarterly => 2027-01-01 00:00:00, 2027-04-01 00:00:00, 2027-07-01 00:00:00
            semiannually => 2027-01-01 00:00:00, 2027-07-01 00:00:00, 2028-01-01 00:00:00
            fri..mon => 2026-11-22 00:00:00, 2026-11-23 00:00:00, 2026-11-27 00:00:00
            sun,mon..tue 1:00 => 2026-11-22 01:00:00, 2026-11-23 01:00:00, 2026-11-24 01:00:00
            MONDAY 8:5 => 2026-11-23 08:05:00, 2026-11-30 08:05:00, 2026-12-07 08:05:00
            *:0/15 => 2026-11-21 00:15:00, 2026-11-21 00:30:00, 2026-11-21 00:45:00
            */30 => 2026-11-21 00:30:00, 2026-11-21 01:00:00, 2026-11-21 01:30:00
            9..17/2:00 => 2026-11-21 09:00:00, 2026-11-21 11:00:00, 2026-11-21 13:00:00
            mon..fri 8..17,22:0/15 => 2026-11-23 08:00:00, 2026-11-23 08:15:00, 2026-11-23 08:30:00
            12-24 => 2026-12-24 00:00:00, 2027-12-24 00:00:00, 2028-12-24 00:00:00
            *-02-29 => 2028-02-29 00:00:00, 2032-02-29 00:00:00, 2036-02-29 00:00:00
            mon *-*-1..7 04:00 => 2026-12-07 04:00:00, 2027-01-04 04:00:00, 2027-02-01 04:00:00";
        for case in cases.lines().skip(1) {
            let (event, expected) = case.trim().split_once(" => ").unwrap();
            assert_eq!(utc(event).join(", "), expected, "{event}");
        }
        assert_eq!(utc("2026-12-24 10:00:30"), ["2026-12-24 10:00:30"]);
    }

    #[test]
    fn the_surprises() {
        assert_eq!(
            utc("08")[..2],
            ["2026-11-21 00:08:00", "2026-11-21 01:08:00"]
        );
        assert_eq!(
            utc("24:00")[..2],
            ["2026-11-21 00:24:00", "2026-11-21 01:24:00"]
        );
        assert_eq!(
            utc("25:00")[..2],
            ["2026-11-21 00:25:00", "2026-11-21 01:25:00"]
        );
        assert_eq!(utc(" daily ")[0], "2026-11-22 00:00:00");
        assert_eq!(utc("2020-01-01"), [] as [&str; 0]);
        assert_eq!(utc("2026-02-30"), [] as [&str; 0]);
    }

    #[test]
    fn refusals_name_the_place() {
        let cases = "
            foo => at 'foo' - Context(\"weekday\")
            mon-fri => at '-fri' - Nom(Eof)
            mon, wed => at ', wed' - Nom(Eof)
            mon wed => at 'wed' - Nom(Eof)
            12:60 => at '12:60' - Context(\"date or time specification\")
            60 => at '60' - Context(\"date or time specification\")
            0 2 * * * => at ' 2 * * *' - Nom(Eof)
            @daily => at '@daily' - Context(\"date or time specification\")
            daily 02:00 => at 'daily' - Context(\"weekday\")
            02:00 daily => at ' daily' - Nom(Eof)
            *-*-32 => at '-32' - Nom(Eof)
            *-13-01 => at '-01' - Nom(Eof)
            1:2:3:4 => at ':4' - Nom(Eof)
            *-*-* 99:99 => at '99:99' - Nom(Eof)";
        for case in cases.lines().skip(1) {
            let (event, expected) = case.trim().split_once(" => ").unwrap();
            let error = event.parse::<CalendarEvent>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("unable to parse calendar event {expected}"),
                "{event}"
            );
        }
        let error = "".parse::<CalendarEvent>().unwrap_err().to_string();
        assert_eq!(error, "unable to parse calendar event - event is empty");
        assert!("25:99".parse::<CalendarEvent>().is_err());
    }

    #[test]
    fn the_zone_of_the_node_counts_unless_the_event_says_utc() {
        let vienna = TimeZone::get("Europe/Vienna").unwrap();
        let local: CalendarEvent = "21:00".parse().unwrap();
        let global: CalendarEvent = "21:00 UTC".parse().unwrap();
        assert_eq!(local.next_after(START, &vienna), Some(START + 20 * 3600));
        assert_eq!(global.next_after(START, &vienna), Some(START + 21 * 3600));
    }
}
