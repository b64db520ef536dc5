//! What a book in order becomes.

#[allow(dead_code, reason = "each test file uses its part")]
mod fixture;

use fixture::Fixture;

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        let main = page.split_once("<main>").map_or(page, |(_, main)| main);
        let main = main.split_once("</main>").map_or(main, |(main, _)| main);
        assert!(main.contains(part), "no {part} in:\n{main}");
    }
}

#[test]
fn an_equation_has_its_number_its_shapes_and_its_test() {
    let page = Fixture::new().page("01-scale.html");
    has(
        &page,
        &[
            "id=\"eq:double\" role=\"group\" aria-label=\"Equation 1.1\"",
            "data-latex=\"y = 2 x\"",
            "<math",
            "href=\"#eq:double\">(1.1)</a>",
            "<span class=\"shapes\">[n] = [n]</span>",
            "https://example.org/files/tests/scale.rs#L2-L5",
            "test eq_double",
        ],
    );
}

#[test]
fn references_carry_numbers_across_chapters() {
    let fixture = Fixture::new();
    let reference = "<a class=\"reference\" href=\"01-scale.html#eq:double\">(1.1)</a>";
    has(
        &fixture.page("01-scale.html"),
        &[reference, "href=\"01-scale.html#fig:line\">Figure 1.1</a>"],
    );
    has(&fixture.page("02-shift.html"), &[reference]);
    has(
        &fixture.page("index.html"),
        &[
            reference,
            "<a href=\"02-shift.html#what-it-is\">the second chapter</a>",
            "<a href=\"https://example.org/files/src/shift.rs#L2-L4\">its code</a>",
        ],
    );
}

#[test]
fn code_stands_as_it_is_in_the_repository() {
    let page = Fixture::new().page("01-scale.html");
    has(
        &page,
        &[
            "https://example.org/files/src/scale.rs#L5-L14",
            "/// Doubles `x`.\npub fn apply(&amp;self",
            "for x in x {\n    y.push(2.0 * x);\n}</code>",
            "https://example.org/files/src/scale.rs#L9-L11",
            "<code class=\"language-rust\">#[test]\nfn eq_double() {",
            "cargo test --test all scale::eq_double",
        ],
    );
    assert!(!page.contains("ANCHOR"), "{page}");
    // In a list it stays in the list.
    has(&page, &["<li>\n<p>A list with code in it:</p>\n<div class=\"listing\">"]);
}

#[test]
fn figures_are_a_part_of_the_page() {
    let page = Fixture::new().page("01-scale.html");
    has(
        &page,
        &[
            "<figure id=\"fig:line\">",
            "role=\"img\" aria-label=\"A line of slope 2.\"",
            "<path id=\"line-p\" d=\"M0 10L5 0\"",
            "<strong>Figure 1.1.</strong> Doubling: ",
            "data-latex=\"y = 2x\"",
            "href=\"https://example.org/files/notebooks/01-scale.ipynb#line\">Run it</a>",
            "alt=\"Two dots.\" src=\"data:image/png;base64,iVBORw0KGgo=\"",
        ],
    );
}

#[test]
fn numbers_and_outputs_come_from_runs() {
    let page = Fixture::new().page("01-scale.html");
    has(
        &page,
        &[
            ">1.23</a> s",
            "title=\"from notebooks/records/scale.json#/runs/name=double/seconds\"",
            ">12,346</a> numbers a second",
            "<span class=\"reported\" title=\"as reported\">12.5 %</span>",
            "```\nrate: 12345.6\n</code>",
            "<tr><td>1</td></tr>",
        ],
    );
}

#[test]
fn an_exercise_has_its_question_its_hint_and_its_solution() {
    let fixture = Fixture::new();
    let page = fixture.page("01-scale.html");
    has(
        &page,
        &[
            "id=\"ex:scale_twice\" role=\"group\" aria-labelledby=\"ex:scale_twice-title\"",
            "<strong>Try it (1.1). Twice, <code>f</code> of <span class=\"tex\"",
            "aria-label=\"difficulty 1 of 3\">●○○</span> <span class=\"exercise-time\">about",
            "<strong>Exercise 1.2. And back</strong>",
            "as <a class=\"reference\" href=\"01-scale.html#eq:double\">(1.1)</a> does once",
            "<a href=\"02-shift.html\">the second chapter</a>",
            "https://example.org/files/exercises/exercises/01_scale/scale_twice.rs\">exercises",
            "<summary>Hint for exercise 1.1</summary>\n<p>Look at <a class=\"reference\"",
            "<summary>Solution of exercise 1.1</summary><span id=\"solution-scale_twice\"></span>\n<p>Two",
            "solutions/01_scale/scale_twice.rs#L3-L5",
            "<code class=\"language-rust\">fn twice(x: f64) -&gt; f64 {\n    4.0 * x\n}</code>",
            "href=\"01-scale.html#ex:scale_twice\">exercise 1.1</a>",
            "<code class=\"run-command\">rustlings run scale_back</code>",
            "<code class=\"run-command\">cargo test --bin scale_back</code>",
        ],
    );
    has(
        &fixture.page("solutions.html"),
        &[
            "<strong><a href=\"01-scale.html#exercises\">Scale</a></strong>",
            "<a href=\"01-scale.html#solution-scale_twice\">1.1. Twice, <code>f</code> of <span",
            "<a href=\"01-scale.html#solution-scale_back\">1.2. And back</a>",
        ],
    );
}

#[test]
fn a_score_has_a_line_for_each_chapter_up_to_its_own() {
    let fixture = Fixture::new();
    let page = fixture.page("02-shift.html");
    let source = "title=\"from notebooks/02-shift.ipynb#score\"";
    has(
        &page,
        &[
            "<td><a href=\"01-scale.html\">1. Scale</a></td><td>doubling</td>",
            ">93.42 %</a></td>",
            "<td><strong><a href=\"02-shift.html\">2. Shift</a></strong></td>",
            &format!("<strong><a class=\"number\" {source} href=\"https://example.org/files/"),
            ">± 0.33</a>, five seeds</strong></td>",
        ],
    );
    assert!(!fixture.page("01-scale.html").contains("95.10 %"));
    let without = Fixture::new().replace("notebooks/01-scale.ipynb", "\"score\"", "\"scored\"");
    let without = without.replace("chapters/01-scale.md", "{{score}}", "");
    assert!(!without.page("02-shift.html").contains("93.42 %"));
}

#[test]
fn a_prediction_has_its_question_its_controls_and_its_answer() {
    let page = Fixture::new().page("02-shift.html");
    has(
        &page,
        &[
            "id=\"predict:rate\" role=\"group\" aria-labelledby=\"predict:rate-question\"",
            "<strong>Predict first.</strong> How many numbers a second does <a class=\"reference\"",
            "<form class=\"predict-guess\" hidden",
            "<summary>Answer</summary>\n<p><span class=\"predict-measured\"><a class=\"number\"",
            ">12,346</a>\u{202f}numbers/s</span>",
            "microseconds.</p>",
            "value=\"above y = x\" required",
            "value=\"below y\" required=\"\"> <span>below <code>y</code></span></label>",
            "min=\"0\" max=\"2\" step=\"0.02\" value=\"1\" aria-label=\"at step 0\"",
            "style=\"--share: 0.625\"",
            "<td style=\"text-align: right\">1.2\u{202f}nats</td>",
        ],
    );
    let data =
        page.split("data-predict=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let data: serde_json::Value = serde_json::from_str(&data.replace("&quot;", "\"")).unwrap();
    assert_eq!((&data["page"], &data["id"]), (&"02-shift".into(), &"rate".into()));
    assert_eq!(data["answer"], "12,346\u{202f}numbers/s");
}

#[test]
fn a_box_of_pytorch_has_its_code_its_output_and_its_version() {
    has(
        &Fixture::new().page("01-scale.html"),
        &[
            "<div class=\"listing pytorch\" role=\"group\" aria-label=\"In PyTorch\">",
            "<span>PyTorch 2.9.1, Python 3.12 <a class=\"source-link\" href=\"https://example.org/files/tests/pytorch\">",
            "<code class=\"language-python\">x = torch.tensor(2.0)\nprint(2 * x)\n</code>",
            "<code class=\"language-text\">tensor(4.)\n</code>",
        ],
    );
}

#[test]
fn a_chapter_names_its_files_and_its_shapes() {
    let page = Fixture::new().page("01-scale.html");
    has(
        &page,
        &[
            "<span>Chapter 1</span>",
            "https://example.org/files/src/scale.rs\">src/scale.rs</a>",
            "https://example.org/files/notebooks/01-scale.ipynb\">notebooks/01-scale.ipynb</a>",
            "<p class=\"section-links\">",
            "<td><a class=\"reference\" href=\"#eq:double\">(1.1)</a></td>",
        ],
    );
}

#[test]
fn without_an_address_on_the_web_names_are_no_links() {
    let fixture = Fixture::new();
    let mut options = fixture.options();
    options.repository = options.repository.on_the_web(None);
    book::build(&options, &fixture.path("site")).unwrap();
    let page = std::fs::read_to_string(fixture.path("site/01-scale.html")).unwrap();
    has(&page, &["<span class=\"source-link\">src/scale.rs</span>"]);
    let page = std::fs::read_to_string(fixture.path("site/index.html")).unwrap();
    has(&page, &["</a>, and\nits code."]);
}

#[test]
fn the_search_index_has_a_formula_once() {
    let fixture = Fixture::new();
    fixture.page("index.html");
    let mut files = std::fs::read_dir(fixture.path("book/site")).unwrap().map(|file| file.unwrap());
    let index = files.find(|file| file.file_name().to_string_lossy().starts_with("searchindex"));
    let index = std::fs::read_to_string(index.unwrap().path()).unwrap();
    has(&index, &["Let y = f ( x ) be a function."]);
}
