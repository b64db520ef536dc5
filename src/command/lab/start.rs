//! What JupyterLab opens with: the list of the notebooks, read and not edited.

use super::environment::Environment;
use super::registration::{RegistrationError, keep};
use serde_json::json;

/// The argument by which JupyterLab opens the list. One of the reader's comes after it, and wins.
pub const ARGUMENT: &str = "--LabApp.default_url=/lab/tree/README.md";

/// Writes the environment's settings, where they are not as they should be: Markdown is shown as a
/// page. Those of the reader, in the home folder, come before them.
pub fn configure(environment: &Environment<'_>) -> Result<(), RegistrationError> {
    let settings = json!({
        "@jupyterlab/docmanager-extension:plugin": {
            "defaultViewers": { "markdown": "Markdown Preview" },
        },
    });
    let folder = environment.folder().join("share").join("jupyter").join("lab").join("settings");
    keep(&folder.join("overrides.json"), &format!("{settings:#}\n"))
}
