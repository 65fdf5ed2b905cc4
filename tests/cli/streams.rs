//! Results go to stdout, everything else to stderr, and neither may be there.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::Stdio;

use super::harness::{Folder, Printed, REFUTED, SMALL};

#[test]
fn colours_are_for_those_who_want_them() {
    let folder = Folder::new("colour");
    folder.write("lost.json", REFUTED).write("bad.json", "{");
    let check = |arguments: &str, variable: Option<&str>, code: i32, expected: bool| {
        let mut command = folder.command(arguments);
        if let Some(value) = variable {
            command.env("NO_COLOR", value);
        }
        let Printed { stdout, stderr } = Printed::of(&command.output().expect("the binary runs"), arguments, code);
        assert_eq!((stdout + &stderr).contains('\u{1b}'), expected, "{arguments} NO_COLOR={variable:?}");
    };
    check("run lost.json", None, 1, false);
    check("run lost.json", Some("1"), 1, false);
    check("run lost.json --color always", None, 1, true);
    check("run lost.json --color always", Some("1"), 1, true);
    check("run lost.json --color never", None, 1, false);
    check("run lost.json --color always --format json", None, 1, false);
    check("--color always validate bad.json", None, 2, true);
    check("validate bad.json --color never", None, 2, false);
    folder.check("run lost.json --color sometimes", 2, "", "[possible values: auto, always, never]");
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let folder = Folder::new("closed-pipe");
    folder.write("small.json", SMALL);
    for arguments in
        ["run small.json", "run small.json --format json", "schema", "list", "--help", "validate small.json"]
    {
        let mut command = folder.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        // Closed before or after the first bytes: either way the rest finds no reader.
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the binary ends");
        Printed::of(&output, arguments, 0);
    }
    let mut child = folder.command("schema").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut byte = [0];
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_exact(&mut byte).expect("a byte");
    drop(stdout);
    assert_eq!(byte, *b"{");
    Printed::of(&child.wait_with_output().expect("the binary ends"), "schema", 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_is_an_error() {
    let folder = Folder::new("full");
    folder.write("small.json", SMALL);
    for arguments in
        ["run small.json", "run small.json --format json", "list", "schema", "validate small.json", "--help"]
    {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("the device");
        let output = folder.command(arguments).stdout(full).output().expect("the binary runs");
        let printed = Printed::of(&output, arguments, 2);
        assert!(printed.stderr.contains("error: cannot write the result: "), "{arguments}: {}", printed.stderr);
    }
    folder.check("run small.json --trace jsonl=/dev/full", 2, "", "error: cannot write /dev/full: ");
    // Nobody hears the complaint: no reason to panic.
    let full = OpenOptions::new().write(true).open("/dev/full").expect("the device");
    let output = folder.command("run missing.json").stderr(full).output().expect("the binary runs");
    Printed::of(&output, "run missing.json", 2);
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let folder = Folder::new("unwritable");
    folder.write("small.json", SMALL).write("file", "precious");
    folder.check("run small.json --out file", 2, "", "error: cannot make the folder file: ");
    folder.check("run small.json --out file/below", 2, "", "error: cannot make the folder file/below: ");
    folder.check("run small.json --trace binary=none/t", 2, "", "error: cannot write none/t: ");
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    folder.check("run small.json --trace jsonl=folder", 2, "", "error: cannot write folder: ");
    assert_eq!(folder.read("file"), "precious");
    assert_eq!(folder.files("."), ["file", "folder", "small.json"], "nothing is left behind");
}
