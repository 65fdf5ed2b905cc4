//! What the pages quote is what the binaries print, and what they explain is all of the example.
//!
//! A quotation is a fenced block that begins with "```text output of: " and the command. Its lines are lines of what the
//! command prints, in that order; a line "..." stands for those that are left out, and blank lines are free.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A quotation: the command, and the lines of its output.
#[derive(Debug, PartialEq, Eq)]
struct Quotation<'a> {
    command: &'a str,
    lines: Vec<&'a str>,
}

fn quotations(page: &str) -> Vec<Quotation<'_>> {
    let mut lines = page.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("```text output of: ") {
            found.push(Quotation { command, lines: lines.by_ref().take_while(|line| *line != "```").collect() });
        }
    }
    found
}

/// The first quoted line that is not printed where it should be: after the lines before it, and next to them unless
/// something is left out there.
fn missing<'a>(quoted: &[&'a str], printed: &str) -> Option<&'a str> {
    let mut rest = printed.lines().filter(|line| !line.is_empty());
    let mut may_skip = true;
    for &line in quoted.iter().filter(|line| !line.is_empty()) {
        let is_next = match line {
            "..." => true,
            _ if may_skip => rest.any(|printed| printed == line),
            _ => rest.next() == Some(line),
        };
        if !is_next {
            return Some(line);
        }
        may_skip = line == "...";
    }
    None
}

/// What a command line of ours prints, both streams.
fn printed(command: &str) -> String {
    let mut words = command.split(' ');
    let program = match words.next() {
        Some("partita") => PathBuf::from(env!("CARGO_BIN_EXE_partita")),
        // Cargo builds examples before it runs tests, next to the binaries.
        Some("register") => Path::new(env!("CARGO_BIN_EXE_partita"))
            .with_file_name("examples")
            .join(format!("register{}", std::env::consts::EXE_SUFFIX)),
        program => panic!("no program {program:?} is known"),
    };
    let output = Command::new(&program).args(words).current_dir(root()).output();
    let output =
        output.unwrap_or_else(|error| panic!("{}: {error} (cargo build --example register)", program.display()));
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat()
}

#[test]
fn what_the_pages_quote_is_printed() {
    let mut quoted = 0;
    for page in
        ["README.md", "docs/your-own-protocol.md", "docs/property-testing.md", "docs/sweeps.md", "docs/exploring.md"]
    {
        let text = std::fs::read_to_string(root().join(page)).expect("the page");
        for Quotation { command, lines } in quotations(&text) {
            let printed = printed(command);
            if let Some(line) = missing(&lines, &printed) {
                panic!("{page} quotes what `{command}` does not print there:\n{line}\n\nit prints:\n{printed}");
            }
            quoted += 1;
        }
    }
    assert!(quoted >= 3, "only {quoted} quotations were found");
}

#[test]
fn every_line_of_the_example_is_explained() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a file of ours");
    let (example, page) = (read("examples/register.rs"), read("docs/your-own-protocol.md"));
    let shown: Vec<_> = page.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
    let code = example.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let unexplained: Vec<_> = code.filter(|line| !shown.contains(line)).collect();
    assert!(unexplained.is_empty(), "not in docs/your-own-protocol.md:\n{}", unexplained.join("\n"));
}

#[test]
fn a_false_quotation_is_found() {
    let check =
        |quoted: &[&str], expected| assert_eq!(missing(quoted, "one\n\ntwo\nthree\nfour\n"), expected, "{quoted:?}");
    check(&["one", "two", "", "three"], None);
    check(&["two", "three"], None);
    check(&["two", "...", "four"], None);
    check(&["one", "three"], Some("three"));
    check(&["one", "...", "five"], Some("five"));
    check(&["...", "three", "two"], Some("two"));
    check(&["thre"], Some("thre"));

    let page = "text\n```text output of: partita list\none\n\ntwo\n```\nmore\n```\nno quotation\n```\n";
    assert_eq!(quotations(page), [Quotation { command: "partita list", lines: vec!["one", "", "two"] }]);
}
