#!/usr/bin/env python3
"""blocks.py finds every block, knows what is said of it, and takes nothing that it does not know."""

import unittest

from blocks import blocks_of, pattern_of, sessions_of


def block(text):
    (only,) = blocks_of("x.md", text)
    return only


class Blocks(unittest.TestCase):
    def test_finds_blocks_also_in_lists(self):
        found = blocks_of("x.md", "# X\n\n```sh\na\n```\n\n1. list:\n\n   ```sql\n   SELECT 1\n     + 2;\n   ```\n")
        self.assertEqual([(one.name, one.text) for one in found],
                         [("x.md:3 (sh)", "a\n"), ("x.md:9 (sql)", "SELECT 1\n  + 2;\n")])

    def test_refuses_blocks_of_which_nothing_is_known(self):
        for text in ("```\na\n```\n", "```bash\na\n```\n", "text\n\n    pg_helloctl health\n",
                     "1. list:\n\n        pg_helloctl health\n", "<!-- run: perhaps -->\n```sh\na\n```\n"):
            with self.assertRaises(ValueError, msg=text):
                blocks_of("x.md", text)

    def test_a_list_that_goes_on_is_no_block(self):
        self.assertEqual(blocks_of("x.md", "1. a\n\n   b\n\n      - c\n\n        d\n"), [])

    def test_knows_what_is_said_of_a_block(self):
        self.assertEqual(block("```sh\na\n```\n").statuses, (0,))
        self.assertEqual(block("<!-- run: exits with 0 or 1 -->\n```sh\na\n```\n").statuses, (0, 1))
        self.assertEqual(block("<!-- not run: it is late -->\n```sh\na\n```\n").not_run, "it is late")
        self.assertTrue(block("<!-- run: until it prints, then SIGTERM -->\n```sh\na\n```\n").until_it_prints)
        self.assertTrue(block("<!-- run: in a new database -->\n```sql\na\n```\n").new_database)

    def test_a_comment_elsewhere_says_nothing(self):
        self.assertEqual(block("<!-- not run: it is late -->\n\n```sh\na\n```\n").not_run, "")

    def test_separates_commands_from_what_they_print(self):
        session = block("```console\n$ a \\\n> b\n1\n2\n$ c\n```\n")
        self.assertEqual(sessions_of(session), [["a \\\nb", ["1", "2"]], ["c", []]])

    def test_shown_output_is_compared_but_for_dots(self):
        self.assertTrue(pattern_of(["ok: ... ms", "..."]).fullmatch("ok: 1.5 ms\n"))
        self.assertTrue(pattern_of(["...", "ok: ... ms"]).fullmatch("x\ny\nok: 1.5 ms\n"))
        for printed in ("ok: 1.5 s\n", "ok: 1.5\nms\n", "x\nok: 1.5 ms\n", ""):
            self.assertFalse(pattern_of(["ok: ... ms"]).fullmatch(printed), printed)
        self.assertFalse(pattern_of(["200"]).fullmatch("200\n503\n"))


if __name__ == "__main__":
    unittest.main()
