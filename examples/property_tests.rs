//! Property tests of the register of `register.rs`, one of them with a bug to be found: `docs/property-testing.md` explains them.
//!
//! `cargo test --example property_tests` runs them.

#[expect(dead_code, reason = "its `main` is that of another program")]
#[path = "register.rs"]
mod register;

fn main() {
    eprintln!("these are tests: cargo test --example property_tests");
}

#[cfg(test)]
mod tests {
    use partita::property::Property;

    use super::register::registry;

    fn property() -> Property {
        Property::new(registry()).program("cargo run --example register --")
    }

    #[test]
    fn a_backup_may_forget() {
        property().check_file("examples/register.json", 0..5);
    }

    #[test]
    fn late_writes_do_no_harm() {
        property().set("/services/store/my_register/without", "[]").check_file("examples/late-writes.json", 0..50);
    }

    /// Without the comparison that keeps a late write from undoing a later one: found, shrunk, kept and told.
    #[test]
    fn late_writes_undo_later_ones() {
        let folder = std::env::current_exe().expect("a program").with_file_name("kept");
        let _ = std::fs::remove_dir_all(&folder);
        let test = || property().regressions(&folder).check_file("examples/late-writes.json", 0..50);
        let story = *std::panic::catch_unwind(test).expect_err("it is found").downcast::<String>().expect("a story");
        println!("{story}");
        for part in ["safety by convergence", " 1. ", "cargo run --example register -- run "] {
            assert!(story.contains(part), "no {part:?} in:\n{story}");
        }
        // The next time, what was kept fails at once.
        let again =
            *std::panic::catch_unwind(test).expect_err("it is replayed").downcast::<String>().expect("a story");
        assert!(again.contains("as it was kept in "), "{again}");
    }
}
