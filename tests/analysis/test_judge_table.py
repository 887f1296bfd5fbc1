#!/usr/bin/python3
"""Boosted trees judge samples of a table: rows of the same kind pass, columns that were drawn independently do not, and
teach nothing. Run: ctest --preset dev -R analysis.judge_table"""
import json

import numpy as np
import pandas

from case import DATA, USAGE, Case
from skipped import main

ROWS = 400


def draw(seed):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, ROWS)
    size = kind + rng.normal(0, 0.2, ROWS)
    bought = np.where(size + rng.normal(0, 0.5, ROWS) > 1, "y", "n")
    return pandas.DataFrame({"kind": np.array(["a", "b", "c"])[kind], "price": np.round(10 * size), "bought": bought,
                             "size": np.where(rng.random(ROWS) < 0.1, None, size)})


class Judge(Case):
    def setUp(self):
        super().setUp()
        for seed, name in enumerate(("train", "test", "alike")):
            draw(seed).to_csv(self.path(name + ".csv"), index=False)
        rng = np.random.default_rng(5)
        apart = draw(4).apply(lambda column: column.to_numpy()[rng.permutation(ROWS)])
        apart.to_csv(self.path("apart.csv"), index=False)
        self.real = ("--train", self.path("train.csv"), "--test", self.path("test.csv"))

    def judged(self, target):
        said = self.assert_works("judge_table.py", self.path("alike.csv"), self.path("apart.csv"), *self.real,
                                 "--target", target, "--json", self.path("j.json"))
        with open(self.path("j.json"), encoding="utf-8") as file:
            found = json.load(file)["samples"]
        return said, found[self.path("alike.csv")], found[self.path("apart.csv")]

    def test_detection_and_a_category(self):
        said, alike, apart = self.judged("bought")
        self.assertGreater(alike["samples"]["detection"], 0.75)
        self.assertGreater(alike["oracle"]["detection"], 0.75)
        self.assertLess(apart["samples"]["detection"], 0.4)
        self.assertAlmostEqual(alike["samples"]["target"]["auc"], alike["oracle"]["target"]["auc"], delta=0.04)
        self.assertLess(abs(apart["samples"]["target"]["auc"] - 0.5), 0.2)
        self.assertIn("oracle: other real rows", said)

    def test_a_number(self):
        _, alike, apart = self.judged("price")
        self.assertGreater(alike["samples"]["target"]["r2"], 0.9)
        self.assertLess(apart["samples"]["target"]["r2"], 0.3)

    def test_refusals(self):
        self.assert_fails(USAGE, ["--run"], "judge_table.py", self.path("alike.csv"))
        self.assert_fails(DATA, ["'prise'", "price"], "judge_table.py", self.path("alike.csv"), *self.real, "--target",
                          "prise")
        draw(1).drop(columns="size").to_csv(self.path("lacks.csv"), index=False)
        self.assert_fails(DATA, ["'size'"], "judge_table.py", self.path("lacks.csv"), *self.real)


if __name__ == "__main__":
    main()
