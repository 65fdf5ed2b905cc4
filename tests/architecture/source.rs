//! Which paths a Rust source mentions: enough of the language to tell code from comments, texts and tests.

/// The source with comments, texts and characters taken out: what is left has no quote and no slash pair.
pub fn code(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| text(rest)).or_else(|| character(rest));
        match skipped {
            Some(_) => code.push(' '),
            None => code.push(next),
        }
        rest = &rest[skipped.unwrap_or(next.len_utf8())..];
        if skipped.is_none() && (next.is_alphanumeric() || next == '_') {
            // A whole word at once, so that the `r` of `for"..."` begins no raw text.
            let word = rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
            code.push_str(&rest[..word]);
            rest = &rest[word..];
        }
    }
    code
}

/// The length of the comment that the source begins with.
fn comment(source: &str) -> Option<usize> {
    if source.starts_with("//") {
        return Some(source.find('\n').unwrap_or(source.len()));
    }
    source.strip_prefix("/*").map(|body| body.find("*/").map_or(source.len(), |end| end + 4))
}

/// The length of the text that the source begins with.
fn text(source: &str) -> Option<usize> {
    let prefix =
        ["b", "c", ""].into_iter().find_map(|p| source.strip_prefix(p).filter(|s| s.starts_with(['r', '"'])))?;
    let before = source.len() - prefix.len();
    if let Some(raw) = prefix.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(before + 2 + hashes + body.find(&end).map_or(body.len(), |at| at + end.len()));
    }
    let mut escaped = false;
    let closing = |&(_, c): &(usize, char)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    };
    let end = prefix[1..].char_indices().find(closing).map_or(prefix.len(), |(at, _)| at + 2);
    Some(before + end)
}

/// The length of the character that the source begins with; a lifetime is none.
fn character(source: &str) -> Option<usize> {
    let body = source.strip_prefix('\'')?;
    if let Some(escape) = body.strip_prefix('\\') {
        return escape[1..].find('\'').map(|end| end + 4);
    }
    let first = body.chars().next()?;
    body[first.len_utf8()..].starts_with('\'').then_some(first.len_utf8() + 2)
}

/// The code without the items that exist only under test, and the names of the modules among them that are files.
pub fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut kept, mut modules, mut rest) = (String::new(), Vec::new(), code);
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let item = &rest[at + MARK.len()..];
        let end = item_end(item);
        if let Some((_, name)) = item[..end].strip_suffix(';').and_then(|item| item.rsplit_once("mod ")) {
            modules.push(name.trim().to_owned());
        }
        rest = &item[end..];
    }
    (kept + rest, modules)
}

/// Where the item ends that the code begins with: after its body, or after the semicolon outside all brackets.
fn item_end(code: &str) -> usize {
    let mut open = 0usize;
    let is_import = tokens(code).iter().find(|token| !matches!(**token, "pub" | "(" | ")" | "crate")) == Some(&"use");
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 && (c == ';' || c == '}' && !is_import) {
            return at + 1;
        }
    }
    code.len()
}

/// Words, `::`, and single other characters.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        let length = if word > 0 {
            word
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// Every path that the code mentions, imports taken apart; `name!` for a macro.
pub fn paths(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let (mut paths, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        // `impl Trait + use<'a>` captures, and imports nothing.
        if tokens[at] == "use" && tokens.get(at + 1) != Some(&"<") {
            at = import(&tokens, at + 1, &[], &mut paths);
        } else if is_word(tokens[at]) {
            let mut path = vec![tokens[at].to_owned()];
            while tokens.get(at + 1) == Some(&"::") && tokens.get(at + 2).is_some_and(|token| is_word(token)) {
                at += 2;
                path.push(tokens[at].to_owned());
            }
            if tokens.get(at + 1) == Some(&"!") && tokens.get(at + 2) != Some(&"=") {
                path.push("!".to_owned());
            }
            paths.push(path);
        }
        at += 1;
    }
    paths
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Takes a tree of imports apart; answers where it ends.
fn import(tokens: &[&str], mut at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(&token) = tokens.get(at) {
        match token {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|&token| !matches!(token, "}" | ";")) {
                    at = import(tokens, at, &path, paths);
                    at += usize::from(tokens.get(at) == Some(&","));
                }
                path.clear();
            }
            "as" => at += 1,
            "," | ";" | "}" => break,
            "::" => {}
            _ => path.push(token.to_owned()),
        }
        at += 1;
    }
    if !path.is_empty() {
        paths.push(path);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_has_no_comments_and_no_texts() {
        let check = |source: &str, expected: &str| {
            assert_eq!(code(source).split_whitespace().collect::<Vec<_>>().join(" "), expected, "{source}");
        };
        check("a // crate::x\nb /* std::fs */ c", "a b c");
        check(r##"f("a\"b", r#"c"d"#, b"e", '"', '\'', b'x')"##, "f( , , , , , b )");
        check("fn f<'a>(x: &'a str) -> char { 'x' }", "fn f<'a>(x: &'a str) -> char { }");
        check("let bar = r; for\"\"", "let bar = r; for");
    }

    #[test]
    fn what_exists_only_under_test_is_left_out() {
        let check = |source: &str, expected: &str, modules: &[&str]| {
            let (kept, found) = without_tests(source);
            assert_eq!(kept.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{source}");
            assert_eq!(found, modules, "{source}");
        };
        check("a; #[cfg(test)] mod tests; b", "a; b", &["tests"]);
        check("a; #[cfg(test)] pub(crate) mod tests { use x; } b", "a; b", &[]);
        check("#[cfg(test)] use a::{b, c}; d", "d", &[]);
        check("#[cfg(test)] #[allow(x)] fn f(a: [u8; 3]) -> u8 { { 1 } } g", "g", &[]);
    }

    #[test]
    fn imports_are_taken_apart() {
        let check = |code: &str, expected: &[&str]| {
            let found: Vec<_> = paths(code).iter().map(|path| path.join("::")).collect();
            assert_eq!(found, expected, "{code}");
        };
        check("use a::b;", &["a::b"]);
        check("use a::{b, c::{d, e as f}, self};", &["a::b", "a::c::d", "a::c::e", "a::self"]);
        check("pub use super::*; x", &["pub", "super::*", "x"]);
        check("fn f() -> impl A + use<N> { use a::b; }", &["fn", "f", "impl", "A", "use", "N", "a::b"]);
        check("a::b::<c::d>(e) != f", &["a::b", "c::d", "e", "f"]);
        check("println!(\"\")", &["println::!"]);
    }
}
