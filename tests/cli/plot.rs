//! Plots of sweeps.

use super::harness::{Folder, SMALL};

/// How often a class of shape stands in a drawing.
fn count(svg: &str, class: &str) -> usize {
    svg.matches(&format!("class=\"{class}\"")).count()
}

#[test]
fn a_sweep_is_drawn() {
    let folder = Folder::new("plot");
    folder.write("small.json", SMALL);
    let vary = "--vary /network/loss=[0,\"0.1%\",0.002]";
    folder.run(&format!("sweep small.json --seeds 0..3 {vary} --series 500ms --out one"), 0);
    let printed = folder.run("plot one", 0).stdout;
    let names = [
        "availability-over-time.svg",
        "availability.svg",
        "holding.svg",
        "latency-cdf.svg",
        "latency-over-time.svg",
        "latency.svg",
    ];
    assert_eq!(folder.files("one/plots"), names);
    assert_eq!(printed.lines().count(), names.len());
    folder.run("plot one --out again", 0);
    let check = |name: &str, curves: usize, bands: usize, dots: usize| {
        let svg = folder.read(&format!("one/plots/{name}"));
        assert_eq!(svg, folder.read(&format!("again/{name}")), "{name}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{name}");
        // A curve stands in the legend too, if there are several.
        let legend = if curves > 1 { 2 } else { 1 };
        assert_eq!(
            (count(&svg, "curve"), count(&svg, "band"), count(&svg, "dot")),
            (curves * legend, bands, dots),
            "{name}"
        );
    };
    check("holding.svg", 1, 1, 3);
    check("availability.svg", 1, 1, 3);
    check("latency.svg", 3, 0, 9);
    check("latency-cdf.svg", 3, 0, 0);
    check("availability-over-time.svg", 3, 3, 0);
    check("latency-over-time.svg", 6, 0, 0);
    let svg = folder.read("one/plots/holding.svg");
    for label in [">/network/loss<", ">share of runs that hold<", ">0.1%<", ">small.json<"] {
        assert!(svg.contains(label), "no {label:?} in:\n{svg}");
    }
}

#[test]
fn two_values_make_a_heat_map() {
    let folder = Folder::new("plot-heat");
    folder.write("a<b.json", SMALL);
    folder.run(
        "sweep a<b.json --seeds 0..2 --vary /network/loss=[0,0.2] --vary /duration=[\"1s\",\"2s\",\"3s\"] --out two",
        0,
    );
    folder.run("plot two", 0);
    assert_eq!(folder.files("two/plots"), ["availability-heat.svg", "holding-heat.svg", "latency-cdf.svg"]);
    let svg = folder.read("two/plots/holding-heat.svg");
    assert_eq!((count(&svg, "cell"), svg.matches(">100.0%<").count()), (6, 6));
    assert_eq!((count(&svg, "scale"), svg.matches(">50%<").count()), (20, 1));
    assert!(svg.contains("a&lt;b.json"), "names are text, not markup:\n{svg}");
    folder.write("empty/x", "");
    folder.check("plot empty", 2, "", "holds no sweep");
}
