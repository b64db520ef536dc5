//! The files that the book quotes, and their addresses on the web.

use crate::page::escape_attribute;
use crate::problem::Fault;
use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::Command;

/// The repository: its folder, and the web address of the commit that is checked out.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
    web: Option<String>,
}

impl Repository {
    /// The repository in the folder `root`. Its web address is that of the remote `origin`.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let git = |arguments: &[&str]| {
            let output = Command::new("git").current_dir(&root).args(arguments).output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            output.status.success().then(|| text.trim().to_owned())
        };
        let web = git(&["config", "remote.origin.url"])
            .and_then(|remote| web_address(&remote))
            .zip(git(&["rev-parse", "HEAD"]))
            .map(|(address, commit)| format!("{address}/blob/{commit}"));
        Self { root, web }
    }

    /// The same folder with another web address: that of its top folder's files.
    pub fn on_the_web(self, web: Option<String>) -> Self {
        Self { web, ..self }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// [`Fault::Unreadable`].
    pub fn read(&self, path: &str) -> Result<String, Fault> {
        let unreadable = |reason: String| Fault::Unreadable { path: path.to_owned(), reason };
        if path.split('/').any(|part| part == "..") {
            return Err(unreadable("it lies outside of the repository".to_owned()));
        }
        fs::read_to_string(self.root.join(path))
            .map(|text| text.replace("\r\n", "\n"))
            .map_err(|error| unreadable(error.to_string()))
    }

    /// Whether there is a file or a folder.
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The web address of a file, or `None` where the repository is not on the web.
    pub fn address(&self, path: &str, fragment: &str) -> Option<String> {
        let hash = if fragment.is_empty() { "" } else { "#" };
        self.web.as_ref().map(|web| format!("{web}/{path}{hash}{fragment}"))
    }

    /// `label` as a link to a file on the web; as plain text where there is none.
    pub fn link(&self, class: &str, label: &str, path: &str, fragment: &str) -> String {
        match self.address(path, fragment) {
            Some(address) => {
                format!("<a class=\"{class}\" href=\"{}\">{label}</a>", escape_attribute(&address))
            }
            None => format!("<span class=\"{class}\">{label}</span>"),
        }
    }
}

/// The fragment of an address that shows these lines.
pub fn lines_fragment(lines: &RangeInclusive<usize>) -> String {
    format!("L{}-L{}", lines.start(), lines.end())
}

/// `https://host/owner/name` of a remote, in either of git's two ways to write it.
fn web_address(remote: &str) -> Option<String> {
    let remote = remote.trim_end_matches('/').trim_end_matches(".git");
    if let Some(rest) = remote.strip_prefix("https://") {
        // Without a user's name or token.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        return Some(format!("https://{rest}"));
    }
    let rest = remote.strip_prefix("ssh://").unwrap_or(remote);
    let (_, rest) = rest.split_once('@')?;
    Some(format!("https://{}", rest.replacen(':', "/", 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_has_a_web_address() {
        let address = Some("https://github.com/a/b".to_owned());
        assert_eq!(web_address("https://github.com/a/b.git"), address);
        assert_eq!(web_address("https://token@github.com/a/b"), address);
        assert_eq!(web_address("git@github.com:a/b.git"), address);
        assert_eq!(web_address("ssh://git@github.com/a/b.git"), address);
        assert_eq!(web_address("/home/a/b"), None);
    }

    #[test]
    fn nothing_outside_is_read() {
        let repository = Repository::open(".");
        let fault = repository.read("../Cargo.toml").unwrap_err();
        assert!(fault.to_string().contains("outside of the repository"), "{fault}");
    }
}
