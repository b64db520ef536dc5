"""What counts as the same output, and what as a failure."""

import base64
import unittest

from outputs import difference, failure, masked, settled


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def value(**forms):
    data = {
        f"image/{form}" if form != "plain" else "text/plain": text for form, text in forms.items()
    }
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}


class Mask(unittest.TestCase):
    def test_durations_and_rates_are_masked(self):
        for timing in (
            "4 s",
            "12.3 ms",
            "1.234567ms",
            "98 µs",
            "98 μs",
            "37ns",
            "0.5 s",
            "1.2e-5 s",
            "218,000 samples/s",
            "3.1 GFLOP/s",
            "0.8 s/epoch",
            "41 ns/step",
        ):
            with self.subTest(timing):
                self.assertEqual(masked(f"in {timing}, or so"), "in <timing> , or so")

    def test_all_else_stays(self):
        for text in (
            "h = 0.8808, loss = 0.6931",
            "3 samples",
            "step 12",
            "f32 s",
            "x4 s",
            "2 sigmas",
            "5 m",
            "16 nsteps",
            "12.3 msx",
            "784-300-10",
            "94.8 %",
            "s = 4",
            "7 of 9 seconds",
        ):
            with self.subTest(text):
                self.assertEqual(masked(text), text)

    def test_a_mask_takes_the_padding_and_not_the_neighbors(self):
        self.assertEqual(masked("a    9.1 ms  0.25"), masked("a  109.1 ms  0.25"))
        self.assertNotEqual(masked("a 9.1 ms 0.25"), masked("a 9.1 ms 0.26"))
        self.assertEqual(masked("1 s\n2 s"), " <timing> \n <timing> ")


class Difference(unittest.TestCase):
    def test_timings_are_none(self):
        self.assertIsNone(difference([printed("loss 0.5 in 3 s")], [printed("loss 0.5 in 14 s")]))

    def test_text_is_compared_line_by_line(self):
        found = difference([printed("a\nb\n")], [printed("a\nc\n")])
        self.assertEqual(found, "--- committed\n+++ now\n@@ -1,3 +1,3 @@\n [stdout]\n a\n-b\n+c")

    def test_svg_is_compared_as_it_is(self):
        same = [value(svg="<svg>4 s</svg>", plain="a figure")]
        self.assertIsNone(difference(same, same))
        self.assertIsNone(difference(same, [value(svg=["<svg>4", " s</svg>"], plain="a figure")]))
        self.assertIn("+<svg>5 s</svg>", difference(same, [value(svg="<svg>5 s</svg>", plain="")]))

    def test_png_is_compared_by_its_bytes(self):
        png = base64.b64encode(bytes(range(99))).decode()
        broken = png[:40] + "\n" + png[40:] + "\n"
        other = base64.b64encode(bytes(range(1, 100))).decode()
        self.assertIsNone(difference([value(png=png)], [value(png=broken)]))
        self.assertIn("+99 bytes", difference([value(png=png)], [value(png=other)]))

    def test_forms_are_compared(self):
        self.assertIn(
            "-[execute_result: image/svg+xml]",
            difference([value(**{"svg+xml": "<svg/>", "plain": "a"})], [value(plain="a")]),
        )
        self.assertIn("-[stdout]", difference([printed("a")], [printed("a", "stderr")]))
        table = {**value(), "data": {"application/json": {"b": 1, "a": [2]}}}
        turned = {**value(), "data": {"application/json": {"a": [2], "b": 1}}}
        self.assertIsNone(difference([table], [turned]))

    def test_values_are_compared_in_their_order(self):
        self.assertIsNotNone(
            difference([value(plain="a"), value(plain="b")], [value(plain="b"), value(plain="a")])
        )

    def test_pieces_of_a_stream_are_one(self):
        self.assertIsNone(
            difference(
                [printed("a\nb\n"), value(plain="1")],
                [printed("a\n"), value(plain="1"), printed(["b", "\n"])],
            )
        )


class Settled(unittest.TestCase):
    def test_streams_come_first_and_in_one_piece(self):
        outputs = [
            value(plain="1"),
            printed("late", "stderr"),
            printed("a\n"),
            printed(["b", "\n"]),
        ]
        self.assertEqual(
            settled(outputs), [printed("a\nb\n"), printed("late", "stderr"), value(plain="1")]
        )


class Failure(unittest.TestCase):
    def test_what_is_well_is_none(self):
        self.assertIsNone(failure([]))
        self.assertIsNone(failure([printed("Err(1)\n"), value(plain="Ok(3)"), value(svg="<svg/>")]))

    def test_each_kind_has_its_words(self):
        error = {
            "output_type": "error",
            "ename": "Error",
            "evalue": "mismatched types",
            "traceback": ["\x1b[31mError:\x1b[0m here"],
        }
        panic = printed(
            "\nthread 'main' panicked at src/lib.rs:1:2:\nno\nstack backtrace:\n", "stderr"
        )
        for outputs, words in (
            ([error], "it failed: mismatched types\n    Error: here"),
            ([panic], "it panicked:\n    thread 'main' panicked at src/lib.rs:1:2:\n    no"),
            ([error, panic], "it panicked:"),
            ([printed("thread panicked at x")], "it panicked:"),
            (
                [printed("a"), printed("b", "stderr")],
                "it wrote an error or a warning to stderr:\n    b",
            ),
            ([value(plain="Err(3)")], "its value is an error:\n    Err(3)"),
            ([value(plain=["Err(\n", "3)"])], "its value is an error:\n    Err(\n    3)"),
        ):
            with self.subTest(words):
                self.assertTrue(failure(outputs).startswith(words), failure(outputs))


if __name__ == "__main__":
    unittest.main()
