//! EDN (the extensible data notation of Clojure), as far as a history needs it. One form after the other, with its
//! place, without recursion.

use std::fmt;

use super::Fault;
use super::jepsen::Event;

/// Forms within forms beyond this depth are a mistake, or malice.
const DEEPEST: usize = 100;

/// A value, and the byte at which it begins.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) at: usize,
    pub(super) value: Edn,
}

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Edn {
    Nil,
    Integer(i64),
    Text(String),
    /// Without its colon.
    Keyword(String),
    /// Everything else that has no parts, as it is written: symbols, booleans, characters, fractions.
    Other(String),
    /// A list or a vector.
    Sequence(Vec<Form>),
    Set(Vec<Form>),
    /// Keys and values in turn.
    Map(Vec<Form>),
    /// A value that a tag says more of: `#inst "2026-11-23"`.
    Tagged(String, Box<Form>),
}

/// Where a form stands does not matter to what it is.
impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Form {}

impl Form {
    /// What stands behind the tags, if there are any.
    pub(super) fn untagged(&self) -> &Self {
        let mut form = self;
        while let Edn::Tagged(_, inner) = &form.value {
            form = inner;
        }
        form
    }

    /// The same as a value of its own.
    pub(super) fn into_untagged(mut self) -> Self {
        while let Edn::Tagged(_, inner) = self.value {
            self = *inner;
        }
        self
    }

    /// The elements of a list or vector, whatever its tag.
    pub(super) fn elements(&self) -> Option<&[Self]> {
        match &self.untagged().value {
            Edn::Sequence(elements) => Some(elements),
            _ => None,
        }
    }

    /// The two elements of a list or vector of two.
    pub(super) fn pair(&self) -> Option<(&Self, &Self)> {
        match self.elements() {
            Some([first, second]) => Some((first, second)),
            _ => None,
        }
    }

    /// One text for all forms that are equal, as Clojure has it: lists and vectors of equal elements, sets and maps in whatever
    /// order, numbers however they are written.
    pub(super) fn identity(&self) -> String {
        let all = |parts: &[Self]| parts.iter().map(Self::identity).collect::<Vec<_>>();
        match &self.value {
            Edn::Sequence(elements) => format!("[{}]", all(elements).join(" ")),
            Edn::Set(elements) => {
                let mut elements = all(elements);
                elements.sort_unstable();
                elements.dedup();
                format!("#{{{}}}", elements.join(" "))
            }
            Edn::Map(entries) => {
                let mut entries: Vec<String> = entries.chunks(2).map(|entry| all(entry).join(" ")).collect();
                entries.sort_unstable();
                format!("{{{}}}", entries.join(", "))
            }
            Edn::Tagged(tag, form) => format!("#{tag} {}", form.identity()),
            Edn::Other(text) => number(text).unwrap_or_else(|| text.clone()),
            Edn::Nil | Edn::Integer(_) | Edn::Text(_) | Edn::Keyword(_) => self.to_string(),
        }
    }
}

/// One text for all that write a number, which is none of 64 bits, in some way: a float, or an integer of more bits.
fn number(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { "-" } else { "" };
    let digits = unsigned.strip_suffix('N').unwrap_or(unsigned);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("{sign}{}", digits.trim_start_matches('0')));
    }
    let float: f64 = unsigned.parse().ok()?;
    // Minus zero is zero. No token of EDN begins like this.
    let sign = if float == 0.0 { "" } else { sign };
    Some(format!("##{sign}{float:?}"))
}

/// A text as EDN writes it.
fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = |f: &mut fmt::Formatter<'_>, open: &str, parts: &[Self], close: &str| {
            f.write_str(open)?;
            for (index, part) in parts.iter().enumerate() {
                let ends_an_entry = open == "{" && index % 2 == 0;
                write!(
                    f,
                    "{}{part}",
                    if index == 0 {
                        ""
                    } else if ends_an_entry {
                        ", "
                    } else {
                        " "
                    }
                )?;
            }
            f.write_str(close)
        };
        match &self.value {
            Edn::Nil => f.write_str("nil"),
            Edn::Integer(number) => write!(f, "{number}"),
            Edn::Text(text) => quoted(text, f),
            Edn::Keyword(name) => write!(f, ":{name}"),
            Edn::Other(text) => f.write_str(text),
            Edn::Sequence(elements) => parts(f, "[", elements, "]"),
            Edn::Set(elements) => parts(f, "#{", elements, "}"),
            Edn::Map(entries) => parts(f, "{", entries, "}"),
            // Records stand directly behind their class.
            Edn::Tagged(class, form) if class.contains('.') && matches!(form.value, Edn::Map(_)) => {
                write!(f, "#{class}{form}")
            }
            Edn::Tagged(tag, form) => write!(f, "#{tag} {form}"),
        }
    }
}

/// The events of a history in EDN: maps, in a vector or one after the other.
pub(super) fn events(text: &str) -> impl Iterator<Item = Result<Event, Fault>> + '_ {
    Forms::new(text, 0).map(|form| Event::of_map(form?))
}

/// What is open.
struct Frame {
    at: usize,
    kind: Kind,
    parts: Vec<Form>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    List,
    Vector,
    Set,
    Map,
    /// Says what kind of value follows.
    Tag,
    /// The next form is commented out.
    Discard,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Vector => "vector",
            Self::Set => "set",
            Self::Map => "map",
            Self::Tag => "tag",
            Self::Discard => "#_",
        }
    }

    const fn closing(self) -> Option<char> {
        match self {
            Self::List => Some(')'),
            Self::Vector => Some(']'),
            Self::Set | Self::Map => Some('}'),
            Self::Tag | Self::Discard => None,
        }
    }
}

/// The forms of a text one after the other; those of an outermost list or vector, too, so that a long history need not
/// be held twice. Ends after the first fault.
pub(super) struct Forms<'t> {
    text: &'t str,
    at: usize,
    /// The outermost list or vector.
    outermost: Option<(usize, Kind)>,
    frames: Vec<Frame>,
}

impl Iterator for Forms<'_> {
    type Item = Result<Form, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.form().transpose();
        if let Some(Err(_)) = next {
            self.at = self.text.len();
            self.outermost = None;
            self.frames.clear();
        }
        next
    }
}

impl<'t> Forms<'t> {
    /// Those from the byte `at` on.
    pub(super) const fn new(text: &'t str, at: usize) -> Self {
        Self { text, at, outermost: None, frames: Vec::new() }
    }

    /// The byte after what was read.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The next form of the text itself, as it is.
    pub(super) fn whole(&mut self) -> Result<Option<Form>, Fault> {
        loop {
            self.skip_blanks();
            let Some(next) = self.text[self.at..].chars().next() else { return self.end().map(|()| None) };
            if let Some(mut form) = self.step(next)? {
                // A tag takes its value, `#_` swallows it, everything else gathers its parts.
                loop {
                    match self.frames.last_mut() {
                        None => return Ok(Some(form)),
                        Some(&mut Frame { kind: Kind::Tag, at, .. }) => {
                            let tag = token(&self.text[at + 1..]).to_owned();
                            form = Form { at, value: Edn::Tagged(tag, Box::new(form)) };
                        }
                        Some(Frame { kind: Kind::Discard, .. }) => {
                            self.frames.pop();
                            break;
                        }
                        Some(frame) => {
                            frame.parts.push(form);
                            break;
                        }
                    }
                    self.frames.pop();
                }
            }
        }
    }

    fn form(&mut self) -> Result<Option<Form>, Fault> {
        loop {
            self.skip_blanks();
            match (self.text[self.at..].chars().next(), self.outermost) {
                (Some(open @ ('(' | '[')), None) => {
                    self.outermost = Some((self.at, if open == '(' { Kind::List } else { Kind::Vector }));
                    self.at += 1;
                }
                (Some('#'), _) if self.text[self.at + 1..].starts_with(char::is_alphabetic) => {
                    self.at += 1 + token(&self.text[self.at + 1..]).len();
                }
                (Some(close), Some((_, kind))) if Some(close) == kind.closing() => {
                    self.outermost = None;
                    self.at += 1;
                }
                _ => return self.whole(),
            }
        }
    }

    /// What the end of the text means.
    fn end(&mut self) -> Result<(), Fault> {
        let open = self.frames.last().map(|frame| (frame.at, frame.kind)).or(self.outermost);
        let Some((at, kind)) = open else { return Ok(()) };
        let line = self.text[..at].matches('\n').count() + 1;
        Err(Fault::new(self.text.len(), format!("the text ends inside the {} that line {line} opens", kind.name())))
    }

    /// Reads one token; answers the form that it completes.
    fn step(&mut self, next: char) -> Result<Option<Form>, Fault> {
        let at = self.at;
        let kind = match next {
            '(' => Kind::List,
            '[' => Kind::Vector,
            '{' => Kind::Map,
            ')' | ']' | '}' => return self.close(next).map(Some),
            '"' => return self.string().map(Some),
            '#' => match self.text[at + 1..].chars().next() {
                Some('{') => Kind::Set,
                Some('_') => Kind::Discard,
                Some(letter) if letter.is_alphabetic() => Kind::Tag,
                _ => return Ok(Some(self.atom())),
            },
            _ => return Ok(Some(self.atom())),
        };
        if self.frames.len() == DEEPEST {
            return Err(Fault::new(at, format!("forms within forms, deeper than {DEEPEST}")));
        }
        self.at += match kind {
            Kind::Set | Kind::Discard => 2,
            Kind::Tag => 1 + token(&self.text[at + 1..]).len(),
            _ => 1,
        };
        self.frames.push(Frame { at, kind, parts: Vec::new() });
        Ok(None)
    }

    fn close(&mut self, next: char) -> Result<Form, Fault> {
        let at = self.at;
        let Some(Frame { at: start, kind, parts }) = self.frames.pop() else {
            return Err(Fault::new(at, format!("{next} closes nothing")));
        };
        if kind.closing() != Some(next) {
            let says = match kind.closing() {
                Some(expected) => format!("{next} cannot close a {}: {expected} is expected", kind.name()),
                None => format!("nothing follows the {}", kind.name()),
            };
            return Err(Fault::new(at, says));
        }
        self.at += 1;
        let value = match kind {
            Kind::Set => Edn::Set(parts),
            Kind::Map if parts.len() % 2 == 1 => {
                return Err(Fault::new(start, "a map whose last key has no value".to_owned()));
            }
            Kind::Map => Edn::Map(parts),
            _ => Edn::Sequence(parts),
        };
        Ok(Form { at: start, value })
    }

    fn string(&mut self) -> Result<Form, Fault> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((offset, next)) = chars.next() {
            match next {
                '"' => {
                    self.at = start + offset + 2;
                    return Ok(Form { at: start, value: Edn::Text(text) });
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, 'b')) => text.push('\u{8}'),
                    Some((_, 'f')) => text.push('\u{c}'),
                    Some((place, 'u')) => match self.code_point(start + place + 2) {
                        Some(point) => {
                            text.push(point);
                            // Its four digits.
                            chars.nth(3);
                        }
                        None => text.push_str("\\u"),
                    },
                    Some((_, other)) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        Err(Fault::new(start, "a text without its closing quote"))
    }

    /// The character that four hexadecimal digits at this byte stand for.
    fn code_point(&self, at: usize) -> Option<char> {
        let digits =
            self.text.get(at..at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }

    /// Something without parts.
    fn atom(&mut self) -> Form {
        let (at, text) = (self.at, token(&self.text[self.at..]));
        self.at += text.len();
        let digits = text.strip_suffix('N').unwrap_or(text);
        let value = if let Some(name) = text.strip_prefix(':') {
            Edn::Keyword(name.to_owned())
        } else if text == "nil" {
            Edn::Nil
        } else if let Ok(number) = digits.parse() {
            Edn::Integer(number)
        } else {
            Edn::Other(text.to_owned())
        };
        Form { at, value }
    }

    /// White space, commas and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',').len();
            self.at += blank;
            if !self.text[self.at..].starts_with(';') {
                return;
            }
            self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at);
        }
    }
}

/// The token with which a text begins: at least one character, because a backslash names the one after it and every
/// other delimiter was dealt with.
fn token(text: &str) -> &str {
    let skipped: usize = text.chars().take(if text.starts_with('\\') { 2 } else { 1 }).map(char::len_utf8).sum();
    let ends = |c: char| c.is_whitespace() || ",;\"()[]{}".contains(c);
    &text[..text[skipped..].find(ends).map_or(text.len(), |end| skipped + end)]
}
