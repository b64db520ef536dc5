"""Makes what is missing, below `target/peers`, and says what it installs and how large it is."""

import os
import platform
import shutil
import subprocess
import sys

from rivals import CARGO, HERE, ROOT, RIVALS, TARGET


class LeftOut(Exception):
    """Why a rival cannot be measured here, in one line."""


def prepare(rivals):
    """The rivals that can be measured, and a line for each that cannot."""
    problems, ready, lines = {}, [], []
    for rival in rivals:
        environment = rival.environment
        if environment not in problems:
            problems[environment] = attempt(rust if environment is CARGO else python, environment)
        problem = problems[environment] or missing_compiler(rival)
        if problem:
            lines.append(f"{rival.name} is left out: {problem}")
        else:
            ready.append(rival)
    return ready, lines


def attempt(make, environment):
    try:
        make(environment)
    except LeftOut as problem:
        return str(problem)
    return None


def missing_compiler(rival):
    """`torch.compile` writes C++ and has it compiled."""
    compilers = [os.environ.get("CXX"), "g++", "clang++"] + ["cl"] * (os.name == "nt")
    if rival.name == "torch.compile" and not any(shutil.which(name) for name in compilers if name):
        return "it needs a C++ compiler, and there is neither g++ nor clang++"
    return None


def python(environment):
    """A virtual environment with the packages. `ready` says which: others are installed anew."""
    folder, wanted = TARGET / environment.name, "\n".join(environment.packages)
    ready = folder / "ready"
    if ready.exists() and ready.read_text() == wanted:
        return
    print(f"Installing {', '.join(environment.packages)}: {environment.size}.", flush=True)
    what = f"{', '.join(environment.packages)} cannot be installed on Python {platform.python_version()}"
    command(environment, what, [sys.executable, "-m", "venv", "--clear", folder])
    pip = [interpreter(environment), "-m", "pip", "install", "--disable-pip-version-check"]
    command(environment, what, [*pip, *environment.packages])
    ready.write_text(wanted)


def rust(environment):
    """The programs in Rust, for this processor."""
    flags = f"{os.environ.get('RUSTFLAGS', '')} -C target-cpu=native".strip()
    if not cargo_has_built():
        print(f"Compiling burn and candle: {environment.size}.", flush=True)
    build = ["cargo", "build", "--release", "--locked", "--target-dir", TARGET / environment.name]
    variables = {**os.environ, "RUSTFLAGS": flags}
    command(environment, "it does not compile", build, cwd=HERE / "rust", env=variables)


def cargo_has_built():
    programs = {rival.program for rival in RIVALS if rival.environment is CARGO}
    return all(program(CARGO, name).exists() for name in programs)


def chainrule():
    """The project's own command, as a reader builds it."""
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", ROOT / "target"]
    if shutil.which("cargo") is None:
        raise LeftOut("cargo is not in the path: it comes with Rust")
    if subprocess.run(build, cwd=ROOT).returncode != 0:
        raise LeftOut("Chainrule does not compile")
    return (ROOT / "target" / "release" / "chainrule").with_suffix(SUFFIX)


def command(environment, what, arguments, **settings):
    """Runs a command with its output in a log. `what` it comes to where it fails."""
    TARGET.mkdir(parents=True, exist_ok=True)
    log = TARGET / f"{environment.name}.log"
    if shutil.which(str(arguments[0])) is None:
        raise LeftOut(f"{arguments[0]} is not in the path")
    with log.open("ab") as output:
        ended = subprocess.run(arguments, stdout=output, stderr=output, **settings)
    if ended.returncode != 0:
        raise LeftOut(f"{what}; {log.relative_to(ROOT)} says why")


SUFFIX = ".exe" if os.name == "nt" else ""


def interpreter(environment):
    """The Python of a virtual environment."""
    folder = TARGET / environment.name
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def program(environment, name):
    """A program of the Rust package."""
    return (TARGET / environment.name / "release" / name).with_suffix(SUFFIX)


def start_of(rival):
    """The words with which a rival's command line begins."""
    if rival.environment is CARGO:
        return [program(CARGO, rival.program)]
    return [interpreter(rival.environment), HERE / "python" / rival.program]
