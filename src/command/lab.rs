//! `chainrule lab`: all that the notebooks need, set up inside the project, and JupyterLab opened.
//!
//! Every step looks at what is there, does what is missing, and looks again. A second run does
//! nothing, and a run after an accident does the rest.

mod child;
mod environment;
mod kernel;
mod project;
mod python;
mod registration;
mod start;

use super::console::{self, Failure, Outcome, program};
use environment::Environment;
use project::Project;
use std::path::PathBuf;
use std::process::Command;

/// What `chainrule lab` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Set everything up, say how to start, and stop
    #[arg(long)]
    no_open: bool,
    /// The Python to make the environment with, in place of the one on PATH
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Arguments for JupyterLab, such as `-- --port 9000 --no-browser`
    #[arg(last = true, value_name = "ARGUMENT", conflicts_with = "no_open")]
    jupyter: Vec<String>,
}

/// Sets everything up, and opens JupyterLab in `notebooks/`, with their list.
pub fn run(arguments: &Arguments) -> Outcome {
    child::survive_interrupts()?;
    let project = Project::find(&std::env::current_dir()?)?;
    let environment = match set_up(&project, arguments) {
        Ok(environment) => environment,
        Err(_) if child::interrupted() => {
            return Err(Failure::Interrupted(format!(
                "Broken off. `{} lab` does the rest.",
                program()
            )));
        }
        Err(failure) => return Err(failure),
    };
    if arguments.no_open {
        return Ok(console::stdout(&format!(
            "\n`{} lab` opens JupyterLab. In another editor choose the Python\n  {}\nand its \
             kernel \"{}\".\n",
            program(),
            environment.python().display(),
            registration::DISPLAY_NAME
        ))?);
    }
    open(&project, &environment, &arguments.jupyter)
}

fn set_up<'a>(project: &'a Project, arguments: &Arguments) -> Result<Environment<'a>, Failure> {
    project.make_folder()?;
    let environment = Environment::of(project);
    if !environment.is_whole() {
        console::stdout(&format!(
            "Making a Python environment, with JupyterLab, in {}\n",
            environment.folder().display()
        ))?;
        environment.make(arguments.python.as_deref())?;
    }
    console::stdout(&format!("Environment: {}\n", environment.folder().display()))?;
    kernel::find_cargo()?;
    let kernel = match kernel::find(project) {
        Some(kernel) => kernel,
        None => {
            console::stdout(&format!(
                "Compiling the kernel, evcxr_jupyter {}. This takes about ten minutes, once.\n",
                kernel::VERSION
            ))?;
            kernel::install(project)?
        }
    };
    console::stdout(&format!("Kernel: {}\n", kernel.display()))?;
    registration::register(project, &environment, &kernel)?;
    start::configure(&environment)?;
    Ok(environment)
}

/// Runs JupyterLab until it ends. Ctrl-C is for JupyterLab, which asks what it means.
fn open(project: &Project, environment: &Environment<'_>, arguments: &[String]) -> Outcome {
    let mut jupyter = Command::new(environment.python());
    jupyter
        .args(["-m", "jupyterlab", start::ARGUMENT])
        .args(arguments)
        .current_dir(project.notebooks());
    // It would put other folders' kernels before the environment's.
    jupyter.env_remove("JUPYTER_PATH");
    match child::attended(jupyter)? {
        status if status.success() || child::interrupted() => Ok(()),
        status => Err(Failure::new(format!(
            "JupyterLab ended with {status}; its reasons are above. Its arguments go behind two \
             dashes: `{} lab -- --port 9000`",
            program()
        ))),
    }
}
