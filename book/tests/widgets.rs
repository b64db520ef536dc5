//! What becomes of a page with a widget: with a module, without one, and with one that is none.

#[allow(dead_code, reason = "each test file uses its part")]
mod fixture;

use book::widgets::{Widgets, WidgetsError, Wish};
use book::{Options, check};
use fixture::Fixture;
use std::fs;

const WIDGET: &str = "```widget dial\ncell: notebooks/01-scale.ipynb#line\nalt: A line.\n\
    caption: Recorded.\nlive: It moves.\n```";

/// A book with a widget, the files that a site takes from the repository, and a module of `bytes`.
fn fixture(bytes: &str) -> (Fixture, Options) {
    let files = ["src/dial.rs", "js/dial.js", "js/widget.js", "js/controls.js", "js/plot.js"];
    let files = files.into_iter().chain(["widgets.css", "../tests/browser/widgets/dial.js"]);
    let fixture = files
        .fold(Fixture::new(), |fixture, path| fixture.write(&format!("book/widgets/{path}"), ""))
        .write("modules/dial.wasm", bytes)
        .append("chapters/02-shift.md", WIDGET);
    let widgets = Wish::Ready(fixture.path("modules"));
    let options = Options { widgets, ..fixture.options() };
    (fixture, options)
}

#[test]
fn the_pages_with_a_widget_load_its_scripts_and_the_module() {
    let (fixture, options) = fixture("\0asm");
    assert_eq!(check(&options).unwrap().widgets, Widgets::Running(1));
    book::build(&options, &fixture.path("site")).unwrap();
    let read = |name: &str| fs::read_to_string(fixture.path("site").join(name)).unwrap();
    let page = read("02-shift.html");
    let at = |part: &str| page.find(part).unwrap_or_else(|| panic!("no {part} in {page}"));
    let scripts = ["widget", "controls", "plot", "dial.module", "dial"];
    let places = scripts.map(|name| at(&format!("<script defer src=\"widgets/{name}.js\">")));
    assert!(places.is_sorted(), "{places:?}");
    at("href=\"widgets/widgets.css\"");
    assert!(at("data-widget=\"dial\"") < at("<div class=\"picture\""));
    assert!(at("<div class=\"of-picture\">") < at("<div class=\"of-widget\" hidden"));
    assert_eq!(page.matches("<strong>Figure 2.1.</strong>").count(), 2);
    assert_eq!(read("widgets/dial.module.js"), "chainrule.modules[\"dial\"] = \"AGFzbQ==\";\n");
    for name in ["01-scale.html", "print.html"] {
        assert!(!read(name).contains("<script defer src=\"widgets/"), "{name}");
    }
}

#[test]
fn without_a_module_the_recorded_figure_stands_alone() {
    let (fixture, options) = fixture("\0asm");
    let options = Options { widgets: Wish::LeftOut, ..options };
    assert_eq!(check(&options).unwrap().widgets, Widgets::None);
    book::build(&options, &fixture.path("site")).unwrap();
    assert!(!fixture.path("site/widgets").exists());
    let page = fs::read_to_string(fixture.path("site/02-shift.html")).unwrap();
    assert!(page.contains("aria-label=\"A line.\"") && !page.contains("src=\"widgets/"));
}

#[test]
fn a_module_that_is_none_is_named() {
    let (fixture, options) = fixture("asm");
    let error = check(&options).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(WidgetsError::NoModule { .. })), "{error}");
    assert!(error.to_string().contains("dial.wasm is no WebAssembly module"), "{error}");
    fs::remove_file(fixture.path("modules/dial.wasm")).unwrap();
    let error = check(&options).unwrap_err().to_string();
    assert!(error.contains("dial.wasm") && error.contains("Correct CHAINRULE_WIDGETS"), "{error}");
}

#[test]
fn a_book_that_needs_its_widgets_is_not_built_without() {
    assert_eq!(Wish::IfPossible.required(), Wish::Compiled);
    let ready = Wish::Ready("modules".into());
    assert_eq!(ready.clone().required(), ready);
    let ways_out = [Widgets::Missing.to_string(), WidgetsError::NoTarget.to_string()];
    for words in ways_out {
        assert!(words.contains("`rustup target add wasm32-unknown-unknown`"), "{words}");
    }
}
