"""What the runner makes of its measurements.

    python3 -m unittest discover -s benches/peers -p tests.py
"""

import json
import sys
import unittest
from unittest import mock

import measurement
from measurement import Failed, Result
from rivals import RIVALS
from table import document, table

JAX = next(rival for rival in RIVALS if rival.name == "jax")
STEADY, SHAKY = [[99.0, 98.0, 100.0], [97.0, 99.0, 95.0]], [[50.0, 100.0, 90.0], [90.0, 95.0, 99.0]]


class Table(unittest.TestCase):
    def test_a_number_is_the_best_window_of_the_best_variant(self):
        results = {"w": {"chainrule": {"threads": Result([[150.0, 149.0, 148.0]])},
                         "jax": {"slow": Result([[30.0, 30.0, 30.0]]), "fast": Result(STEADY)}}}
        head, row = table(results, ["chainrule", "jax", "numpy"]).splitlines()
        self.assertEqual(head.split(), "workload chainrule jax numpy chainrule to the best".split())
        self.assertEqual(row.split(), ["w", "150", "100", "-", "1.50", "jax"])

    def test_windows_that_lie_apart_are_marked_and_explained(self):
        results = {"w": {"chainrule": {"threads": Result(STEADY)}, "jax": {"step": Result(SHAKY)}}}
        words = table(results, ["chainrule", "jax"])
        self.assertIn("100*", words)
        self.assertNotIn("100* 100*", " ".join(words.split()))
        self.assertIn("10%", words)

    def test_a_spread_is_over_all_rounds(self):
        self.assertEqual(Result(STEADY).spread, 1 - 95 / 100)
        self.assertFalse(Result(STEADY).loaded)
        self.assertTrue(Result([[100.0] * 3, [89.0] * 3]).loaded)

    def test_the_document_has_every_window(self):
        results = {"w": {"jax": {"step": Result(SHAKY, 7, [[2.0, 1.0]])}}}
        found = json.loads(json.dumps(document({}, {}, 1.0, results, [])))["results"]["w"]["jax"]["step"]
        self.assertEqual((found["rounds"], found["spread"], found["parameters"]), (SHAKY, 0.5, 7))


class Measurement(unittest.TestCase):
    def measure(self, **changes):
        printed = {"parameters": 7, "losses": [2.0, 1.9], "samples_per_second": [1.0, 2.0, 3.0]}
        result = Result()
        with mock.patch.object(measurement, "output_of", return_value={**printed, **changes}):
            measurement.rival(JAX, "step", {"name": "w"}, [], {}, 7, result)
        return result

    def test_a_rival_that_learns_the_same_network_has_a_number(self):
        self.assertEqual(self.measure().rounds, [[1.0, 2.0, 3.0]])

    def test_another_network_has_none(self):
        with self.assertRaisesRegex(Failed, "8 parameters, where Chainrule has 7"):
            self.measure(parameters=8)

    def test_one_that_does_not_learn_has_none(self):
        for losses in ([2.0, 2.0], [2.0, 2.1], [2.0, float("nan")]):
            with self.assertRaisesRegex(Failed, "does not learn"):
                self.measure(losses=losses)

    def test_a_program_that_fails_is_quoted(self):
        with self.assertRaisesRegex(Failed, "^no momentum by hand$"):
            measurement.output_of([sys.executable, "-c", "exit('no momentum by hand')"], None)

    def test_a_program_that_prints_no_result_is_told(self):
        for program in ("", "print('ready')"):
            with self.assertRaisesRegex(Failed, "printed no result"):
                measurement.output_of([sys.executable, "-c", program], None)

    def test_what_is_measured_is_what_was_printed_last(self):
        program = "print('a warning'); print('{\"parameters\": 7}')"
        found = measurement.output_of([sys.executable, "-c", program], None)
        self.assertEqual(found, {"parameters": 7})


if __name__ == "__main__":
    unittest.main()
