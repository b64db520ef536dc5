"""The form of a notebook: each fault, and a notebook without one."""

import copy
import unittest

from form import LANGUAGE, normalize, output_faults, source_faults

VALUE = {
    "output_type": "execute_result",
    "execution_count": 2,
    "metadata": {},
    "data": {"text/plain": "3"},
}
PRINTED = {"output_type": "stream", "name": "stdout", "text": ["3\n"]}


def notebook():
    return copy.deepcopy(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {"name": "rust", "display_name": "Rust", "language": "rust"}
            },
            "cells": [
                {"cell_type": "markdown", "id": "about", "metadata": {}, "source": "# A"},
                {
                    "cell_type": "code",
                    "id": "one",
                    "metadata": {},
                    "source": ["let a = 3;"],
                    "execution_count": 1,
                    "outputs": [PRINTED],
                },
                {
                    "cell_type": "code",
                    "id": "two",
                    "metadata": {},
                    "source": "a",
                    "execution_count": 2,
                    "outputs": [VALUE],
                },
            ],
        }
    )


class Form(unittest.TestCase):
    def assert_fault(self, faults, cell, words):
        (fault,) = faults
        self.assertEqual(fault.cell, cell)
        self.assertIn(words, fault.reason)

    def test_a_faultless_notebook_has_no_fault(self):
        self.assertEqual(list(source_faults(notebook())), [])
        self.assertEqual(list(output_faults(notebook())), [])

    def test_format(self):
        old = {**notebook(), "nbformat_minor": 4}
        self.assert_fault(source_faults(old), "", "its format is 4.4")

    def test_kernel(self):
        for metadata in ({}, {"kernelspec": {"name": "python3"}}):
            self.assert_fault(
                source_faults({**notebook(), "metadata": metadata}), "", "its kernel is"
            )

    def test_cells_without_a_name(self):
        for broken in (None, "", "a b", "a" * 65):
            found = notebook()
            found["cells"][0]["id"] = broken
            if broken is None:
                del found["cells"][0]["id"]
            self.assert_fault(source_faults(found), "", "its cell 1 has no id")

    def test_cells_of_one_name(self):
        found = notebook()
        found["cells"][2]["id"] = "one"
        self.assert_fault(source_faults(found), "one", "2 cells have this id")

    def test_empty_cells(self):
        found = notebook()
        found["cells"][1]["source"] = [" \n"]
        self.assert_fault(source_faults(found), "one", "it is empty")

    def test_no_code(self):
        found = notebook()
        del found["cells"][1:]
        self.assert_fault(source_faults(found), "", "it has no code")

    def test_no_output(self):
        found = notebook()
        found["cells"][1]["outputs"] = []
        self.assert_fault(output_faults(found), "one", "it has no output")

    def test_a_committed_failure(self):
        found = notebook()
        found["cells"][1]["outputs"][0]["text"] = "thread panicked at src/lib.rs"
        self.assert_fault(output_faults(found), "one", "it panicked")

    def test_execution_counts(self):
        found = notebook()
        found["cells"][1]["execution_count"] = None
        self.assert_fault(output_faults(found), "one", "its execution counts are None")
        found = notebook()
        found["cells"][2]["execution_count"] = 3
        self.assert_fault(
            output_faults(found), "two", "code cell 2 and its execution counts are 3, 2"
        )
        found = notebook()
        found["cells"][2]["outputs"][0]["execution_count"] = 3
        self.assert_fault(
            output_faults(found), "two", "code cell 2 and its execution counts are 2, 3"
        )

    def test_normalize_leaves_nothing_of_when_and_where(self):
        found = notebook()
        found["metadata"]["widgets"] = {}
        found["cells"][1]["metadata"] = {"execution": {"a": 1}, "tags": ["b"]}
        found["cells"][2]["execution_count"] = 9
        found["cells"][2]["outputs"][0]["execution_count"] = 9
        normalize(found)
        expected = notebook()
        expected["metadata"]["language_info"] = LANGUAGE
        expected["cells"][1]["metadata"] = {"tags": ["b"]}
        expected["cells"][1]["outputs"][0]["text"] = "3\n"
        self.assertEqual(found, expected)


if __name__ == "__main__":
    unittest.main()
