//! LaTeX becomes HTML and MathML while the book is built.
//!
//! **Why katex-rs.** Four crates were held against each other on eight formulas of this book, in
//! Chromium, at the size of its text. `pulldown-latex` and `math-core` write MathML, which the
//! browser sets: with Latin Modern Math and with STIX Two Math the brackets of matrices stood too
//! far from their entries, delimiters were too high, and primes and hats out of place; and another
//! browser would set it otherwise. KaTeX sets the formula itself, alike in all browsers. Its two
//! forms in Rust cannot be told apart by eye. `katex` runs KaTeX 0.16.4 in a JavaScript engine that
//! a C compiler must build, and takes about ten times as long. `katex-rs` is a port of KaTeX 0.18.5
//! that needs nothing but Rust; it puts MathML beside the formula for screen readers. The style
//! sheet and the fonts in `theme` are those of that release.
//!
//! The LaTeX itself is kept in the attribute `data-latex`, which `theme/chainrule.js` puts on the
//! clipboard when a formula is copied. KaTeX would have it in the MathML as text, where the
//! search index would take it for prose.

use crate::page::{Page, Revision, escape_attribute, escape_text};
use crate::problem::Fault;
use katex::{KatexContext, Settings, StrictMode, StrictSetting, render_to_string};
use pulldown_cmark::{Event, Tag, TagEnd};

/// Renders formulas.
pub struct Mathematics {
    context: KatexContext,
    inline: Settings,
    display: Settings,
}

impl std::fmt::Debug for Mathematics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mathematics").finish_non_exhaustive()
    }
}

impl Default for Mathematics {
    fn default() -> Self {
        let settings = |display| {
            Settings::builder()
                .display_mode(display)
                .strict(StrictSetting::Mode(StrictMode::Error))
                .build()
        };
        Self { context: KatexContext::default(), inline: settings(false), display: settings(true) }
    }
}

impl Mathematics {
    /// `latex` as one line of HTML that Markdown leaves alone, centered on a line of its own where
    /// `display`.
    ///
    /// # Errors
    /// [`Fault::Latex`] where KaTeX does not understand it, or would draw it wrong.
    pub fn render(&self, latex: &str, display: bool) -> Result<String, Fault> {
        let latex = latex.trim();
        if has_root_without_braces(latex) {
            let reason =
                "write `\\sqrt{…}`: without braces the sign of a root is drawn over a symbol,";
            return Err(Fault::Latex { latex: latex.to_owned(), reason: reason.into() });
        }
        let settings = if display { &self.display } else { &self.inline };
        let html = render_to_string(&self.context, latex, settings).map_err(|error| {
            // The excerpt that follows underlines the place with combining characters, which few
            // terminals show.
            let reason = error.to_string();
            let reason = reason.trim_start_matches("KaTeX parse error: ");
            let reason = reason.split(": \\").next().unwrap_or(reason).replace('\u{332}', "");
            Fault::Latex { latex: latex.to_owned(), reason }
        })?;
        let mut html = for_markdown(&without_annotation(&html));
        if !display {
            keep_end(&mut html);
        }
        Ok(format!("<span class=\"tex\" data-latex=\"{}\">{html}</span>", escape_attribute(latex)))
    }

    /// `text` with its formulas rendered. Those that are wrong stay as they are: whoever wrote them
    /// hears of them where they stand.
    pub fn within(&self, text: &str) -> String {
        let mut revision = Revision::default();
        self.revise(&Page::parse("", 1, text), &mut revision);
        revision.apply(text).0
    }

    /// Renders what stands between dollars.
    ///
    /// A formula whose braces do not match is none to Markdown. Its dollar signs are left in the
    /// text, and are refused there.
    pub fn revise(&self, page: &Page<'_>, revision: &mut Revision) {
        let mut in_code = false;
        for (event, range) in &page.events {
            let html = match event {
                Event::InlineMath(latex) => self.render(latex, false),
                Event::DisplayMath(latex) => self.render(latex, true),
                Event::Start(Tag::CodeBlock(_)) => {
                    in_code = true;
                    continue;
                }
                Event::End(TagEnd::CodeBlock) => {
                    in_code = false;
                    continue;
                }
                Event::Text(_) if !in_code => {
                    let dollar = page.text[range.clone()].find('$').map(|k| range.start + k);
                    if let Some(dollar) = dollar
                        && !page.text[..dollar].ends_with('\\')
                    {
                        revision.note(page, dollar, Fault::LoneDollar);
                    }
                    continue;
                }
                _ => continue,
            };
            revision.replace_or_note(page, range.clone(), html);
        }
    }
}

/// Whether a root's argument stands without braces, as in `\sqrt x`.
///
/// Left of the argument there must be room for the sign of the root. katex-rs 0.3 makes it for a
/// group alone (in its `functions/sqrt.rs`), and draws the sign over a single symbol.
fn has_root_without_braces(latex: &str) -> bool {
    let mut rest = latex;
    while let Some(start) = rest.find('\\') {
        let name = &rest[start + 1..];
        let letters = name.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(name.len());
        // A command is a backslash and letters, or a backslash and one character.
        let end = letters.max(name.chars().next().map_or(0, char::len_utf8));
        let mut argument = name[end..].trim_start();
        if argument.starts_with('[') {
            argument = argument.split_once(']').map_or("", |(_, after)| after.trim_start());
        }
        if &name[..end] == "sqrt" && !argument.is_empty() && !argument.starts_with('{') {
            return true;
        }
        rest = &name[end..];
    }
    false
}

/// The MathML without its copy of the LaTeX.
fn without_annotation(html: &str) -> String {
    const END: &str = "</annotation>";
    match (html.find("<annotation"), html.find(END)) {
        (Some(start), Some(end)) => [&html[..start], &html[end + END.len()..]].concat(),
        _ => html.to_owned(),
    }
}

/// Sets the last piece of an inline formula in a span within which no line is broken. KaTeX's pieces
/// are boxes, after which a browser breaks a line even before a comma; after the end of such a span
/// it asks what follows.
fn keep_end(html: &mut String) {
    const END: &str = "</span></span>";
    if let Some(start) = html.rfind("<span class=\"katex-base\">")
        && html.ends_with(END)
    {
        html.insert_str(html.len() - END.len(), "</span>");
        html.insert_str(start, "<span class=\"end\">");
    }
}

/// `html` with its text escaped, and the attributes of each tag in order: katex-rs keeps them in a
/// map whose order changes from run to run, and the same book shall have the same bytes.
fn for_markdown(html: &str) -> String {
    let mut escaped = String::with_capacity(2 * html.len());
    let mut rest = html;
    while let Some(start) = rest.find(['<', '&']) {
        escaped.push_str(&escape_text(&rest[..start]));
        let is_tag = rest[start..].starts_with('<');
        let end = rest[start..].find(if is_tag { '>' } else { ';' });
        let end = end.map_or(rest.len(), |end| start + end + 1);
        if is_tag {
            escaped.push_str(&with_attributes_in_order(&rest[start..end]));
        } else {
            escaped.push_str(&rest[start..end]);
        }
        rest = &rest[end..];
    }
    escaped.push_str(&escape_text(rest));
    escaped
}

fn with_attributes_in_order(tag: &str) -> String {
    let end = if tag.ends_with("/>") { "/>" } else { ">" };
    let Some((name, attributes)) = tag.trim_end_matches(end).split_once(' ') else {
        return tag.to_owned();
    };
    let mut attributes: Vec<&str> = attributes.split_inclusive("\" ").map(str::trim).collect();
    attributes.sort_unstable();
    format!("{name} {}{end}", attributes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_keeps_its_latex_and_its_mathml() {
        let html = Mathematics::default().render(r"a_1 < b \| c", false).unwrap();
        assert!(html.contains("data-latex=\"a_1 &#60; b \\&#124; c\""), "{html}");
        assert!(html.contains("<math"), "{html}");
        assert!(!html.contains("annotation"), "{html}");
    }

    #[test]
    fn markdown_finds_nothing_in_a_formula() {
        let html = Mathematics::default().render(r"x_{ij} * y_{ij} * [z](w)", true).unwrap();
        assert!(!html.contains('\n'));
        let page = Page::parse("", 1, &html);
        assert!(
            !page
                .events
                .iter()
                .any(|(event, _)| matches!(event, Event::Start(Tag::Emphasis | Tag::Link { .. })))
        );
    }

    #[test]
    fn the_end_of_an_inline_formula_is_kept_with_what_follows() {
        let mathematics = Mathematics::default();
        let html = mathematics.render("a = b", false).unwrap();
        let end = "<span class=\"end\"><span class=\"katex-base\">";
        assert_eq!(html.matches("katex-base").count(), 2);
        assert_eq!(
            html.rfind(end).map(|k| k + end.len()),
            html.rfind("katex-base\">").map(|k| k + 12)
        );
        assert_eq!(html.matches("<span").count(), html.matches("</span").count());
        assert!(html.ends_with("b</span></span></span></span></span></span>"), "{html}");
        assert!(!mathematics.render("a = b", true).unwrap().contains(end));
    }

    #[test]
    fn attributes_are_in_order() {
        let in_order = "<math display=\"block\" xmlns=\"http://a b\">";
        for tag in ["<math xmlns=\"http://a b\" display=\"block\">", in_order] {
            assert_eq!(with_attributes_in_order(tag), in_order);
        }
        assert_eq!(
            with_attributes_in_order("<path d=\"M0\" a=\"1\"/>"),
            "<path a=\"1\" d=\"M0\"/>"
        );
        assert_eq!(with_attributes_in_order("</mrow>"), "</mrow>");
    }

    #[test]
    fn the_argument_of_a_root_has_braces() {
        let mathematics = Mathematics::default();
        for root in [r"\sqrt x", r"1 + \sqrt2", r"\sqrt[3] x", r"\sqrt{x} \sqrt\alpha"] {
            let fault = mathematics.render(root, false).unwrap_err().to_string();
            assert!(fault.contains(r"write `\sqrt{…}`"), "{fault}");
            assert!(fault.contains(&format!("in `{root}`")), "{fault}");
        }
        for root in [r"\sqrt{x}", r"\sqrt {x}", r"\sqrt[3]{x}", r"\sqrt[n] {x}", r"a \\ sqrt"] {
            assert!(mathematics.render(root, true).is_ok(), "{root}");
        }
        let fault = mathematics.render(r"\sqrt", false).unwrap_err().to_string();
        assert!(fault.contains("Expected group"), "{fault}");
    }

    /// Where this fails, katex-rs makes room for the sign, and nothing need be refused.
    #[test]
    fn a_root_without_braces_has_no_room_for_its_sign() {
        let Mathematics { context, inline, .. } = Mathematics::default();
        let has_room =
            |latex| render_to_string(&context, latex, &inline).unwrap().contains("padding-left");
        assert!(has_room(r"\sqrt{x}"));
        assert!(!has_room(r"\sqrt x"));
    }

    #[test]
    fn broken_latex_is_refused() {
        let fault = Mathematics::default().render(r"\frac{1}{", false).unwrap_err();
        assert!(fault.to_string().contains("in `\\frac{1}{`"), "{fault}");
        let fault = Mathematics::default().render(r"\transposed X", false).unwrap_err();
        assert!(fault.to_string().contains("Undefined control sequence"), "{fault}");
    }
}
