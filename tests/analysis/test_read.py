#!/usr/bin/python3
"""The package reads configurations, tables, checkpoints and run folders.
Run: ctest --preset dev -R analysis.read"""
import os

import h5py
import numpy as np

import ddpm_analysis
from case import Case
from ddpm_analysis.text_files import parse_config, write_csv
from skipped import main


class Read(Case):
    def test_numbers_of_yaml(self):
        config = parse_config("a: 1e-05\nb: 1e3\nc: 5\nd: auto\ne: 0.1\nf: true\ng: '1e5'\nh: [1, 2.5e-3]\n")
        self.assertEqual(config, {"a": 1e-05, "b": 1000.0, "c": 5, "d": "auto", "e": 0.1, "f": True, "g": "1e5",
                                  "h": [1, 0.0025]})

    def test_csv(self):
        """Numbers come back to the bit, NaN as an empty field, texts where they are expected."""
        path = self.path("a.csv")
        write_csv(path, ["name", "value"], [["a, b", 0.1], ["c", float("nan")]])
        self.assertEqual(ddpm_analysis.text_files.read_text(path), 'name,value\n"a, b",0.1\nc,\n')
        table = ddpm_analysis.read_csv(path, texts=("name",))
        self.assertEqual(table["name"].tolist(), ["a, b", "c"])
        np.testing.assert_array_equal(table["value"], [0.1, np.nan])
        with self.assertRaisesRegex(ddpm_analysis.BadData, "row 1: .*'a, b,0.1'"):
            ddpm_analysis.read_csv(path)

    def test_run(self):
        run = ddpm_analysis.open_run(self.run_folder())
        self.assertEqual(run.config["training"]["epsilon"], 1e-08)
        self.assertEqual(len(run.metrics), 40)
        self.assertEqual(run.metrics["seconds"][-1], 4.0)
        self.assertEqual(np.isfinite(run.metrics["validation_loss"]).sum(), 8)
        self.assertEqual(run.data().values.shape, (200, 2))

    def checkpoint(self, name, config_attribute):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        beta = np.array([0, 0.1, 0.2, 1.0])
        with h5py.File(self.path(name), "w", userblock_size=512) as file:
            for group in ("parameters", "ema", "moment1", "moment2"):
                file[f"{group}/hidden0/weight"] = np.arange(6, dtype=np.float32).reshape(2, 3)
                file[f"{group}/output/bias"] = np.zeros((1, 2), np.float32)
            file["schedule/beta"] = beta
            for key in ("mean", "scale", "minimum", "maximum"):
                file[f"transform/{key}"] = np.ones(2)
            file.attrs["iteration"] = 7
            if config_attribute:
                file.attrs["config"] = "run: {name: a}\n"
            else:
                file["config"] = "run: {name: a}\n"

    def test_checkpoint(self):
        folder = self.run_folder()
        for iteration, attribute in ((5, True), (7, False)):
            self.checkpoint(f"runs/a/checkpoints/step-{iteration:09d}.h5", attribute)
            checkpoint = ddpm_analysis.open_run(folder).checkpoint()
            self.assertEqual(checkpoint.config, {"run": {"name": "a"}})
            self.assertEqual(checkpoint.iteration, 7)
            self.assertEqual(sorted(checkpoint.ema), ["hidden0/weight", "output/bias"])
            np.testing.assert_array_equal(checkpoint.parameters["hidden0/weight"], [[0, 1, 2], [3, 4, 5]])
            np.testing.assert_allclose(checkpoint.alpha_bar, [1, 0.9, 0.72, 0])
        self.assertTrue(ddpm_analysis.open_run(folder).checkpoint_path().endswith("step-000000007.h5"))
        os.symlink("step-000000005.h5", self.path("runs/a/checkpoints/latest.h5"))
        self.assertTrue(ddpm_analysis.open_run(folder).checkpoint_path().endswith("latest.h5"))

    def test_table(self):
        path = self.h5("a:b.h5", values=np.arange(12.0).reshape(3, 2, 2), other=np.ones(3, np.int32))
        self.assertEqual(ddpm_analysis.read_table(f"{path}:values").values.tolist()[1], [4, 5, 6, 7])
        self.assertEqual(ddpm_analysis.read_table(f"{path}:other").values.shape, (3, 1))
        with self.assertRaisesRegex(ddpm_analysis.BadData, "other, values"):
            ddpm_analysis.read_table(path)

    def test_columns(self):
        table = ddpm_analysis.Table(np.arange(6).reshape(2, 3), ["a", "b", "0"])
        chosen = table.select(["b", "0", 0, "1"])
        self.assertEqual((chosen.columns, chosen.values[0].tolist()), (["b", "0", "0", "b"], [1, 2, 2, 1]))
        with self.assertRaisesRegex(ddpm_analysis.BadData, "'c' among a, b, 0"):
            table.select(["c"])

    def test_limit_is_a_fair_choice(self):
        count = 10000
        path = self.h5("sorted.h5", data=np.column_stack([np.arange(count), np.arange(count) % 2]))
        values = ddpm_analysis.read_table(path, 1000).values
        self.assertEqual(len(np.unique(values[:, 0])), 1000)
        self.assertAlmostEqual(values[:, 0].mean() / count, 0.5, delta=0.2)
        self.assertEqual(np.count_nonzero(values[:, 1]), 500)
        self.assertEqual(len(ddpm_analysis.read_table(path, 7).values), 7)

    def test_not_finite(self):
        path = self.h5("nan.h5", data=np.array([[1.0, 2.0], [np.nan, 3.0]]))
        with self.assertRaisesRegex(ddpm_analysis.BadData, r"\(2, 1\)"):
            ddpm_analysis.read_table(path)


if __name__ == "__main__":
    main()
