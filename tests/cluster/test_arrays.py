#!/usr/bin/python3
"""jobs/ on a real SLURM cluster: tasks of an array end, and are requeued, one by one; scripts find their own folder;
nodes without a number of tasks. The program is a script that waits to be told how to end."""
import os
import tempfile
import time

import cluster
import program
from skipped import main

setUpModule, tearDownModule = cluster.up, cluster.down

PROGRAM = """\
#!/bin/sh
# Ends with 75 on USR1, dies when FOLDER/TASK.die is there (and removes it), ends with 0 when FOLDER/done is there.
trap 'exit 75' USR1
task="$FOLDER/$SLURM_ARRAY_TASK_ID"
: >"$task.up"
while [ ! -e "$FOLDER/done" ]; do
    if [ -e "$task.die" ]; then rm "$task.die"; kill -9 $$; fi
    sleep 0.1
done
"""


class Arrays(cluster.Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ddpm+arrays-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.write("program", PROGRAM), 0o755)

    def submit_from_elsewhere(self, *options, script="train", environment=None):
        """The number of a job that was submitted from the folder of the test."""
        variables = {"DDPM": self.path("program"), "FOLDER": self.folder, **(environment or {})}
        return cluster.on_head("env", "-C", self.folder, "sbatch", "--parsable", "--output", self.path("%a.out"),
                               *options, os.path.join(program.SOURCE, "jobs", script + ".sbatch"),
                               environment=variables).strip()

    def test_the_last_task_is_requeued_alone(self):
        """By a signal, and after two deaths: $SLURM_JOB_ID of an array's last task is that of the whole array."""
        array = self.submit_from_elsewhere("--array=0-2", "--nodes=1", "--ntasks-per-node=1")
        tasks = [cluster.Job(f"{array}_{i}", self.path(f"{i}.out")) for i in range(3)]
        program.until(lambda: all(os.path.exists(self.path(f"{i}.up")) for i in range(3)), 60)
        time.sleep(2)  # srun hands no signal on while it is starting
        cluster.on_head("scancel", "--batch", "--signal=USR1", tasks[2].number)
        tasks[2].until_says("restart 1")
        self.assertIn("the time limit left", tasks[2].text())
        for restart in (2, 3):
            self.write("2.die", "")
            tasks[2].until_says(f"restart {restart}")
        self.write("done", "")
        for task in tasks:
            self.ended(task)
        self.assertEqual([0, 0, 3], [task.text().count("requeued") for task in tasks], tasks[2].text())
        self.assertEqual(["0", "0", "3"], [task.field("Restarts") for task in tasks])
        self.assertEqual([None, None, "failures:2"], [task.field("Comment") for task in tasks])

    def test_no_number_of_tasks(self):
        """One rank on each node, which is said."""
        with open(os.path.join(program.SOURCE, "jobs", "train.sbatch"), encoding="utf-8") as file:
            text = file.read().replace("--ntasks-per-node=2 ", "")
        os.makedirs(self.path("jobs"))
        self.write("done", "")
        self.write("jobs/train.sbatch", text)
        job = self.submit("--nodes=2", "-c2", self.path("jobs", "train.sbatch"),
                          environment={"DDPM": self.path("program"), "FOLDER": self.folder,
                                       "DDPM_HOME": program.SOURCE})
        self.ended(job)
        self.assertIn("starting 2, one on each node", job.text())


if __name__ == "__main__":
    main()
