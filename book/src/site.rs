//! The rendered site: every link within it leads somewhere, and no page loads anything from
//! elsewhere.

use crate::problem::{Fault, Place, Problem};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

/// The files of a site, by their paths in it.
#[derive(Debug, Default)]
pub struct Site {
    files: BTreeMap<String, Vec<u8>>,
}

impl Site {
    /// Reads the site in `folder`.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut site = Self::default();
        site.add(folder, "")?;
        Ok(site)
    }

    fn add(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.add(&entry.path(), &format!("{name}/"))?;
            } else {
                self.files.insert(name, fs::read(entry.path())?);
            }
        }
        Ok(())
    }

    /// The file at `path`; of a folder, its index.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        let path = path.trim_start_matches('/');
        let file = self.files.get(path).or_else(|| self.files.get(&format!("{path}index.html")));
        file.map(Vec::as_slice)
    }

    /// Everything that is wrong with the site's links and loads.
    pub fn problems(&self) -> Vec<Problem> {
        let pages: BTreeMap<&str, String> = self
            .files
            .iter()
            .filter(|(path, _)| path.ends_with(".html") || path.ends_with(".css"))
            .map(|(path, bytes)| (path.as_str(), String::from_utf8_lossy(bytes).into_owned()))
            .collect();
        let ids: BTreeMap<&str, BTreeSet<&str>> = pages
            .iter()
            .map(|(path, text)| (*path, values(text, " id=\"", "\"").map(|(_, id)| id).collect()))
            .collect();
        let mut problems = Vec::new();
        for (path, text) in &pages {
            for (offset, target, loads) in targets(path, text) {
                if let Some(fault) = self.fault(path, target, loads, &ids) {
                    let line = 1 + text[..offset].matches('\n').count();
                    let place = Place { file: (*path).to_owned(), line };
                    problems.push(Problem { place, fault });
                }
            }
        }
        problems
    }

    fn fault(
        &self,
        path: &str,
        target: &str,
        loads: bool,
        ids: &BTreeMap<&str, BTreeSet<&str>>,
    ) -> Option<Fault> {
        if target.starts_with("data:") || target.starts_with("mailto:") {
            return None;
        }
        if target.contains("://") || target.starts_with("//") {
            return loads.then(|| Fault::ForeignRequest { url: target.to_owned() });
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file = if file.is_empty() { path.to_owned() } else { join(path, file) };
        let found = self.file(&file).is_some()
            && (anchor.is_empty() || ids.get(file.as_str()).is_none_or(|ids| ids.contains(anchor)));
        (!found).then(|| Fault::DeadLink { target: target.to_owned(), hint: ".".to_owned() })
    }
}

/// What a file points to: where, to what, and whether the browser loads it by itself.
fn targets<'a>(path: &str, text: &'a str) -> Vec<(usize, &'a str, bool)> {
    if path.ends_with(".css") {
        let urls = values(text, "url(", ")");
        return urls.map(|(k, url)| (k, url.trim_matches(['\'', '"']), true)).collect();
    }
    let sources = values(text, " src=\"", "\"").map(|(k, url)| (k, url, true));
    let links = values(text, " href=\"", "\"").map(|(k, url)| {
        let tag = text[..k].rfind('<').map_or("", |start| &text[start..k]);
        (k, url, tag != "<a" && !tag.starts_with("<a "))
    });
    // The base that the page "not found" names is no file.
    sources.chain(links).filter(|(k, ..)| !text[..*k].ends_with("<base")).collect()
}

/// What stands between `start` and `end`, with the offset of `start`.
fn values<'a>(
    text: &'a str,
    start: &'static str,
    end: &'static str,
) -> impl Iterator<Item = (usize, &'a str)> {
    text.match_indices(start).filter_map(move |(k, _)| {
        let value = &text[k + start.len()..];
        Some((k, &value[..value.find(end)?]))
    })
}

/// `target`, as the file at `path` writes it, from the top of the site.
fn join(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        let site = Site { files: files.collect() };
        site.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_and_anchors_must_lead_somewhere() {
        let page = "<h1 id=\"top\">\n<a href=\"b.html#there\"><a href=\"#top\"><a href=\"https://c.example\">";
        assert!(site(&[("a.html", page), ("b.html", "<p id=\"there\">")]).is_empty());
        let problems = site(&[("a.html", page), ("b.html", "<p>")]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("a.html:2: `b.html#there` is not there"), "{problems:?}");
        assert_eq!(site(&[("a.html", page)]).len(), 1);
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let script = "<script src=\"https://cdn.example/x.js\"></script>";
        assert!(site(&[("a.html", script)])[0].contains("loads `https://cdn.example/x.js`"));
        let style = "@font-face { src: url(\"https://cdn.example/x.woff2\") }";
        assert!(site(&[("a.css", style)])[0].contains("a.css:1"));
        assert!(site(&[("a.html", "<a class=\"x\" href=\"https://example.org\">")]).is_empty());
    }
}
