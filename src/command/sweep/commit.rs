//! The commit of the repository that a command runs in.

use std::path::Path;
use std::process::Command;

/// The state of the repository. Nothing is known outside of one, or without git.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Its commit.
    pub id: Option<String>,
    /// Whether the files are those of the commit. The records themselves do not count.
    pub clean: Option<bool>,
}

impl Commit {
    /// Of the repository here, whose records are in `records`.
    pub fn here(records: &Path) -> Self {
        let id = git(&["rev-parse", "HEAD"]);
        let exclude = format!(":(exclude){}", records.display());
        let status = ["status", "--porcelain", "--untracked-files=no", "--", ".", &exclude];
        // A folder of records outside of the repository cannot be excluded from it.
        let changes = git(&status).or_else(|| git(&status[..3]));
        let clean = id.as_ref().and(changes).map(|changes| changes.is_empty());
        Self { id, clean }
    }
}

/// What git says, where it succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
