//! Text to spanned tree: JSON as RFC 8259 has it, no more and no less, with errors for people.
//!
//! A syntax error ends the parse and is reported alone; keys that occur twice are reported together. Nesting
//! is limited, so no text overflows the stack.

use std::ops::Range;

use super::problem::quoted;
use super::tree::{Member, Node, Tree};

/// Deeper nesting than this is refused.
const DEPTH_LIMIT: usize = 128;

/// What is wrong with a text as JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Flaw {
    pub(super) span: Range<usize>,
    pub(super) says: String,
    pub(super) label: Option<&'static str>,
}

impl Flaw {
    fn new(span: Range<usize>, says: impl Into<String>) -> Self {
        Self { span, says: says.into(), label: None }
    }

    fn label(self, label: &'static str) -> Self {
        Self { label: Some(label), ..self }
    }
}

/// Reads one JSON value that is the whole text: the tree, or one syntax error, or all the repeated keys.
pub(super) fn parse(text: &str) -> Result<Tree, Vec<Flaw>> {
    let mut parser = Parser { text, at: 0, depth: 0, repeated: Vec::new() };
    let tree = parser.document().map_err(|flaw| vec![flaw])?;
    if parser.repeated.is_empty() { Ok(tree) } else { Err(flaws_of(text, parser.repeated)) }
}

/// A key that its object has already.
struct Repeated {
    key: String,
    span: Range<usize>,
    /// Where it stands for the first time.
    first: usize,
}

/// One pass over the text, however many keys are repeated.
fn flaws_of(text: &str, mut repeated: Vec<Repeated>) -> Vec<Flaw> {
    repeated.sort_by_key(|again| again.first);
    let (mut line, mut at) = (1, 0);
    let flaw = |again: Repeated| {
        line += text[at..again.first].matches('\n').count();
        at = again.first;
        Flaw::new(again.span, format!("the key {} was already given on line {line}", quoted(&again.key)))
    };
    repeated.into_iter().map(flaw).collect()
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    repeated: Vec<Repeated>,
}

type Parsed<T> = Result<T, Flaw>;

impl Parser<'_> {
    fn document(&mut self) -> Parsed<Tree> {
        if self.text.starts_with('\u{feff}') {
            return Err(Flaw::new(0..3, "the file begins with a byte order mark").label("save it as plain UTF-8"));
        }
        self.skip_space();
        if self.at == self.text.len() {
            return Err(Flaw::new(0..0, "the file is empty: a JSON value is expected"));
        }
        let tree = self.value()?;
        self.skip_space();
        match self.peek() {
            None => Ok(tree),
            Some(_) => Err(self.unexpected("the end of the file")),
        }
    }

    fn value(&mut self) -> Parsed<Tree> {
        let start = self.at;
        let node = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Node::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Node::Number(self.number()?),
            Some(b'a'..=b'z' | b'A'..=b'Z') => self.word()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Tree { node, span: start..self.at })
    }

    fn nested(&mut self, body: fn(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        if self.depth == DEPTH_LIMIT {
            let says = format!("nested too deeply: {DEPTH_LIMIT} levels are the limit");
            return Err(Flaw::new(self.at..self.at + 1, says));
        }
        self.depth += 1;
        let node = body(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn object(&mut self) -> Parsed<Node> {
        let open = self.take();
        let mut members: Vec<Member> = Vec::new();
        while !self.closes(b'}', open, members.is_empty())? {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            let key_span = start..self.at;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:` after the key"));
            }
            self.take();
            self.skip_space();
            let value = self.value()?;
            members.push(Member { key, key_span, value });
        }
        self.find_repeated(&members);
        Ok(Node::Object(members))
    }

    fn list(&mut self) -> Parsed<Node> {
        let open = self.take();
        let mut items = Vec::new();
        while !self.closes(b']', open, items.is_empty())? {
            items.push(self.value()?);
        }
        Ok(Node::List(items))
    }

    /// Steps over what stands between two entries. True at the closing bracket, which is stepped over too.
    fn closes(&mut self, close: u8, open: usize, first: bool) -> Parsed<bool> {
        self.skip_space();
        let comma = self.at;
        match self.peek() {
            None => return Err(self.unclosed(open)),
            Some(byte) if byte == close => {
                self.take();
                return Ok(true);
            }
            Some(_) if first => return Ok(false),
            Some(b',') => self.take(),
            Some(_) => return Err(self.unexpected(if close == b'}' { "`,` or `}`" } else { "`,` or `]`" })),
        };
        self.skip_space();
        match self.peek() {
            None => Err(self.unclosed(open)),
            Some(byte) if byte == close => {
                Err(Flaw::new(comma..comma + 1, "a comma without anything after it").label("remove it"))
            }
            Some(_) => Ok(false),
        }
    }

    fn unclosed(&self, open: usize) -> Flaw {
        let kind = if self.text.as_bytes()[open] == b'{' { "object" } else { "list" };
        let line = self.text[..open].matches('\n').count() + 1;
        let says = format!("the file ends inside the {kind} that line {line} opens");
        Flaw::new(self.text.len()..self.text.len(), says)
    }

    fn find_repeated(&mut self, members: &[Member]) {
        let mut order: Vec<&Member> = members.iter().collect();
        order.sort_by(|a, b| a.key.cmp(&b.key));
        for same in order.chunk_by(|a, b| a.key == b.key) {
            let repeat = |again: &&Member| Repeated {
                key: again.key.clone(),
                span: again.key_span.clone(),
                first: same[0].key_span.start,
            };
            self.repeated.extend(same[1..].iter().map(repeat));
        }
    }

    fn word(&mut self) -> Parsed<Node> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, span) = (&rest[..length], self.at..self.at + length);
        self.at += length;
        match word {
            "null" => Ok(Node::Null),
            "true" => Ok(Node::Bool(true)),
            "false" => Ok(Node::Bool(false)),
            "True" | "False" | "None" | "NULL" | "TRUE" | "FALSE" => {
                Err(Flaw::new(span, format!("`{word}` is not JSON")).label("write true, false or null"))
            }
            _ => Err(Flaw::new(span, format!("`{word}` is not JSON")).label("text goes in double quotes")),
        }
    }

    fn number(&mut self) -> Parsed<String> {
        let start = self.at;
        let tail = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.');
        let rest = &self.text[start..];
        let text = &rest[..rest.find(tail).unwrap_or(rest.len())];
        self.at += text.len();
        let span = start..self.at;
        let Some(digits) = well_formed_number(text) else {
            let flaw = Flaw::new(span, format!("`{text}` is not a number"));
            return Err(match text.trim_start_matches('-').as_bytes() {
                [b'0', b'0'..=b'9', ..] => flaw.label("a number has no leading zero"),
                _ if text.ends_with(|c: char| c.is_ascii_alphabetic()) => {
                    flaw.label("a number with a unit goes in double quotes")
                }
                _ => flaw,
            });
        };
        if digits.parse::<f64>().is_ok_and(f64::is_finite) {
            Ok(digits.to_owned())
        } else {
            Err(Flaw::new(span, format!("the number {text} is too large")))
        }
    }

    fn string(&mut self) -> Parsed<String> {
        let open = self.take();
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            text.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.take();
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(b'\n' | b'\r') | None => {
                    return Err(Flaw::new(open..self.at, "this text has no closing quote on its line"));
                }
                Some(control) => {
                    let says = format!("a control character in a text is written \\u{control:04x}");
                    return Err(Flaw::new(self.at..self.at + 1, says));
                }
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let start = self.take();
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => {
                let Some(escaped) = self.text[self.at..].chars().next() else {
                    return Err(Flaw::new(start..self.at, "the file ends inside this escape"));
                };
                let says = format!("`\\{}` is not an escape", escaped.escape_debug());
                return Err(Flaw::new(start..self.at + escaped.len_utf8(), says));
            }
        };
        self.take();
        Ok(plain)
    }

    /// `\uXXXX`, or two of them for a character outside the basic plane (RFC 8259, section 7).
    fn unicode_escape(&mut self, start: usize) -> Parsed<char> {
        self.take();
        let first = self.four_hex(start)?;
        let code = if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let second = self.four_hex(start)?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(Flaw::new(
                    start..self.at,
                    "this escape is half a character: a low surrogate must follow",
                ));
            }
            0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        let half = || Flaw::new(start..self.at, "this escape is half a character");
        char::from_u32(code).ok_or_else(half)
    }

    fn four_hex(&mut self, start: usize) -> Parsed<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(Flaw::new(start..self.at, "`\\u` is followed by four hexadecimal digits")),
        }
    }

    fn unexpected(&self, wanted: &str) -> Flaw {
        let Some(found) = self.text[self.at..].chars().next() else {
            return Flaw::new(self.at..self.at, format!("expected {wanted}, found the end of the file"));
        };
        let flaw = Flaw::new(self.at..self.at + found.len_utf8(), format!("expected {wanted}, found {found:?}"));
        match found {
            '/' | '#' => flaw.label("JSON has no comments: use a \"note\" field"),
            '\'' => flaw.label("text goes in double quotes"),
            _ => flaw,
        }
    }

    fn skip_space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over one ASCII character; where it stood.
    fn take(&mut self) -> usize {
        self.at += 1;
        self.at - 1
    }
}

/// The text itself if it is a number of RFC 8259, section 6.
fn well_formed_number(text: &str) -> Option<&str> {
    fn digits(text: &str) -> Option<&str> {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < text.len()).then_some(rest)
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mut rest = unsigned.strip_prefix('0').or_else(|| digits(unsigned))?;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = digits(fraction)?;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        rest = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))?;
    }
    rest.is_empty().then_some(text)
}

#[cfg(test)]
mod tests;
