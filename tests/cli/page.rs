//! Pages: what writes them, and that they change nothing else.

use serde_json::Value;

use super::harness::{Folder, REFUTED, SMALL};

/// The document in a page.
fn data(page: &str) -> Value {
    let (_, after) = page.split_once("id=\"document\">").expect("a document");
    serde_json::from_str(after.split_once("</script>").expect("its end").0).expect("JSON")
}

#[test]
fn a_page_shows_the_run_and_leaves_it_as_it_is() {
    let folder = Folder::new("page");
    folder.write("lost.json", REFUTED);
    let without = folder.document("run lost.json", 1);
    assert_eq!(folder.document("run lost.json --report page.html", 1), without);
    let data = data(&folder.read("page.html"));
    assert_eq!(data["runs"][0]["digest"], without["digest"]);
    assert_eq!(
        data["runs"][0]["events"]["total"].as_u64(),
        data["runs"][0]["events"]["t"].as_array().map(|t| t.len() as u64)
    );
}

#[test]
fn a_folder_of_results_is_run_again() {
    let folder = Folder::new("page-of-results");
    folder.write("lost.json", REFUTED);
    let digest = folder.digest("run lost.json --seed 9 --out kept");
    assert_eq!(folder.digest("run kept --report page.html"), digest);
    assert_eq!(data(&folder.read("page.html"))["runs"][0]["digest"], Value::from(digest));
    folder.check("run kept --seed 10", 1, "digest", "the run that kept keeps had the digest");
    folder.check("run . --report page.html", 2, "", "error: the folder . has no scenario.json");
}

#[test]
fn a_page_shows_two_runs() {
    let folder = Folder::new("page-of-two");
    folder.write("small.json", SMALL).write("lost.json", REFUTED);
    for command in ["run", "compare"] {
        folder.run(&format!("{command} small.json lost.json --seed 3 --report both.html"), 1);
        let data = data(&folder.read("both.html"));
        let names: Vec<_> = (0..2).map(|run| data["runs"][run]["name"].clone()).collect();
        assert_eq!(names, ["small.json", "lost.json"]);
    }
    folder.check("compare small.json lost.json --seeds 0..2 --report both.html", 2, "", "cannot be used with");
}
