#!/usr/bin/python3
"""Scaling over 1, 2 and 4 ranks on two hosts of a real SLURM cluster: equal bits at each point, whole tables, under
srun and mpirun."""
import csv
import os

import cluster
import program
from skipped import main

setUpModule, tearDownModule = cluster.up, cluster.down

CONFIG = {"data": {"source": "swiss_roll", "count": 2000}, "network": {"width": 32, "depth": 2},
          "training": {"batch": 64}, "parallel": {"block_rows": 8}}


class Scaling(cluster.Case):
    def test_ranks_over_hosts(self):
        config = self.config("c.yaml", **CONFIG)
        for launcher in ("srun", "mpirun"):
            output = self.path(launcher)
            job = self.submit("jobs/scaling.sbatch", config, "--ranks", "1,2,4", "--iterations", 120,
                              "--output", output, environment={"DDPM_LAUNCHER": launcher}, name=launcher)
            self.ended(job)
            self.assertIn("the same bits", job.text())
            self.assertIn("2 on 2 nodes", job.text())
            with open(os.path.join(output, "scaling.csv"), encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            self.assertEqual([("strong", "1"), ("strong", "2"), ("strong", "4"), ("weak", "1"), ("weak", "2"),
                              ("weak", "4")],
                             [(row["kind"], row["ranks"]) for row in rows])
            self.assertEqual(1, len({row["bits"] for row in rows[:3]}))
            self.assertEqual(rows[0]["bits"], rows[5]["bits"], "the greatest weak run has the strong runs' batch")
            for row in rows:
                parts = sum(float(row[part]) for part in ("input", "compute", "wait", "reduction", "update", "output"))
                self.assertAlmostEqual(1, parts / float(row["step"]), delta=1e-6)
            program.run_script("scaling.py", os.path.join(output, "scaling.csv"), "--output", self.path("scaling.png"))
            self.assertTrue(os.path.getsize(self.path("scaling.png")) > 0)


if __name__ == "__main__":
    main()
