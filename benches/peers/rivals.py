"""Who is measured: each rival's environment, its variants, and all that is known to make it faster."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TARGET = ROOT / "target" / "peers"


@dataclass(frozen=True)
class Environment:
    """Packages of a virtual environment of its own; the Rust package where there are none."""

    name: str
    packages: tuple = ()
    size: str = ""


TORCH = Environment(
    "pytorch",
    ("torch==2.15.0", "numpy==2.4.6"),
    "3 GB to download and 5.4 GB on disk where the wheel is one for graphics cards, as on Linux",
)
JAX = Environment("jax", ("jax==0.10.2", "numpy==2.4.6"), "150 MB to download, 620 MB on disk")
NUMPY = Environment("numpy", ("numpy==2.4.6",), "20 MB to download, 100 MB on disk")
CARGO = Environment("cargo", size="200 packages to compile, some minutes")


@dataclass(frozen=True)
class Rival:
    """A column of the table. The best of its variants counts."""

    name: str
    environment: Environment
    program: str
    variants: tuple
    # Where these differ: for workloads on images.
    image_variants: tuple = ()
    # Why it has no workloads on images, where it has none.
    lacks: str = ""

    def variants_for(self, workload):
        """Its variants of a workload, none where it lacks it."""
        if len(workload["input"]) == 1:
            return self.variants
        return () if self.lacks else self.image_variants or self.variants


RIVALS = (
    Rival("pytorch", TORCH, "with_pytorch.py", ("eager-nchw",), ("eager-nchw", "eager-nhwc")),
    Rival(
        "torch.compile", TORCH, "with_pytorch.py", ("compile-nchw",), ("compile-nchw", "compile-nhwc")
    ),
    Rival("jax", JAX, "with_jax.py", ("step",)),
    Rival("jax.scan", JAX, "with_jax.py", ("scan",)),
    Rival("numpy", NUMPY, "with_numpy.py", ("by-hand",), lacks="no convolutions by hand"),
    Rival("burn", CARGO, "with_burn", ("flex",)),
    Rival("candle", CARGO, "with_candle", ("cpu",)),
)


def variables(threads):
    """The environment in which every program runs."""
    counts = (
        "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
        "RAYON_NUM_THREADS", "NPROC", "PJRT_NPROC",
    )  # fmt: skip
    xla = "--xla_cpu_multi_thread_eigen=true"
    return {
        **os.environ,
        **dict.fromkeys(counts, str(threads)),
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {xla}".strip(),
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(TARGET / "jax-cache"),
        "TORCHINDUCTOR_CACHE_DIR": str(TARGET / "inductor"),
    }


def versions():
    """The version of every package that is measured."""
    pins = (pin.split("==") for rival in RIVALS for pin in rival.environment.packages)
    locked = (HERE / "rust" / "Cargo.lock").read_text()
    crates = re.findall(r'name = "(burn|candle-core|gemm)"\nversion = "(.+)"', locked)
    manifest = (ROOT / "Cargo.toml").read_text()
    own = re.search(r'^version = "(.+)"', manifest, re.MULTILINE)
    return {"chainrule": own[1], **dict(pins), **dict(crates)}
