//! strftime_now: formats the time of the request by a strftime pattern, in the C locale.

/// A local time, parsed from "2026-11-22T09:05:07". A space may replace the T, the time may be missing, and
/// text after it is ignored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Time {
    pub fn parse(text: &str) -> Option<Time> {
        let number = |from: usize, count: usize| -> Option<i64> {
            let digits = text.get(from..from + count)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        let t = Time {
            year: number(0, 4)?,
            month: number(5, 2)?,
            day: number(8, 2)?,
            hour: number(11, 2).unwrap_or(0),
            minute: number(14, 2).unwrap_or(0),
            second: number(17, 2).unwrap_or(0),
        };
        let fits = (1..=12).contains(&t.month)
            && (1..=31).contains(&t.day)
            && t.hour < 24
            && t.minute < 60
            && t.second < 61;
        fits.then_some(t)
    }

    fn is_leap(&self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn day_of_year(&self) -> i64 {
        const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        BEFORE[self.month as usize - 1] + self.day + i64::from(self.month > 2 && self.is_leap())
    }

    /// 0 is Sunday.
    fn day_of_week(&self) -> usize {
        let y = self.year - 1;
        ((y * 365 + y / 4 - y / 100 + y / 400 + self.day_of_year()).rem_euclid(7)) as usize
    }

    pub fn format(&self, pattern: &str) -> String {
        let mut out = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let directive = chars.as_str();
            let flags = &directive[..directive.find(|c| !"-_0^#".contains(c)).unwrap_or(directive.len())];
            let mut rest = directive[flags.len()..].chars();
            let mut kind = rest.next();
            if matches!(kind, Some('E' | 'O')) && rest.as_str().starts_with(|c: char| c.is_ascii_alphabetic())
            {
                kind = rest.next(); // other calendars and digits, of which the C locale has none
            }
            match kind.and_then(|kind| self.field(kind).map(|text| (kind, text))) {
                Some((kind, text)) => {
                    out.push_str(&flagged(text, kind, flags));
                    chars = rest;
                }
                None => out.push('%'), // what follows is text
            }
        }
        out
    }

    /// Days since 1970-01-01.
    fn days(&self) -> i64 {
        let y = self.year - 1;
        y * 365 + y / 4 - y / 100 + y / 400 + self.day_of_year() - 719_163
    }

    /// The week by ISO 8601 and the year that it belongs to.
    fn iso_week(&self) -> (i64, i64) {
        let weekday = (self.day_of_week() as i64 + 6) % 7; // 0 is Monday
        let thursday = self.days() - weekday + 3;
        let first_of = |year: i64| Time { year, month: 1, day: 1, ..*self }.days();
        let year = (self.year - 1..=self.year + 1).rfind(|y| first_of(*y) <= thursday).unwrap_or(self.year);
        (year, (thursday - first_of(year)) / 7 + 1)
    }

    /// The text of a directive in the C locale; None if there is no such directive.
    fn field(&self, directive: char) -> Option<String> {
        let month = MONTHS[self.month as usize - 1];
        let weekday = DAYS[self.day_of_week()];
        let hour12 = (self.hour + 11) % 12 + 1;
        let two = |n: i64| format!("{n:02}");
        let space = |n: i64| format!("{n:2}");
        let weeks = |begin: i64| (self.day_of_year() + 6 - (self.day_of_week() as i64 + 7 - begin) % 7) / 7;
        Some(match directive {
            'Y' => format!("{:04}", self.year),
            'y' => two(self.year % 100),
            'm' => two(self.month),
            'd' => two(self.day),
            'C' => two(self.year / 100),
            'G' => self.iso_week().0.to_string(),
            'g' => two(self.iso_week().0 % 100),
            'V' => two(self.iso_week().1),
            'U' => two(weeks(0)),
            'W' => two(weeks(1)),
            'k' => space(self.hour),
            'l' => space(hour12),
            'e' => space(self.day),
            'H' => two(self.hour),
            'I' => two(hour12),
            'M' => two(self.minute),
            'S' => two(self.second),
            'f' => "000000".into(),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.into(),
            'P' => if self.hour < 12 { "am" } else { "pm" }.into(),
            's' => (self.days() * 86_400 + self.hour * 3600 + self.minute * 60 + self.second).to_string(),
            'j' => format!("{:03}", self.day_of_year()),
            'B' => month.into(),
            'b' | 'h' => month[..3].into(),
            'A' => weekday.into(),
            'a' => weekday[..3].into(),
            'w' => self.day_of_week().to_string(),
            'u' => ((self.day_of_week() + 6) % 7 + 1).to_string(),
            'F' => self.format("%Y-%m-%d"),
            'D' | 'x' => self.format("%m/%d/%y"),
            'T' | 'X' => self.format("%H:%M:%S"),
            'r' => self.format("%I:%M:%S %p"),
            'R' => self.format("%H:%M"),
            'c' => self.format("%a %b %e %H:%M:%S %Y"),
            'n' => "\n".into(),
            't' => "\t".into(),
            'Z' | 'z' => String::new(),
            '%' => "%".into(),
            _ => return None,
        })
    }
}

/// Flags of a field: - no padding, _ pad with spaces, 0 with zeros, ^ capitals, # the other case.
fn flagged(field: String, kind: char, flags: &str) -> String {
    flags.chars().fold(field, |field, flag| match flag {
        '-' => bare(&field),
        '_' => padded(&field, '0', " "),
        '0' => padded(&field, ' ', "0"),
        '#' if kind == 'p' => field.to_lowercase(),
        '^' => field.to_uppercase(),
        '#' if matches!(kind, 'a' | 'A' | 'b' | 'B' | 'h') => field.to_uppercase(),
        _ => field,
    })
}

/// Replaces the padding of a number; the last digit is kept.
fn padded(field: &str, from: char, to: &str) -> String {
    if !field.trim_start().bytes().all(|b| b.is_ascii_digit()) || field.is_empty() {
        return field.to_string();
    }
    let (head, last) = field.split_at(field.len() - 1);
    let rest = head.trim_start_matches(from);
    to.repeat(head.len() - rest.len()) + rest + last
}

/// Removes the padding of a number except its last digit. Other fields do not change.
fn bare(field: &str) -> String {
    padded(field, ' ', "0").parse::<u64>().map_or(field.to_string(), |n| n.to_string())
}
