//! Every kind of fault, planted in a book that is in order: the check names the file, the line
//! and the way out.

#[allow(dead_code, reason = "each test file uses its part")]
mod fixture;

use fixture::{Fixture, problems};

const SCALE: &str = "chapters/01-scale.md";
const SHIFT: &str = "chapters/02-shift.md";

/// The problem after `paragraph` was added to the second chapter, whose line 39 it becomes.
#[track_caller]
fn added(paragraph: &str, says: &[&str]) {
    let problem = Fixture::new().append(SHIFT, paragraph).problem();
    assert!(problem.starts_with("chapters/02-shift.md:39: "), "{problem}");
    says_all(&problem, says);
}

#[track_caller]
fn says_all(problem: &str, says: &[&str]) {
    for words in says {
        assert!(problem.contains(words), "{problem}\nsays nothing of {words}");
    }
}

#[test]
fn a_book_in_order_has_no_problem() {
    let summary = book::check(&Fixture::new().options()).unwrap();
    assert_eq!((summary.pages, summary.equations, summary.figures), (4, 2, 2));
    assert_eq!(summary.quotes, 16);
    let scale = &summary.budgets[0];
    assert_eq!((scale.chapter.as_str(), scale.equations, scale.figures), ("1 Scale", 1, 2));
    // Of the code a method and its loop, the method without its documentation, and a test.
    assert_eq!((scale.lines, scale.tests, scale.exercises), (8 + 3 + 7, 1, 2));
}

#[test]
fn an_equation_needs_a_test() {
    added(
        "```eq shifts\nx = x\nshapes: [n] = [n]\n```",
        &["equation `shifts` has no test", "fn eq_shifts()", "tests/shift.rs", "`eq_shift`"],
    );
}

#[test]
fn an_equation_s_test_must_run() {
    let fixture = Fixture::new().replace("tests/shift.rs", "#[test]", "#[test]\n#[ignore]");
    let problem = fixture.problem();
    says_all(&problem, &["chapters/02-shift.md:5: ", "`eq_shift` of equation `shift` is ignored"]);
}

#[test]
fn a_function_of_the_name_is_no_test() {
    let problem = Fixture::new().replace("tests/shift.rs", "#[test]\n", "").problem();
    says_all(&problem, &["chapters/02-shift.md:5: ", "equation `shift` has no test"]);
}

#[test]
fn a_test_needs_its_equation() {
    let fixture = Fixture::new().append("tests/shift.rs", "#[test]\nfn eq_back() {}");
    says_all(
        &fixture.problem(),
        &["tests/shift.rs:6: ", "`eq_back` has no equation", SHIFT, "equation `back`"],
    );
}

#[test]
fn an_equation_needs_an_id_and_a_chapter() {
    added("```eq\nx = x\nshapes: [n]\n```", &["no id", "```eq matmul-dw"]);
    added("```eq Shift\nx = x\nshapes: [n]\n```", &["`Shift` is no id"]);
    let problem =
        Fixture::new().append("chapters/index.md", "```eq a\na\nshapes: [n]\n```").problem();
    says_all(&problem, &["chapters/index.md:6: ", "need a chapter"]);
}

#[test]
fn a_scalar_equation_has_no_ledger_line() {
    added(
        "```eq new\nx = x\nshapes: [n] = [n]\nshapes: [] = []\n```",
        &["a scalar equation has no ledger line", "`shapes: [] = []` of equation `new`"],
    );
    let scalar = Fixture::new().replace(SHIFT, "shapes: [n] = [n]\n", "");
    let summary = book::check(&scalar.options()).unwrap();
    assert_eq!(summary.equations, 2);
}

#[test]
fn an_id_is_taken_once() {
    let error =
        book::check(&Fixture::new().append(SHIFT, "```eq double\nx\nshapes: [n]\n```").options());
    let problems = problems(error.unwrap_err());
    says_all(&problems.join("\n"), &["`eq:double` is taken: see chapters/01-scale.md:7"]);
}

#[test]
fn a_file_has_the_number_of_its_chapter() {
    let fixture = Fixture::new().replace(
        "chapters/SUMMARY.md",
        "- [Scale](01-scale.md)\n- [Shift](02-shift.md)",
        "- [Shift](02-shift.md)\n- [Scale](01-scale.md)",
    );
    let problems = problems(book::check(&fixture.options()).unwrap_err());
    says_all(&problems[0], &["01-scale.md:1: ", "number is 1", "chapter 2 of SUMMARY.md"]);
    assert_eq!(problems.len(), 2);
}

#[test]
fn broken_latex_is_found() {
    added(r"So $\frac{1}$ of it.", &[r"in `\frac{1}`", "Correct the LaTeX"]);
    let problem = Fixture::new().append(SHIFT, r"So $\frac{1}{2 of it.").problem();
    says_all(&problem, &["chapters/02-shift.md:39: ", "this dollar sign begins no formula"]);
    added(r"$$ \undefined $$", &["Undefined control sequence", r"\undefined"]);
    added(r"So $1 + \sqrt x$.", &[r"write `\sqrt{…}`", r"in `1 + \sqrt x`"]);
    let problem = Fixture::new().replace(SHIFT, "y = x + 1", r"y = \left( x + 1").problem();
    says_all(&problem, &["chapters/02-shift.md:5: "]);
}

#[test]
fn references_lead_somewhere() {
    added("See [](#eq:doubl).", &["`#eq:doubl` is not there", "did you mean `eq:double`?"]);
    added("See [](#fig:lime).", &["`#fig:lime`", "did you mean `fig:line`?"]);
    added("See [](01-scale.md).", &["has no text"]);
    added("See [here](#what-it-was).", &["02-shift.md#what-it-was", "did you mean `what-it-is`?"]);
    added("See [there](01-scale.md#doublin).", &["did you mean `doubling`?"]);
    added("See [there](01-scales.md).", &["did you mean `chapters/01-scale.md`?"]);
    added("See [there](03-none.md).", &["`chapters/03-none.md` is not there"]);
    added("See [code](../src/shfit.rs).", &["`src/shfit.rs` is not there"]);
    added("See [code](../src/shift.rs#shfit).", &["no item `shfit`", "did you mean `shift`?"]);
    added("See [it](../notebooks/01-scale.ipynb#lime).", &["no cell `lime`", "`line`?"]);
}

#[test]
fn quoted_code_is_there() {
    added("{{code src/none.rs#a}}", &["cannot read `src/none.rs`"]);
    added("{{code ../outside.rs#a}}", &["outside of the repository"]);
    added("{{code src/shift.rs#shifted}}", &["no item `shifted`", "did you mean `shift`?"]);
    added("{{code src/scale.rs@loops}}", &["no piece `loops`", "`loop`?", "// ANCHOR: loops"]);
    added(
        "{{cod src/scale.rs}}",
        &["`{{cod src/scale.rs}}` is not understood", "{{code FILE#ITEM}}"],
    );
    added("{{code src/scale.rs", &["is not understood"]);
}

#[test]
fn a_renamed_function_is_missed() {
    let fixture = Fixture::new().replace("src/scale.rs", "pub fn apply", "pub fn apply_to");
    let problems = problems(book::check(&fixture.options()).unwrap_err());
    assert_eq!(problems.len(), 2);
    says_all(&problems[0], &["chapters/01-scale.md:14: ", "did you mean `Scale::apply_to`?"]);
}

#[test]
fn a_source_that_does_not_parse_is_named() {
    let fixture = Fixture::new().replace("src/shift.rs", "x + 1.0", "x + ");
    says_all(&fixture.problem(), &["chapters/index.md:4: ", "`src/shift.rs` is not valid Rust"]);
}

#[test]
fn a_moved_piece_is_missed() {
    let fixture = Fixture::new().replace("src/scale.rs", "// ANCHOR_END: loop", "//");
    says_all(&fixture.problem(), &["chapters/01-scale.md:16: ", "no piece `loop`"]);
}

#[test]
fn quoted_cells_are_there_and_have_run() {
    let notebook = "notebooks/01-scale.ipynb";
    added("{{output notebooks/01-scale.ipynb#printd}}", &["no cell `printd`", "`printed`?"]);
    added(
        "{{output notebooks/01-scale.ipynb#idle}}",
        &["cell `idle`", "has no output", "python tests/notebooks --write", notebook],
    );
    added("{{output notebooks/01-scale.ipynb#broken}}", &["failed", "panicked at"]);
    added("{{output notebooks/01-scale.ipynb#line}}", &["shows a picture", "```figure"]);
    added("{{output notebooks/none.ipynb#a}}", &["cannot read `notebooks/none.ipynb`"]);
    let deleted = Fixture::new().replace(notebook, "\"id\": \"table\"", "\"id\": \"other\"");
    says_all(&deleted.problem(), &["chapters/01-scale.md:44: ", "no cell `table`"]);
}

#[test]
fn a_notebook_that_is_none_is_named() {
    let fixture = Fixture::new().replace("notebooks/01-scale.ipynb", "\"cells\"", "\"cell\"");
    let problems = problems(book::check(&fixture.options()).unwrap_err());
    assert_eq!(problems.len(), 8);
    says_all(&problems[0], &["`notebooks/01-scale.ipynb` is no notebook", "missing field `cells`"]);
}

#[test]
fn a_figure_is_complete() {
    added(
        "```figure a\ncell: notebooks/01-scale.ipynb#line\ncaption: A line.\n```",
        &["figure `a` has no alternative text", "alt: …"],
    );
    added("```figure a\nalt: b\ncaption: c\n```", &["needs the line `cell: …`"]);
    added("```figure a\nfile: src/a.svg\nalt: b\ncaption: c\n```", &["`command: …`"]);
    added("```figure a\ncell: a#b\nalt: b\n```", &["`caption: …`"]);
    added("```figure a\ncell: a#b\naltt: b\n```", &["`altt` means nothing", "caption"]);
    added("```figure A b\ncell: a#b\n```", &["is no id"]);
    added(
        "```figure a\ncell: notebooks/01-scale.ipynb#printed\nalt: b\ncaption: c\n```",
        &["shows no picture", "{{output notebooks/01-scale.ipynb#printed}}"],
    );
}

/// A widget whose files are there, up to `count` of them.
fn with_widget(count: usize) -> Fixture {
    let files = ["book/widgets/src/dial.rs", "book/widgets/js/dial.js"];
    let files = files.into_iter().chain(["book/tests/browser/widgets/dial.js"]);
    files.take(count).fold(Fixture::new(), |fixture, path| fixture.write(path, ""))
}

#[test]
fn a_widget_has_a_figure_words_and_all_its_files() {
    let figure = "cell: notebooks/01-scale.ipynb#line\n";
    let words = "alt: A line.\ncaption: A line.\n";
    let block = |fields: &str| format!("```widget dial\n{fields}```");
    added(&block(words), &["needs the line `cell: …`"]);
    added(&block(&format!("{figure}caption: b\n")), &["`dial` has no alternative text"]);
    added(&block(&format!("{figure}{words}lives: c\n")), &["`lives` means nothing", "live"]);
    let files = ["book/widgets/src/dial.rs", "widgets/js/dial.js", "browser/widgets/dial.js"];
    for (count, missing) in files.into_iter().enumerate() {
        let block = block(&format!("{figure}{words}"));
        let problem = with_widget(count).append(SHIFT, &block).problem();
        says_all(&problem, &["chapters/02-shift.md:39: ", "widget `dial` has no file", missing]);
    }
    let whole = block(&format!("{figure}{words}live: See [](#eq:nothing).\n"));
    let problem = with_widget(3).append(SHIFT, &whole).problem();
    says_all(&problem, &["chapters/02-shift.md:43: ", "`#eq:nothing` is not there"]);
}

#[test]
fn a_caption_s_fault_has_its_line() {
    let fixture = Fixture::new().replace(SCALE, "caption: See [](#eq:double).", "caption: $\\a$");
    says_all(&fixture.problem(), &["chapters/01-scale.md:31: ", "Undefined control sequence"]);
}

#[test]
fn nothing_is_typed_that_can_be_quoted() {
    added("It reaches 98.6 % now.", &["the number `98.6` is typed", "{{reported 98.6}}"]);
    added("It took 3 seconds.", &["the number `3` is typed"]);
    added("![a plot](plot.svg)", &["image is not quoted"]);
    added("<img src=\"plot.svg\">", &["image is not quoted"]);
    added("```predit a\nkind: number\n```", &["no block is called `predit`", "`predict`?"]);
    added("```pytorch scale\n```", &["no block is called `pytorch`", "{{pytorch scalar}}"]);
    added("```rust\nfn main() {}\n```", &["Rust code is typed", "{{code FILE#ITEM}}"]);
}

#[test]
fn quoted_numbers_are_there() {
    let record = "notebooks/records/scale.json";
    added(
        "{{number notebooks/records/scale.json#/run/0}}",
        &["nothing at `/run/0`", "did you mean `runs`?"],
    );
    added("{{number notebooks/records/scale.json#/runs/name=triple/seconds}}", &["nothing at"]);
    added("{{number notebooks/records/none.json#/a}}", &["cannot read"]);
    added("{{number notebooks/records/scale.json#/runs/0/name as fixed 1}}", &["is no number"]);
    added(
        "{{number notebooks/records/scale.json#/runs/0/seconds as about}}",
        &["`about` is unknown"],
    );
    added(
        "{{number notebooks/01-scale.ipynb#printed after \"speed: \"}}",
        &["does not say `speed: ` before a number"],
    );
    let broken = Fixture::new().replace(record, "{\"runs\"", "{runs");
    let problems = problems(book::check(&broken.options()).unwrap_err());
    assert_eq!(problems.len(), 2);
    says_all(&problems[0], &["is no record", "chapters/01-scale.md:25: "]);
}

#[test]
fn an_exercise_is_complete() {
    let (asked, solved) = ("exercises/exercises/01_scale/", "exercises/solutions/01_scale/");
    let (list, back) = ("exercises/info.toml", format!("{asked}scale_back.rs"));
    added(
        "{{exercise scale_bak}}",
        &["no exercise `scale_bak`; did you mean `scale_back`?", "exercises/info.toml"],
    );
    added("{{exercise scale_back}}", &["belongs to `01_scale`", "folder is `02_shift`"]);
    let twice = Fixture::new().append(SCALE, "{{exercise scale_back}}").problem();
    says_all(
        &twice,
        &["01-scale.md:60: ", "`ex:scale_back` is taken: see chapters/01-scale.md:56"],
    );
    let outside = Fixture::new().append("chapters/index.md", "{{exercise scale_back}}").problem();
    says_all(&outside, &["chapters/index.md:6: ", "an exercise needs a chapter"]);

    let problem = |path: &str, old, new| Fixture::new().replace(path, old, new).problem();
    let hint = problem(list, "hint = \"Which $f$ undoes it?\"", "hint = \"\"");
    says_all(&hint, &["exercises/info.toml:10: ", "`scale_back` has no hint"]);
    let unsolved = Fixture::new().remove(&format!("{solved}scale_back.rs")).problem();
    says_all(&unsolved, &["exercises/info.toml:10: ", "`scale_back` has no solution", solved]);
    let missing = Fixture::new().remove(&back).problem();
    says_all(&missing, &["exercises/info.toml:10: ", "cannot read", &back]);
    let hidden = Fixture::new().replace(SCALE, "{{exercise scale_back}}", "None.").problem();
    says_all(&hidden, &["info.toml:10: ", "`scale_back` is not in `chapters/01-scale.md`"]);
    let broken = Fixture::new().replace(list, "dir = \"01_scale\"", "dir = ");
    let problems = problems(book::check(&broken.options()).unwrap_err());
    says_all(&problems.join("\n"), &["exercises/info.toml:5: ", "no list of exercises"]);

    let effort = problem(&back, "●●○ about", "about");
    says_all(&effort, &["scale_back.rs:2: ", "●●○ about 15 minutes"]);
    let main = problem(&format!("{solved}scale_back.rs"), "fn main", "fn other");
    says_all(&main, &["solutions/01_scale/scale_back.rs:1: ", "`fn main()`"]);
}

#[test]
fn an_exercise_s_fault_has_its_line() {
    let (asked, solved) = ("exercises/exercises/01_scale/", "exercises/solutions/01_scale/");
    let problem = |path: &str, old, new| Fixture::new().replace(path, old, new).problem();
    let text = problem(&format!("{asked}scale_back.rs"), "Undo it.", "It\n//! is 1.5.");
    says_all(&text, &["scale_back.rs:5: ", "the number `1.5` is typed"]);
    let link = problem(&format!("{asked}scale_twice.rs"), "02-shift.md", "02-shift.md#it");
    says_all(&link, &["scale_twice.rs:4: ", "02-shift.md#it"]);
    let directive = problem(&format!("{solved}scale_back.rs"), "Halve it.", "{{exercise a}}");
    says_all(
        &directive,
        &["solutions/01_scale/scale_back.rs:1: ", "`{{exercise a}}` has its place"],
    );
    let hint = problem("exercises/info.toml", "#eq:double", "#eq:doubl");
    says_all(&hint, &["exercises/info.toml:7: ", "did you mean `eq:double`?"]);
}

#[test]
fn a_score_is_there_and_says_how_much_is_right() {
    let (first, second) = ("notebooks/01-scale.ipynb", "notebooks/02-shift.ipynb");
    let problem = |path: &str, old, new| Fixture::new().replace(path, old, new).problem();
    let none = problem(second, "\"id\": \"score\"", "\"id\": \"scores\"");
    says_all(&none, &["02-shift.md:12: ", second, "no cell `score`", "`scores`?"]);
    let unclear = problem(second, "95.10 % right", "95.10 %");
    says_all(
        &unclear,
        &["02-shift.md:12: ", "prints no score, but `The score: one more: 95.10 %,"],
    );
    let outside = Fixture::new().append("chapters/index.md", "{{score}}").problem();
    says_all(&outside, &["chapters/index.md:6: ", "a score is that of a chapter"]);
    let caption = problem(SCALE, "caption: See", "caption: {{score}} See");
    says_all(&caption, &["chapters/01-scale.md:31: ", "`{{score}}` has its place"]);
    let earlier = Fixture::new().replace(first, "± 0.81", "0.81");
    let problems = problems(book::check(&earlier.options()).unwrap_err());
    says_all(&problems.join("\n"), &["01-scale.md:52: ", "02-shift.md:12: ", "prints no score"]);
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_prediction_is_complete() {
    let problem = |old, new| Fixture::new().replace(SHIFT, old, new).problem();
    let missing = |old, key: &str| says_all(&problem(old, ""), &["02-shift.md:", key]);
    missing("question: Sketch the loss.\n", "needs the line `question: …`");
    missing("kind: sketch\n", "It is `number`, `choice` or `sketch`");
    missing("choices: above $y = x$ | below `y`\n", "needs the line `choices: …`");
    missing("low: 0\n", "needs the line `low: …`");
    missing("at: step 0 | 10 | 20\n", "needs the line `at: …`");
    let answer = "answer: notebooks/02-shift.ipynb#guesses after \"side: \"\n";
    missing(answer, "needs the line `answer: …`");
    says_all(&problem("kind: choice", "kind: guess"), &["02-shift.md:22: ", "`kind: …`"]);
    says_all(&problem("kind: choice", "kind: number"), &["`choices` means nothing"]);
    says_all(&problem("unit: nats", "units: nats"), &["`units` means nothing"]);
    says_all(&problem("high: 2", "high: 0"), &["`high: …`", "It is above `low`"]);
    says_all(&problem("predict side", "predict Side"), &["`Side` is no id"]);
    says_all(&problem("predict side", "predict rate"), &["`predict:rate` is taken"]);
}

#[test]
fn a_prediction_has_an_answer() {
    let problem = |old, new| Fixture::new().replace(SHIFT, old, new).problem();
    let words = problem("after \"rate: \"", "after \"speed: \"");
    says_all(&words, &["02-shift.md:18: ", "does not say `speed: ` before a number"]);
    says_all(
        &problem("#guesses after \"side", "#guess after \"side"),
        &["02-shift.md:26: ", "`guess`"],
    );
    says_all(
        &problem("\"loss: \" as fixed 1", "\"loss: \" in all"),
        &["02-shift.md:36: ", "the source"],
    );
    let choice = problem("choices: above", "choices: on");
    says_all(&choice, &["`above y = x` is none of the choices `on $y = x$ | below `y``"]);
    says_all(&problem("at: step 0 | ", "at: "), &["02-shift.md:36: ", "2 places, but 3 answers"]);
    says_all(&problem("high: 2", "high: 1.5"), &["the answer 2 is off the sliders", "0 to 1.5"]);
    let shift = "notebooks/02-shift.ipynb";
    let no_number = Fixture::new().replace(shift, "2 1.25 0.5", "2 1.25 half").problem();
    says_all(&no_number, &["02-shift.md:36: ", "`half` is no number"]);
    says_all(
        &problem("the line lie?", "$\\a$ lie?"),
        &["02-shift.md:", "Undefined control sequence"],
    );
    says_all(
        &problem("Each takes $80$", "Each takes 8.5"),
        &["02-shift.md:19: ", "`8.5` is typed"],
    );
}

#[test]
fn a_box_of_pytorch_is_recorded() {
    let path = "tests/pytorch/reference.json";
    added("{{pytorch scal}}", &["`tests/pytorch/reference.json` has no box `scal`", "`scale`?"]);
    let none = Fixture::new().remove(path).problem();
    says_all(&none, &["chapters/01-scale.md:50: ", "cannot read `tests/pytorch/reference.json`"]);
    let broken = Fixture::new().replace(path, "\"output\"", "\"outputs\"").problem();
    says_all(&broken, &["chapters/01-scale.md:50: ", "is no record", "missing field `output`"]);
}

#[test]
fn all_problems_are_shown_at_once() {
    let fixture = Fixture::new()
        .append(SCALE, "See [](#eq:none).")
        .append(SHIFT, "It is 1.5, and $\\nothing$, and {{code src/none.rs}}.");
    let error = book::check(&fixture.options()).unwrap_err();
    assert!(error.to_string().ends_with("4 problems: the book is not built"), "{error}");
    let problems = problems(error);
    let order: Vec<_> = problems.iter().map(|p| p.split(": ").next().unwrap()).collect();
    assert_eq!(order[0], "chapters/01-scale.md:60");
    assert_eq!(&order[1..], ["chapters/02-shift.md:39"; 3]);
}

#[test]
fn a_page_that_is_not_there_is_named() {
    let fixture = Fixture::new().replace("chapters/SUMMARY.md", "02-shift.md", "02-shifts.md");
    let error = book::check(&fixture.options()).unwrap_err();
    assert!(format!("{error:#}").contains("02-shifts.md"), "{error:#}");
}

#[test]
fn a_page_loads_nothing_from_elsewhere() {
    let fixture =
        Fixture::new().append(SHIFT, "<script src=\"https://cdn.example/a.js\"></script>");
    let problems = problems(book::check(&fixture.options()).unwrap_err());
    says_all(&problems.join("\n"), &["02-shift.html:", "loads `https://cdn.example/a.js`"]);
}
