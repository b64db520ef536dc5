"""Where a kernel compiles: alone, and with what others have compiled before it."""

import os
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from kernel import execute

LAUNCHER = Path(__file__).resolve().parents[2] / "src/command/lab/launch.py"

# In the place of a kernel: says where its settings are, and lives as long as its input is open.
KERNEL = "import os, sys; print(os.environ['EVCXR_CONFIG_DIR'], flush=True); sys.stdin.read()"


class Launch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.builds = Path(folder.name) / "builds"

    def start(self, script=KERNEL):
        """A kernel, and the name of the folder that it got."""
        kernel = subprocess.Popen(
            [sys.executable, LAUNCHER, self.builds, sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.stop, kernel)
        folder = Path(kernel.stdout.readline().strip())
        self.assertEqual(folder.parent, self.builds)
        settings = (folder / "evcxr.toml").read_text()
        self.assertIn(f":build_env CARGO_BUILD_BUILD_DIR={folder}\n", settings)
        return kernel, folder.name

    def stop(self, kernel):
        kernel.kill()
        kernel.wait()
        kernel.stdin.close()
        kernel.stdout.close()

    def test_kernels_that_run_at_once_have_a_folder_each(self):
        first, folder = self.start()
        self.assertEqual(folder, "1")
        self.assertEqual(self.start()[1], "2")
        self.assertEqual(self.start()[1], "3")
        self.stop(first)
        self.assertEqual(self.start()[1], "1")

    def test_a_folder_stays_taken_until_all_of_its_kernel_has_ended(self):
        # What a kernel has started may outlive it by a moment.
        program = f"[sys.executable, '-c', {KERNEL!r}]"
        script = f"import subprocess, sys; subprocess.Popen({program}, close_fds=False)"
        kernel, _ = self.start(script)
        kernel.wait()
        self.assertEqual(self.start()[1], "2")
        kernel.stdin.close()
        # Until what it has started has closed its end.
        kernel.stdout.read()
        self.assertEqual(self.start()[1], "1")

    def test_a_new_folder_has_what_is_compiled_and_no_cells(self):
        compiled = [
            "host/debug/.fingerprint/ndarray-1/lib-ndarray",
            "host/debug/build/libm-2/output",
            "host/debug/deps/libndarray-1.rlib",
            "debug/deps/libthiserror_impl-3.so",
        ]
        cells = [
            "host/debug/.fingerprint/ctx-4/lib-ctx",
            "host/debug/deps/ctx.d",
            "host/debug/deps/libctx.so",
            "host/debug/deps/libcode_7.so",
        ]
        for name in compiled + cells:
            file = self.builds / "1" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
            os.utime(file, ns=(1_000_000_001, 2_000_000_003))
        self.assertEqual(self.start()[1], "1")
        self.assertEqual(self.start()[1], "2")
        second = self.builds / "2"
        files = {str(file.relative_to(second)) for file in second.rglob("*") if file.is_file()}
        self.assertEqual(files, {*compiled, "evcxr.toml", "kernel.lock"})
        for name in compiled:
            file = second / name
            self.assertEqual(file.read_text(), name)
            # By the time of a file cargo tells whether it is up to date.
            self.assertEqual(file.stat().st_mtime_ns, 2_000_000_003)
            # A file of two names would change in both places.
            self.assertEqual(file.stat().st_nlink, 1)

    def test_what_is_missing_is_said(self):
        def said(builds, kernel):
            command = [sys.executable, LAUNCHER, builds, kernel]
            launched = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            self.assertEqual(launched.returncode, 1)
            return launched.stderr

        missing = str(self.builds / "kernel")
        self.assertIn(f"the kernel {missing} does not start", said(self.builds, missing))
        file = self.builds.with_name("file")
        file.touch()
        self.assertIn(f"compiled in {file}, which cannot be written", said(file, sys.executable))


class AtOnce(unittest.TestCase):
    def test_kernels_that_run_at_once_run_their_own_cells(self):
        def printed(name):
            cells = [nbformat.v4.new_code_cell(f'println!("{name} {k}");') for k in range(8)]
            execute(nbformat.v4.new_notebook(cells=cells), LAUNCHER.parent, 300)
            return [output.text for cell in cells for output in cell.outputs]

        names = ["first", "second", "third"]
        with ThreadPoolExecutor() as pool:
            for name, found in zip(names, pool.map(printed, names)):
                self.assertEqual(found, [f"{name} {k}\n" for k in range(8)])


if __name__ == "__main__":
    unittest.main()
