#!/usr/bin/env python3
"""The judge of the soak condemns what grows, and nothing else."""

import random
import unittest

from judge import growth
from truth import Truth, differences


def series(value, count=300):
    return [(2.0 * i, value(i)) for i in range(count)]


class Growth(unittest.TestCase):
    def test_a_leak_is_seen_through_noise(self):
        noise = random.Random(1)
        self.assertAlmostEqual(growth(series(lambda i: 9000 + 10 * i + noise.uniform(-500, 500))), 2000, delta=200)

    def test_noise_is_no_growth(self):
        noise = random.Random(2)
        self.assertLess(abs(growth(series(lambda i: 9000 + noise.uniform(-500, 500)))), 300)

    def test_a_spike_is_no_growth(self):
        self.assertEqual(growth(series(lambda i: 90_000 if 200 < i < 230 else 9000)), 0)

    def test_the_warm_up_is_no_growth(self):
        self.assertEqual(growth(series(lambda i: min(i, 90))), 0)

    def test_one_descriptor_after_the_other_is_seen(self):
        self.assertGreater(growth(series(lambda i: 20 + i // 50)), 3)

    def test_hours_are_judged_alike(self):
        self.assertAlmostEqual(growth(series(lambda i: i, 20_000)), 20_000 * 2 / 3, delta=200)

    def test_too_few_samples_are_no_judgement(self):
        self.assertRaises(ValueError, growth, series(lambda i: 0, 9))


class Drift(unittest.TestCase):
    def setUp(self):
        self.truth = Truth()
        self.truth.add("f", calls=3, errors=1, origins={"22": 1})

    def test_equal_counts_are_no_drift(self):
        self.assertEqual(differences(self.truth.copy(), self.truth.copy()), [])

    def test_a_lost_call_is_drift(self):
        counted = self.truth.copy()
        counted["f"]["calls"] -= 1
        self.assertEqual(len(differences(self.truth.copy(), counted)), 1)

    def test_an_error_of_another_class_is_drift(self):
        counted = self.truth.copy()
        counted["f"]["origins"] = {"23": 1}
        self.assertEqual(len(differences(self.truth.copy(), counted)), 1)

    def test_a_missing_function_is_drift(self):
        self.assertEqual(len(differences(self.truth.copy(), {})), 1)

    def test_a_function_that_nobody_called_is_drift(self):
        counted = self.truth.copy()
        counted["g"] = dict(counted["f"])
        self.assertEqual(len(differences(self.truth.copy(), counted)), 1)


if __name__ == "__main__":
    unittest.main()
