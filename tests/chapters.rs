//! A chapter stands on those before it: what a module imports belongs to no later chapter.

use crate::catalog::sources;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What any module may use, wherever it is explained: how loops are shared between threads, how products
/// are computed, and how random numbers are drawn.
const INFRASTRUCTURE: [&str; 3] = ["parallel", "product", "random"];

/// The list of all gradient checks.
const CATALOG: &str = "catalog";

/// The imports from later chapters that there are: by whom, of what, and why.
const EXCEPTIONS: [(&str, &str, &str); 9] = [
    ("layers", "dropout", "a part of the plan"),
    ("matmul", "activation", "a linear layer and its ReLU are also one op"),
    ("record", "metrics", "what came of the test"),
    ("record", "network", "what came of the test"),
    ("train", "cnn", "why a flagship cannot be prepared"),
    ("train", "data::augment", "a part of the plan"),
    ("train", "model", "a part of the plan"),
    ("train", "network", "what is trained"),
    ("train", "views", "a part of the plan"),
];

/// The chapters of the modules in the table of `src/lib.rs`.
fn chapters(lib: &str) -> BTreeMap<String, u32> {
    let rows = lib.lines().filter_map(|line| {
        let (chapter, row) = line.strip_prefix("//! | ")?.split_once(" | ")?;
        Some((chapter.parse::<u32>().ok()?, row.split(" | ").next()?.to_owned()))
    });
    rows.flat_map(|(chapter, modules)| {
        // Every other piece between backticks lies inside of them.
        let modules: Vec<_> = modules.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let name = |module: String| module.trim_start_matches("mod@").to_owned();
        modules.into_iter().map(move |module| (name(module), chapter))
    })
    .collect()
}

/// The module of the table that `path` is, or lies in.
fn module<'a>(chapters: &'a BTreeMap<String, u32>, path: &str) -> Option<(&'a str, u32)> {
    let lies_in = |module: &str| {
        path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let modules = chapters.iter().filter(|(module, _)| lies_in(module));
    modules.max_by_key(|(module, _)| module.len()).map(|(module, &chapter)| (&**module, chapter))
}

/// The paths after `use crate::` in a file, without its unit tests.
fn imports(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let mut paths = Vec::new();
    for import in code.split("\nuse crate::").skip(1) {
        let import = import.split(';').next().unwrap();
        match import.split_once('{') {
            None => paths.push(import.to_owned()),
            Some((before, names)) => {
                let names = names.trim_end_matches('}').split(',').map(str::trim);
                let names = names.filter(|name| !name.is_empty());
                paths.extend(names.map(|name| format!("{before}{name}")));
            }
        }
    }
    // `Mlp` and `Network` stand at the root of the crate, under the names of their modules.
    paths.into_iter().map(|path| path.to_lowercase()).collect()
}

#[test]
fn no_module_needs_a_later_chapter() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let chapters = chapters(&fs::read_to_string(src.join("lib.rs")).unwrap());
    assert!(chapters.len() > 20, "is this the table? {chapters:?}");
    let (mut found, mut count) = (BTreeSet::new(), 0);
    for file in sources(&src) {
        let path = file.strip_prefix(&src).unwrap().with_extension("");
        let path: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        let path = path.join("::");
        let path = path.trim_end_matches("::mod");
        let Some((importer, own)) = module(&chapters, path) else { continue };
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            count += 1;
            let Some((imported, chapter)) = module(&chapters, &import) else { continue };
            let free = importer == CATALOG || INFRASTRUCTURE.contains(&imported);
            if chapter > own && !free {
                found.insert((importer, imported));
            }
        }
    }
    assert!(count > 100, "{count} imports: is this the source?");
    let allowed: BTreeSet<_> = EXCEPTIONS.iter().map(|&(by, of, _)| (by, of)).collect();
    let new: Vec<_> = found.difference(&allowed).collect();
    assert!(new.is_empty(), "imports from later chapters: {new:?}");
    let gone: Vec<_> = allowed.difference(&found).collect();
    assert!(gone.is_empty(), "exceptions that nothing needs any more: {gone:?}");
}

/// A module that a map lacks is found by nobody.
#[test]
fn every_module_is_on_the_maps() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lib = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let contributing = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let (mut public, mut all) = (0, 0);
    for line in lib.lines() {
        let named = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "));
        let Some(module) = named.and_then(|named| named.strip_suffix(';')) else { continue };
        all += 1;
        assert!(contributing.contains(&format!("`{module}.rs`")), "CONTRIBUTING lacks {module}.rs");
        // The command is no part of the library that its documentation shows.
        if line.starts_with("pub ") && module != "command" {
            public += 1;
            let listed = [format!("`{module}`"), format!("`mod@{module}`")];
            let found = listed.iter().any(|name| lib.contains(name));
            assert!(found, "the table of src/lib.rs lacks {module}");
        }
    }
    assert!(public > 25 && all > public, "{public} of {all} modules: is this the library?");
}

#[test]
fn imports_are_found_with_their_chapters() {
    let table = "//! | chapter | module | in it |\n//! |---|---|---|\n\
        //! | 2 | [`mod@tape`] | the tape |\n//! | 11 | [`data`], `train` | `no` module |\n\
        //! | 14 | [`data::augment`] | other pictures |\n";
    let chapters = chapters(table);
    let expected = [("data", 11), ("data::augment", 14), ("tape", 2), ("train", 11)];
    assert!(chapters.iter().map(|(module, &chapter)| (&**module, chapter)).eq(expected));
    assert_eq!(module(&chapters, "data::augment::Flip"), Some(("data::augment", 14)));
    assert_eq!(module(&chapters, "data::augmented"), Some(("data", 11)));
    assert_eq!(module(&chapters, "tapes"), None);
    let source = "//! use crate::comment;\nuse crate::tape::{Op, trace::Line};\nuse crate::Mlp;\n\
        use crate::{\n    data,\n    train,\n};\n#[cfg(test)]\nuse crate::test;\n";
    let paths = ["tape::op", "tape::trace::line", "mlp", "data", "train"];
    assert_eq!(imports(source), paths);
}

/// The list with which JupyterLab opens, and the chapters' order.
#[test]
fn the_list_of_the_notebooks_is_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let summary = fs::read_to_string(root.join("chapters/SUMMARY.md")).unwrap();
    let chapters = summary.lines().filter_map(|line| line.strip_prefix("- [")?.split_once("]("));
    let mut expected = Vec::new();
    for (k, (title, page)) in chapters.enumerate() {
        let notebook = page.replace(".md)", ".ipynb");
        if root.join("notebooks").join(&notebook).is_file() {
            expected.push(format!("{}. {title}]({notebook}): ", k + 1));
        }
    }
    let notebooks = fs::read_dir(root.join("notebooks")).unwrap();
    let names = notebooks.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.ends_with(".ipynb")).count(), expected.len());

    let list = fs::read_to_string(root.join("notebooks/README.md")).unwrap();
    let listed: Vec<_> = list.lines().filter_map(|line| line.strip_prefix("- [")).collect();
    assert_eq!(listed.len(), expected.len(), "notebooks/README.md lists {listed:?}");
    for (line, start) in listed.iter().zip(&expected) {
        assert!(line.len() > start.len() && line.starts_with(start), "{line} is not {start}…");
    }
}
