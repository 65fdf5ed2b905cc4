//! Files that are wrong: each is refused with its place and a way out, and nothing panics.

use super::harness::{Folder, SMALL};

#[test]
fn a_misspelt_field_has_a_caret_and_a_suggestion() {
    let folder = Folder::new("misspelt");
    folder.write("split.json", SMALL.replace("\"timeout\"", "\"timout\""));
    let expected = r#"error: unknown field "timout"
  --> split.json:13:7 (at /clients/shoppers/timout)
   |
13 |       "timout": "1s"
   |       ^^^^^^^^ did you mean "timeout"?
   |
   = help: known fields: calls, zone, prefer, arrivals, operations, transactions, keys, timeout, attempts, resend_writes, answers, inserts and 3 more
"#;
    let printed = folder.run("validate split.json", 2);
    assert_eq!(printed.stderr, expected, "\n{}", printed.stderr);
}

/// Problems of form do not hide unknown names elsewhere, and make no name unknown that stands in a broken part.
#[test]
fn all_problems_are_reported_at_once() {
    let folder = Folder::new("at-once");
    let text = r#"{
        "version": 1, "title": "Wrong in many ways", "duration": "20 s",
        "services": { "store": { "majority_register": { "replicas": "three" } } },
        "clients": { "x": { "calls": "stoer", "arrivals": { "poisson": "9/s" }, "operations": { "read": 1 } } },
        "faults": [
            { "crash": { "where": ["store-9"], "at": "1s" } },
            { "crash": { "where": { "one": { "of": "sotre" } }, "at": "1s" } },
            { "pause": { "where": ["y"] } }
        ]
    }"#;
    folder.write("many.json", text);
    let printed = folder.run("validate many.json", 2);
    let said: Vec<_> = printed.stderr.lines().filter(|line| line.starts_with("error:")).collect();
    let expected = [
        "error: expected a duration above zero such as \"250ms\", found \"20 s\"",
        "error: expected a whole number from 3 to 1001, found \"three\"",
        "error: no service is named \"stoer\"",
        "error: no service is named \"sotre\"",
        "error: the field \"at\" is missing",
    ];
    assert_eq!(said, expected, "\n{}", printed.stderr);
}

#[test]
fn what_is_no_scenario_is_refused() {
    let folder = Folder::new("syntax");
    let check = |text: &[u8], says: &str| {
        folder.write("bad.json", text);
        for command in ["validate", "run"] {
            folder.check(&format!("{command} bad.json"), 2, "", says);
        }
    };
    check(b"", "error: the file is empty: a JSON value is expected\n --> bad.json:1:1\n");
    check(b" \n\n", "error: the file is empty");
    check(&SMALL.as_bytes()[..SMALL.len() / 2], "the end of the file");
    check(&SMALL.as_bytes()[..SMALL.len() - 3], "error: the file ends inside the object that line 1 opens");
    check(b"\xef\xbb\xbf{}", "error: the file begins with a byte order mark");
    check(b"{ \"title\": \"\xff\" }", "error: the file is not UTF-8 text: byte 12 is 0xff");
    check(&[0; 64], "error: expected a value");
    check(&"[".repeat(10_000).into_bytes(), "error: nested too deeply: 128 levels are the limit");
    check(&"{\"a\":".repeat(10_000).into_bytes(), "error: nested too deeply: 128 levels are the limit");
    check(b"[]", "error: expected an object, found an empty list");
    check(b"null", "error: expected an object, found null");
    check(b"{}", "the field \"version\" is missing");
    check(b"{ // here\n }", "JSON has no comments");
}

/// The small scenario with one part of its text replaced; every file must be refused so.
fn check_changed(folder: &Folder, from: &str, to: &str, says: &str) {
    let text = SMALL.replacen(from, to, 1);
    assert_ne!(text, SMALL, "{from:?} is not in the scenario");
    folder.write("bad.json", text);
    folder.check("validate bad.json", 2, "", says);
    folder.check("run bad.json", 2, "", says);
}

#[test]
fn keys_that_occur_twice_are_refused() {
    let folder = Folder::new("duplicates");
    let check = |from: &str, to: &str, says: &str| check_changed(&folder, from, to, says);
    check("\"seed\": 5", "\"seed\": 5, \"seed\": 6", "error: the key \"seed\" was already given on line 4");
    check("\"store\": {", "\"store\": {}, \"store\": {", "error: the key \"store\" was already given on line 7");
    check("\"seed\": 5", "\"seed\": 5, \"s\\u0065ed\": 6", "error: the key \"seed\" was already given on line 4");
}

#[test]
fn absurd_numbers_are_refused() {
    let folder = Folder::new("numbers");
    let check = |from: &str, to: &str, says: &str| check_changed(&folder, from, to, says);
    check("\"seed\": 5", "\"seed\": 1e400", "the number 1e400 is too large");
    check("\"seed\": 5", "\"seed\": 18446744073709551616", "(at /seed)");
    check("\"seed\": 5", "\"seed\": -1", "(at /seed)");
    check("\"seed\": 5", "\"seed\": 0.5", "(at /seed)");
    check("\"version\": 1", "\"version\": 2", "expected the number 1, found the number 2");
    check("\"version\": 1", "\"version\": \"1\"", "expected the number 1, found \"1\"");
    let replicas = "\"replicas\": 3";
    for absurd in ["0", "-3", "2.5", "18446744073709551616", "1e9"] {
        check(replicas, &format!("\"replicas\": {absurd}"), "(at /services/store/majority_register/replicas)");
    }
    for absurd in ["-2s", "1e300h", "99999999999999999999h", "2 parsecs", "", "∞"] {
        check("\"2s\"", &format!("\"{absurd}\""), "bad.json:5:15 (at /duration)");
    }
    for absurd in ["0/s", "-1/s", "1e30/s", "1/fortnight", "NaN/s"] {
        check("100/s", absurd, "(at /clients/shoppers/arrivals/poisson)");
    }
    check("\"read\": 0.5", "\"read\": -0.5", "(at /clients/shoppers/operations/read)");
    check("\"read\": 0.5, \"write\": 0.5", "\"read\": 0", "needs a weight above 0");
}

#[test]
fn the_longest_times_do_no_harm() {
    let folder = Folder::new("long");
    folder.write("small.json", SMALL);
    let budget = "--set /limits={\"events\":20000}";
    let check = |changes: &str, code| folder.run(&format!("run small.json {budget} {changes}"), code);
    check("--set /duration=\"18446744073s\"", 3);
    check("--set /settle=\"18446744073s\"", 0);
    check("--set /clients/shoppers/timeout=\"18446744073s\"", 0);
    check("--set /network/latency=\"18446744073s\"", 3);
    check("--set /clients/shoppers/backoff=\"18446744073s\"", 0);
}

#[test]
fn names_that_mean_nothing_are_refused() {
    let folder = Folder::new("names");
    let check = |from: &str, to: &str, says: &str| check_changed(&folder, from, to, says);
    check("\"calls\": \"store\"", "\"calls\": \"stoer\"", "no service is named \"stoer\"");
    check("\"calls\": \"store\"", "\"calls\": \"stoer\"", "did you mean \"store\"?");
    check("majority_register", "majority_registre", "did you mean \"majority_register\"?");
    check("[\"linearizable\"]", "[\"linearisable\"]", "did you mean \"linearizable\"?");
    check("\"shoppers\"", "\"store-1\"", "the name \"store-1\" is taken by a replica or a client");
    check("\"store\": {", "\"Store\": {", "a name begins with a-z");
    let faults = |list: &str| format!("\"faults\": [{list}], \"seed\": 5");
    check(
        "\"seed\": 5",
        &faults(r#"{ "crash": { "where": ["stor-0"], "at": "1s" } }"#),
        "no node is named \"stor-0\"",
    );
    check("\"seed\": 5", &faults(r#"{ "crash": { "where": ["store-0"], "at": "9s" } }"#), "(at /faults/0)");
    check("\"seed\": 5", &faults(r#"{ "crush": { "where": ["store-0"], "at": "1s" } }"#), "did you mean \"crash\"?");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let folder = Folder::new("unreadable");
    folder.check("run missing.json", 2, "", "there is no file and no bundled scenario missing.json");
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    folder.check("run folder", 2, "", "error: the folder folder has no scenario.json");
    folder.check("validate folder", 2, "", "error: the folder folder has no scenario.json");
}

#[test]
#[cfg(unix)]
fn a_file_that_one_may_not_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("forbidden");
    folder.write("small.json", SMALL);
    std::fs::set_permissions(folder.path("small.json"), std::fs::Permissions::from_mode(0o0)).expect("permissions");
    // Root reads it all the same.
    match std::fs::read(folder.path("small.json")) {
        Ok(_) => folder.run("run small.json", 0),
        Err(_) => folder.check("run small.json", 2, "", "error: cannot read small.json: "),
    };
}
