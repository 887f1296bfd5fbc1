#!/usr/bin/python3
"""`ddpm bench` says what its help says it does. No time is expected: a benchmark is a program, not a test.
Run: ctest --preset dev -R cli.bench"""
import json
import math
import os

from program import Case, file_size_limit, over, settings
from skipped import main

TINY = settings({"network.width": 32, "network.depth": 2, "network.time_width": 16, "training.batch": 64,
                 "parallel.block_rows": 16, "data.count": 500, "diffusion.steps": 20})
PARTS = ["start", "limits", "allreduce", "kernels", "training", "sampling", "checkpoint", "prediction"]


class Bench(Case):
    def bench(self, *arguments, **more):
        """The table, and the JSON."""
        path = self.path("bench.json")
        table = self.ddpm("bench", *over({"--seconds": 0.3}, arguments), "--folder", self.folder, "--json", path,
                          **more).stdout
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        self.assertEqual(["bench.json"], os.listdir(self.folder))  # the checkpoint is gone
        os.unlink(path)
        return table, found

    def check_rows(self, found, parts):
        self.assertEqual(set(parts), {row["part"] for row in found["rows"]})
        self.assertGreater(found["limit"], 0)
        for row in found["rows"]:
            self.assertEqual(["part", "name", "of", "seconds", "rate", "unit", "share"], list(row))
            if row["name"] != "exact beside float32":
                self.assertGreater(row["seconds"], 0, row)
            if row["part"] in ("training", "sampling") and row["unit"] == "rows/s":
                self.assertGreater(row["share"], 0, row)

    def check_points(self, prediction):
        """The points are what the parts say: the model of src/bench/scaling.h, computed independently."""
        one = prediction["points"][0]["seconds"]
        self.assertEqual(131072, prediction["points"][-1]["ranks"])
        for point in prediction["points"]:
            ranks, nodes = point["ranks"], math.ceil(point["ranks"] / prediction["ranks_of_a_node"])
            stages = math.ceil(math.log2(nodes))
            blocks = math.ceil(math.ceil(prediction["blocks"] / ranks) / prediction["threads"])
            compute = blocks * prediction["block_seconds"]
            transfer = prediction["bytes"] / prediction["rate"]
            total = min(stages * (prediction["latency"] + transfer),
                        2 * stages * prediction["latency"] + 2 * (nodes - 1) / nodes * transfer)
            once = prediction["once_seconds"]
            if nodes > 1 and prediction["bytes"] >= 65536:  # a part for each node; numbers take half of sums
                rows = 1 if nodes <= 64 else 2
                total = (2 * rows + max(rows, stages)) * prediction["latency"] + 1.5 * (nodes - 1) / nodes * transfer
                once += (prediction["part_seconds"] - once) * (nodes - 1) / nodes  # what others do
            expected = compute + once + total
            self.assertLessEqual(abs(point["seconds"] - expected), 1e-6 * expected)
            self.assertLessEqual(abs(point["efficiency"] * ranks * point["seconds"] - one), 1e-6 * one)

    def test_one_rank(self):
        table, found = self.bench(*TINY, threads=2)
        self.check_rows(found, set(PARTS) - {"allreduce", "prediction"})  # one rank has nothing to add up
        self.assertEqual((1, 2), (found["ranks"], found["threads"]))
        for words in ("one rank: nothing to measure", "training step, exact", "32 x 2, batch 64, D 2", "assumed"):
            self.assertIn(words, table)
        self.assertEqual((4, 2, "assumed"), tuple(found["prediction"][key] for key in ("blocks", "threads", "link")))
        # 8 bytes a parameter, and the rest of a line
        self.assertAlmostEqual(1, found["prediction"]["bytes"] / (8 * self.parameters()), delta=0.05)
        self.check_points(found["prediction"])

    @staticmethod
    def parameters():
        columns, features, time, width, depth = 2, 32, 16, 32, 2
        sizes = [(columns + 2 * features, width), (time, time), (time, (3 * depth + 2) * width),
                 *[(width, width)] * 2 * depth, (width, columns)]
        return sum((inputs + 1) * outputs for inputs, outputs in sizes)

    def test_two_ranks(self):
        table, found = self.bench(*TINY, ranks=2)
        self.check_rows(found, set(PARTS) - {"prediction"})
        self.assertEqual({"int64", "float32"}, {row["name"] for row in found["rows"] if row["part"] == "allreduce"})
        self.assertIn("assumed", table)
        self.assertEqual(2, found["prediction"]["ranks_of_a_node"])
        self.check_points(found["prediction"])

    def test_two_nodes(self):
        """The link between them is measured, and what they do by themselves is measured without it."""
        for values in ({}, {"training.local_steps": 4, "training.workers": 2}):
            with self.subTest(values), file_size_limit():
                table, found = self.bench(*TINY, *settings(values), "--only", "prediction", "--seconds", "0.2", ranks=2)
                self.assertIn("measured or given", table)
                self.assertEqual(1, found["prediction"]["ranks_of_a_node"])
                self.assertGreater(found["prediction"]["latency"], 0)
                self.assertGreater(found["prediction"]["rate"], 0)

    def test_only(self):
        table, found = self.bench(*TINY, "--only", "sampling,prediction", "--latency", "1e-4", "--rate", "1e8",
                                  "--ranks", "4")
        self.check_rows(found, ("limits", "sampling"))  # the limit that shares are of
        self.assertEqual(1, sum(row["part"] == "limits" for row in found["rows"]))
        self.assertEqual((1e-4, 1e8), (found["prediction"]["latency"], found["prediction"]["rate"]))
        self.check_points(found["prediction"])
        table = table[table.index("efficiency"):].splitlines()[1:]
        self.assertEqual(["1", "2", "3", "4"], [line.split()[0] for line in table])

    def test_local_steps(self):
        """Beyond two ranks, of a node each, workers are carried by several: both sums are due."""
        table, found = self.bench(*TINY, *settings({"training.local_steps": 4, "training.workers": 2}), "--only",
                                  "prediction", "--latency", "1e-4", "--rate", "1e8", "--seconds", "0.2")
        prediction = found["prediction"]
        self.assertIn("after every 4 local steps", table)
        self.assertEqual(1.5, prediction["round_bytes"] / prediction["bytes"])
        points = {int(point["ranks"]): point for point in prediction["points"]}
        message, round_, gradient = 1e-4, prediction["round_bytes"] / 1e8, prediction["bytes"] / 1e8
        self.assertEqual(0, points[1]["sum"])
        self.assertAlmostEqual((2 * message + round_) / 4, points[2]["sum"], delta=1e-9)
        all_four = 2 * message + 1.5 * round_
        two = 3 * message + 0.75 * gradient  # sums, the norm, parameters
        self.assertAlmostEqual(all_four / 4 + two, points[4]["sum"], delta=1e-9)
        self.assertAlmostEqual(points[1]["blocks"], 2 * points[2]["blocks"], delta=1e-9)
        self.assertGreater(prediction["measured_seconds"], 0)

    def test_classifier(self):
        """It makes no samples, so that there is no sampling step to measure."""
        _, found = self.bench(*TINY, *settings({"diffusion.predict": "class", "data.source": "two_moons",
                                                "data.condition": "[label]"}), "--only", "sampling,checkpoint")
        self.check_rows(found, ("limits", "checkpoint"))

    def test_without_a_configuration(self):
        _, found = self.bench("--only", "sampling")
        self.check_rows(found, ("limits", "sampling"))
        self.assertEqual(["128 x 3, batch 256, D 2", "256 x 4, batch 2048, D 2", "512 x 4, batch 2048, D 2"],
                         [row["of"] for row in found["rows"] if row["part"] == "sampling"])

    def test_wrong_arguments(self):
        self.fails(64, "bench", "--only", "speed", says=("--only", "allreduce", "'speed'"))
        self.fails(64, "bench", "--seconds", "0", says=("--seconds", "'0'"))
        self.fails(64, "bench", "--rate", "fast", says=("--rate", "'fast'"))
        self.fails(64, "bench", "a.yaml", "b.yaml", says=("b.yaml",))
        self.fails(66, "bench", self.path("none.yaml"), says=("none.yaml",))
        self.fails(78, "bench", "--set", "network.width=0", says=("network.width",))
        self.fails(74, "bench", *TINY, "--seconds", "0.01", "--only", "checkpoint", "--folder", self.path("none"),
                   says=("none",))
        self.fails(74, "bench", *TINY, "--seconds", "0.01", "--only", "start", "--json", self.path("none", "b.json"),
                   says=("none",))
        self.fails(78, "bench", environment={"DDPM_ISA": "mmx"}, says=("DDPM_ISA", "mmx"))


if __name__ == "__main__":
    main()
