//! strftime_now: the time of the request, written by a strftime pattern.

/// "2026-11-22T09:05:07", with ' ' for 'T', without the time, or with anything after it.
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
            match chars.next() {
                Some('-') => match chars.next() {
                    Some(d) => out.push_str(&bare(&self.field(d))),
                    None => out.push_str("%-"),
                },
                Some(d) => out.push_str(&self.field(d)),
                None => out.push('%'),
            }
        }
        out
    }

    fn field(&self, directive: char) -> String {
        let month = MONTHS[self.month as usize - 1];
        let weekday = DAYS[self.day_of_week()];
        let hour12 = (self.hour + 11) % 12 + 1;
        let two = |n: i64| format!("{n:02}");
        match directive {
            'Y' => format!("{:04}", self.year),
            'y' => two(self.year % 100),
            'm' => two(self.month),
            'd' => two(self.day),
            'e' => format!("{:2}", self.day),
            'H' => two(self.hour),
            'I' => two(hour12),
            'M' => two(self.minute),
            'S' => two(self.second),
            'f' => "000000".into(),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.into(),
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
            'R' => self.format("%H:%M"),
            'c' => self.format("%a %b %e %H:%M:%S %Y"),
            'n' => "\n".into(),
            't' => "\t".into(),
            'Z' | 'z' => String::new(),
            '%' => "%".into(),
            other => format!("%{other}"),
        }
    }
}

/// A number without its padding; one digit stays.
fn bare(field: &str) -> String {
    let rest = field.trim_start_matches(['0', ' ']);
    if rest.starts_with(|c: char| c.is_ascii_digit()) || field.trim().is_empty() {
        rest.to_string()
    } else {
        format!("0{rest}")
    }
}
