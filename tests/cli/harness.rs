//! Running the binary in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder of one test, empty at its start. It is left behind for whoever looks into a failure.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("in the folder")).expect("a folder for the file");
        fs::write(path, text).expect("a file for the test");
        self
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names of the files in a folder of this folder, sorted.
    pub fn files(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).expect("a folder");
        let mut files: Vec<_> =
            entries.map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        files.sort();
        files
    }

    /// The binary with these arguments, which stand in one text, to be run in this folder.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_partita"));
        command.args(arguments.split_whitespace()).current_dir(&self.0).stdin(Stdio::null()).env_remove("NO_COLOR");
        command
    }

    /// Runs the binary; it must end with this code and panic nowhere. Answers what it printed.
    pub fn run(&self, arguments: &str, code: i32) -> Printed {
        Printed::of(&self.command(arguments).output().expect("the binary runs"), arguments, code)
    }

    /// Runs the binary, and looks for parts of what it printed; an empty part means that nothing is printed.
    pub fn check(&self, arguments: &str, code: i32, stdout: &str, stderr: &str) -> Printed {
        let printed = self.run(arguments, code);
        for (stream, text, part) in [("stdout", &printed.stdout, stdout), ("stderr", &printed.stderr, stderr)] {
            let found = if part.is_empty() { text.is_empty() } else { text.contains(part) };
            assert!(found, "partita {arguments}: {stream} has no {part:?}:\n{text}");
        }
        printed
    }

    /// The document of a run.
    pub fn document(&self, arguments: &str, code: i32) -> Value {
        let printed = self.run(&format!("{arguments} --format json"), code);
        serde_json::from_str(&printed.stdout).unwrap_or_else(|error| panic!("{arguments}: {error}"))
    }

    /// The digest of a run, whatever its verdict.
    pub fn digest(&self, arguments: &str) -> String {
        let output = self.command(&format!("{arguments} --format json")).output().expect("the binary runs");
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments}: {error}\n{}", String::from_utf8_lossy(&output.stderr)));
        document["digest"].as_str().expect("a digest").to_owned()
    }
}

/// What the binary printed.
pub struct Printed {
    pub stdout: String,
    pub stderr: String,
}

impl Printed {
    pub fn of(output: &Output, arguments: &str, code: i32) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let printed = Self { stdout: text(&output.stdout), stderr: text(&output.stderr) };
        let Self { stdout, stderr } = &printed;
        assert_eq!(output.status.code(), Some(code), "partita {arguments}\n{stdout}\n{stderr}");
        assert!(!stdout.contains("panicked at") && !stderr.contains("panicked at"), "partita {arguments}\n{stderr}");
        printed
    }
}

/// A small scenario that holds: three replicas, one client, no fault.
pub const SMALL: &str = r#"{
  "version": 1,
  "title": "Small",
  "seed": 5,
  "duration": "2s",
  "network": { "latency": { "exponential": { "mean": "2ms" } } },
  "services": { "store": { "majority_register": { "replicas": 3 } } },
  "clients": {
    "shoppers": {
      "calls": "store",
      "arrivals": { "poisson": "100/s" },
      "operations": { "read": 0.5, "write": 0.5 },
      "timeout": "1s"
    }
  },
  "hypothesis": { "always": ["linearizable"] }
}
"#;

/// The small scenario with every acknowledged write lost in a crash: refuted.
pub const REFUTED: &str = r#"{
  "version": 1,
  "title": "Lost",
  "duration": "4s",
  "services": { "store": { "single": { "sync": "never" } } },
  "clients": {
    "shoppers": {
      "calls": "store",
      "arrivals": { "constant": "50/s" },
      "operations": { "read": 0.5, "write": 0.5 },
      "keys": { "uniform": { "count": 10 } },
      "timeout": "500ms"
    }
  },
  "faults": [{ "crash": { "where": ["store-0"], "at": "1s", "for": "1s", "disk_keeps": "nothing" } }],
  "hypothesis": { "always": ["linearizable", { "lost_writes": { "at_most": 0 } }] }
}
"#;
