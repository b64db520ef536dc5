//! `chainrule lab`, with stand-ins for Python, cargo and the kernel: shell scripts on a PATH of
//! their own, which write down how they were called.

#![cfg(all(feature = "cli", unix))]

use crate::process::{assert_failure, assert_success, chainrule, run, stderr, stdout, text};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A Python: `-m venv` makes an environment with a copy of it, which knows JupyterLab as soon as
/// pip has installed the requirements.
const PYTHON: &str = r#"
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
    *ensurepip*) echo 3.12; echo whole ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    *"pip "*--version) echo "pip 25.1 from nowhere" ;;
    *"pip "*install*) touch "$(dirname "$0")/jupyterlab" ;;
    *"import jupyterlab"*) test -e "$(dirname "$0")/jupyterlab" ;;
    "-m jupyterlab"*) echo "JupyterLab in $(pwd)" ;;
    *) exit 9 ;;
esac
"#;

/// A cargo: `install` puts a kernel and its record where `--root` says.
const CARGO: &str = r#"
echo "cargo $*" >> "$CALLS"
if [ "$1" = --version ]; then exit 0; fi
while [ "$1" != --root ]; do shift; done
mkdir -p "$2/bin" "$2/target"
printf '[v1]\n"evcxr_jupyter 0.22.0 (registry)" = ["evcxr_jupyter"]\n' > "$2/.crates.toml"
rm -f "$2/bin/evcxr_jupyter"
cp "$KERNEL" "$2/bin/evcxr_jupyter"
"#;

/// A kernel: `--install` registers it as the real one does, without settings.
const KERNEL: &str = r#"
echo "kernel $*" >> "$CALLS"
if [ "$1" = --install ]; then
    mkdir -p "$JUPYTER_PATH/kernels/rust"
    echo '{}' > "$JUPYTER_PATH/kernels/rust/kernel.json"
    echo 0.22.0 > "$JUPYTER_PATH/kernels/rust/version.txt"
fi
"#;

/// A project with notebooks, and a machine with programs.
struct Machine {
    temporary: TempDir,
}

impl Machine {
    /// A project on a machine with a Python and a cargo.
    fn new() -> Self {
        let machine = Self::bare();
        machine.program("python3", PYTHON);
        machine.program("cargo", CARGO);
        machine
    }

    /// A project on a machine with the system's tools alone.
    fn bare() -> Self {
        let machine = Self { temporary: TempDir::new().expect("a temporary folder") };
        fs::create_dir_all(machine.project().join("notebooks/records")).expect("a folder");
        fs::create_dir_all(machine.path("programs")).expect("a folder");
        fs::create_dir_all(machine.path("home")).expect("a folder");
        machine.write("project/notebooks/requirements.txt", "jupyterlab==4.6.6\n");
        machine.script("kernel", KERNEL);
        for tool in ["sh", "basename", "dirname", "mkdir", "cp", "rm", "touch", "cat"] {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
            let found = found.iter().find(|path| path.exists()).expect("a system's tool");
            let link = machine.path("programs").join(tool);
            std::os::unix::fs::symlink(found, link).expect("a link");
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        // As the command sees it: on macOS the temporary folder is a link.
        self.temporary.path().canonicalize().expect("it is there").join(name)
    }

    fn project(&self) -> PathBuf {
        self.path("project")
    }

    /// A path in the lab's folder.
    fn lab(&self, name: &str) -> PathBuf {
        self.project().join(".lab").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    fn script(&self, name: &str, text: &str) {
        self.write(name, &format!("#!/bin/sh\n{text}"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(name), mode).expect("permissions");
    }

    /// Puts a program on the PATH.
    fn program(&self, name: &str, text: &str) {
        self.script(&format!("programs/{name}"), text);
    }

    /// The command in the project, without the test machine's programs.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = chainrule(&[&["lab"], arguments].concat());
        command
            .current_dir(self.project())
            .env("PATH", self.path("programs"))
            .env("HOME", self.path("home"))
            .env("CALLS", self.path("calls"))
            .env("KERNEL", self.path("kernel"))
            .env_remove("CARGO")
            .env_remove("CARGO_HOME")
            .env_remove("CARGO_INSTALL_ROOT");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the command starts")
    }

    /// How the programs were called since this was last asked.
    fn calls(&self) -> String {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        calls
    }

    fn registration(&self) -> Value {
        let file = self.lab("python/share/jupyter/kernels/rust/kernel.json");
        serde_json::from_str(&fs::read_to_string(file).expect("a registration")).expect("JSON")
    }

    /// Sets the lab up, and forgets the calls.
    fn set_up(&self) {
        assert_success(&self.run(&["--no-open"]));
        self.calls();
    }
}

/// Whether the calls of a run made an environment, compiled a kernel, and registered it.
fn work(calls: &str) -> [bool; 3] {
    ["-m venv", "cargo install", "kernel --install"].map(|call| calls.contains(call))
}

#[test]
fn a_first_run_does_everything_and_a_second_one_nothing() {
    let machine = Machine::new();
    let output = machine.run(&["--no-open"]);
    assert_success(&output);
    assert!(stdout(&output).contains("chainrule"), "{}", stdout(&output));
    assert!(stdout(&output).contains("ten minutes"), "{}", stdout(&output));
    let calls = machine.calls();
    assert_eq!(work(&calls), [true; 3], "{calls}");
    let requirements = machine.project().join("notebooks/requirements.txt");
    assert!(calls.contains(&format!("--requirement {}", text(&requirements))), "{calls}");
    assert!(!calls.contains("--upgrade"), "{calls}");
    let install = format!(
        "cargo install --locked --force --version 0.22.0 --root {0} --target-dir {0}/target \
         evcxr_jupyter",
        machine.lab("kernel").display()
    );
    assert!(calls.contains(&install), "{calls}");
    assert!(!machine.lab("kernel/target").exists(), "the compiled remains are left");

    let output = machine.run(&["--no-open"]);
    assert_success(&output);
    let calls = machine.calls();
    assert_eq!(work(&calls), [false; 3], "{calls}");
    assert!(!calls.contains("pip"), "{calls}");
}

#[test]
fn the_kernel_is_registered_in_the_environment_alone() {
    let machine = Machine::new();
    machine.set_up();
    let registration = machine.registration();
    let kernel = machine.lab("kernel/bin/evcxr_jupyter");
    let started = [
        machine.lab("python/bin/python"),
        machine.lab("launch.py"),
        machine.project().join("target/notebooks"),
        kernel,
        "--control_file".into(),
        "{connection_file}".into(),
    ];
    assert_eq!(registration["argv"], json!(started));
    let launcher = fs::read_to_string(machine.lab("launch.py")).expect("a launcher");
    assert_eq!(launcher, include_str!("../src/command/lab/launch.py"));
    assert_eq!(registration["language"], "rust");
    assert_eq!(registration["interrupt_mode"], "message");
    let environment = &registration["env"];
    let jupyter = machine.lab("python/share/jupyter");
    assert_eq!(environment["JUPYTER_PATH"].as_str(), jupyter.to_str());
    assert_eq!(fs::read_dir(machine.path("home")).expect("a folder").count(), 0);
}

#[test]
fn jupyterlab_opens_in_the_notebooks_with_the_readers_arguments() {
    let machine = Machine::new();
    // From any folder of the project.
    let mut command = machine.command(&["--", "--port", "9000"]);
    command.current_dir(machine.project().join("notebooks/records"));
    let output = command.output().expect("the command starts");
    assert_success(&output);
    let said = stdout(&output);
    let notebooks = machine.project().join("notebooks");
    assert!(said.contains(&format!("JupyterLab in {}\n", text(&notebooks))), "{said}");
    assert!(
        machine.calls().contains(
            "python -m jupyterlab --LabApp.default_url=/lab/tree/README.md --port 9000\n"
        )
    );
}

#[test]
fn jupyterlab_shows_the_list_of_the_notebooks() {
    let machine = Machine::new();
    machine.set_up();
    let file = machine.lab("python/share/jupyter/lab/settings/overrides.json");
    let settings = fs::read_to_string(&file).expect("settings");
    let settings: Value = serde_json::from_str(&settings).expect("JSON");
    let viewers = &settings["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"];
    assert_eq!(viewers, &json!({ "markdown": "Markdown Preview" }));
    fs::write(&file, "{}").expect("a file");
    machine.set_up();
    assert_ne!(fs::read_to_string(&file).expect("settings"), "{}");
}

#[test]
fn a_jupyterlab_that_fails_fails_the_command() {
    let machine = Machine::new();
    machine.program("python3", &PYTHON.replace("echo \"JupyterLab in $(pwd)\"", "exit 4"));
    assert_failure(&machine.run(&[]), &["JupyterLab ended", "exit status: 4", "lab -- --port"]);
}

#[test]
fn what_is_half_there_is_mended() {
    let machine = Machine::new();
    let python = [true, false, true];
    let registration = [false, false, true];
    let none = [false; 3];
    let accidents: [(&str, &str, [bool; 3]); 9] = [
        ("rm python/requirements.txt", "pip was broken off", python),
        ("echo jupyterlab==3 > python/requirements.txt", "the requirements are others", python),
        ("rm python/bin/python", "the machine's Python is gone", python),
        ("rm python/bin/jupyterlab", "JupyterLab is gone", python),
        ("rm -r python; echo > python", "a file is in the place", python),
        ("echo '{\"argv\": [' > python/share/jupyter/kernels/rust/kernel.json", "cut off", none),
        ("rm python/share/jupyter/kernels/rust/version.txt", "not registered", registration),
        ("echo > launch.py", "the launcher is cut off", none),
        (
            "echo > kernel/bin/evcxr_jupyter; chmod -x kernel/bin/evcxr_jupyter",
            "half a kernel",
            [false, true, false],
        ),
    ];
    machine.set_up();
    let whole = machine.registration();
    for (accident, reason, expected) in accidents {
        let shell = Command::new("sh")
            .args(["-c", accident])
            .current_dir(machine.lab(""))
            .status()
            .expect("a shell");
        assert!(shell.success(), "{accident}");
        assert_success(&machine.run(&["--no-open"]));
        let calls = machine.calls();
        assert_eq!(work(&calls), expected, "{reason}: {calls}");
        assert_eq!(machine.registration(), whole, "{reason}");
        let launcher = fs::read_to_string(machine.lab("launch.py")).expect("a launcher");
        assert!(launcher.contains("os.execv"), "{reason}");
        assert_success(&machine.run(&["--no-open"]));
        assert_eq!(work(&machine.calls()), none, "{reason}");
    }
}

#[test]
fn a_kernel_of_the_user_is_used_where_it_is_the_same_version() {
    let kernel_of = |version: &str| {
        let machine = Machine::new();
        let bin = machine.path("home/.cargo/bin");
        fs::create_dir_all(&bin).expect("a folder");
        let record = format!("[v1]\n\"evcxr_jupyter {version} (registry)\" = []\n");
        machine.write("home/.cargo/.crates.toml", &record);
        machine.script("home/.cargo/bin/evcxr_jupyter", KERNEL);
        assert_success(&machine.run(&["--no-open"]));
        (machine.registration()["argv"][3].as_str().map(PathBuf::from), machine)
    };
    let (kernel, machine) = kernel_of("0.22.0");
    assert_eq!(kernel, Some(machine.path("home/.cargo/bin/evcxr_jupyter")));
    assert!(!machine.calls().contains("cargo install"));
    for other in ["0.22.1", "0.21.0"] {
        let (kernel, machine) = kernel_of(other);
        assert_eq!(kernel, Some(machine.lab("kernel/bin/evcxr_jupyter")), "{other}");
        assert_eq!(
            fs::read_to_string(machine.path("home/.cargo/bin/evcxr_jupyter")).expect("it stays"),
            format!("#!/bin/sh\n{KERNEL}")
        );
    }
}

#[test]
fn without_notebooks_it_says_where_it_looked() {
    let machine = Machine::new();
    let mut command = machine.command(&["--no-open"]);
    command.current_dir(machine.path("home"));
    let output = command.output().expect("the command starts");
    assert_failure(&output, &["notebooks/requirements.txt", "home", "clone"]);
}

/// Programs on the PATH: each one's name, and its script.
type Programs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn a_python_that_will_not_do_is_named() {
    let old = "case \"$*\" in *ensurepip*) echo 3.9; echo whole ;; esac";
    let bare = "case \"$*\" in *ensurepip*) echo 3.12; echo bare ;; esac";
    let cases: [(Programs, &[&str]); 5] = [
        (&[], &["no Python", "python3, python, py", "3.10"]),
        (&[("python3", "exit 1")], &["no Python", "python3, python, py"]),
        (&[("python3", old)], &["python3 is Python 3.9", "3.10", "--python"]),
        (&[("python", bare)], &["python lacks", "venv", "ensurepip", "--python"]),
        // The nearest to one that will do.
        (&[("python3", old), ("python", bare)], &["python lacks"]),
    ];
    for (programs, words) in cases {
        let machine = Machine::bare();
        machine.program("cargo", CARGO);
        for (name, text) in programs {
            machine.program(name, text);
        }
        let output = machine.run(&["--no-open"]);
        assert_failure(&output, words);
        assert!(stderr(&output).contains("Install"), "{}", stderr(&output));
        assert!(!machine.lab("python").exists());
    }
    let machine = Machine::new();
    assert_failure(&machine.run(&["--python", "python9"]), &["python9 cannot be run"]);
    // One that will do stands behind one that will not.
    machine.program("python", PYTHON);
    machine.program("python3", old);
    assert_success(&machine.run(&["--no-open"]));
    assert!(machine.calls().contains("python -m venv"));
}

#[test]
fn an_old_pip_is_replaced_first() {
    let machine = Machine::new();
    machine.program("python3", &PYTHON.replace("pip 25.1", "pip 21.2.4"));
    assert_success(&machine.run(&["--no-open"]));
    let calls = machine.calls();
    let upgrade = calls.find("install --upgrade pip==").expect("a newer pip");
    assert!(upgrade < calls.find("install --requirement").expect("the requirements"), "{calls}");
}

#[test]
fn a_pip_that_fails_tells_why_and_where() {
    let pip = "touch \"$(dirname \"$0\")/jupyterlab\"";
    for (said, words) in [
        ("Failed to establish a new connection: [Errno 111]", "could not reach the network"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("no such luck", "last words"),
    ] {
        let machine = Machine::new();
        let failing = PYTHON.replace(pip, &format!("echo '{said}' >&2; exit 1"));
        machine.program("python3", &failing);
        let output = machine.run(&["--no-open"]);
        let log = machine.lab("python.log");
        let log_name = log.to_str().expect("UTF-8");
        assert_failure(&output, &["installing JupyterLab failed", words, said, log_name]);
        let kept = fs::read_to_string(&log).expect("a log");
        assert!(kept.contains(said) && kept.contains("install"), "{kept}");
        // The next run begins anew, and succeeds where pip does.
        machine.program("python3", PYTHON);
        machine.calls();
        assert_success(&machine.run(&["--no-open"]));
        assert_eq!(work(&machine.calls()), [true; 3]);
    }
}

#[test]
fn an_environment_without_jupyterlab_is_no_success() {
    let machine = Machine::new();
    let idle = PYTHON.replace("touch \"$(dirname \"$0\")/jupyterlab\"", "true");
    machine.program("python3", &idle);
    assert_failure(&machine.run(&["--no-open"]), &["does not find JupyterLab", "python.log"]);
    assert!(!machine.lab("python/requirements.txt").exists());
}

#[test]
fn without_cargo_it_says_where_rust_is() {
    let machine = Machine::bare();
    machine.program("python3", PYTHON);
    assert_failure(&machine.run(&["--no-open"]), &["no cargo", "https://rustup.rs"]);
}

#[test]
fn a_cargo_that_fails_tells_why_and_where() {
    for (said, words) in [
        ("error: could not download: Could not resolve host", "could not reach the network"),
        ("error: cannot install package, it requires rustc 1.95", "rustup update"),
        ("error: linker `cc` not found", "build-essential"),
        ("fatal: No space left on device", "disk is full"),
    ] {
        let machine = Machine::new();
        let version = "if [ \"$1\" = --version ]; then exit 0; fi";
        machine.program("cargo", &format!("{version}\necho '{said}' >&2; exit 101"));
        let output = machine.run(&["--no-open"]);
        assert_failure(&output, &["compiling the kernel failed", words, said, "kernel.log"]);
        // What was whole stays.
        machine.program("cargo", CARGO);
        machine.calls();
        assert_success(&machine.run(&["--no-open"]));
        assert_eq!(work(&machine.calls()), [false, true, true]);
    }
    let machine = Machine::new();
    machine.script("kernel", "exit 1");
    assert_failure(&machine.run(&["--no-open"]), &["does not run", "kernel.log"]);
}

#[test]
fn an_interrupt_says_what_to_do_next() {
    let machine = Machine::new();
    // What a terminal does at Ctrl-C: both programs get the signal.
    let cargo = CARGO.replace("mkdir", "kill -INT $PPID; kill -INT $$; sleep 9; mkdir");
    machine.program("cargo", &cargo);
    let output = machine.run(&["--no-open"]);
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("Broken off"), "{}", stderr(&output));
    machine.program("cargo", CARGO);
    machine.calls();
    assert_success(&machine.run(&["--no-open"]));
    assert_eq!(work(&machine.calls()), [false, true, true]);
}

#[test]
fn a_project_that_cannot_be_written_is_named() {
    let machine = Machine::new();
    // A file in the place of the folder: permissions do not bind every user.
    machine.write("project/.lab", "");
    assert_failure(&machine.run(&["--no-open"]), &[".lab", "cannot be made", "may write to"]);
}

/// The real Python, with a package index that nobody answers for.
#[test]
fn a_real_pip_without_a_network_fails_with_the_way_out() {
    let python = std::env::var("CHAINRULE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    // The variable may be a path from here, and the command runs in another folder.
    let here = std::env::current_dir().expect("a folder").join(&python);
    let python = if here.exists() { text(&here).to_owned() } else { python };
    let probe = Command::new(&python).args(["-c", "import ensurepip, venv"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no Python here that makes environments");
        return;
    }
    let machine = Machine::new();
    let mut command = machine.command(&["--no-open", "--python", &python]);
    command
        .env("PATH", std::env::var_os("PATH").expect("a PATH"))
        .env("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        .env("PIP_RETRIES", "0")
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env_remove("PIP_FIND_LINKS");
    let output = command.output().expect("the command starts");
    let words = ["installing JupyterLab failed", "could not reach the network", "python.log"];
    assert_failure(&output, &words);
    assert!(!machine.lab("python/requirements.txt").exists());
}

#[test]
fn the_help_shows_how_jupyterlab_gets_arguments() {
    let output = run(&["lab", "--help"]);
    assert_success(&output);
    assert!(stdout(&output).contains("-- --port 9000"), "{}", stdout(&output));
}
