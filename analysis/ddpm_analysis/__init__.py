"""Reading and drawing what `ddpm` writes: run folders, checkpoints, samples, trajectories, data, tables.

    from ddpm_analysis import open_run, read_samples

    run = open_run("runs/swiss_roll")
    run.config["diffusion"]["steps"], run.metrics["loss"], run.checkpoint().ema["hidden0/weight"]

The names below read files; they raise `Missing` or `BadData` with a message for the user. The modules `style` and
`drawing` draw, `program` runs `ddpm`, `pytorch` holds the network in PyTorch, `command_line` is for scripts.
"""
from .failures import BadData, Failure, Missing
from .frames import read_frame
from .generator import Generator
from .hdf5 import Table, Trajectory, read_samples, read_table, read_trajectory
from .runs import Checkpoint, Run, open_run, read_checkpoint, read_data
from .sweeps import SweepTable, read_sweep
from .text_files import read_config, read_csv, read_json, write_csv, write_json

__all__ = [
    "BadData", "Checkpoint", "Failure", "Generator", "Missing", "Run", "SweepTable", "Table", "Trajectory",
    "open_run", "read_checkpoint", "read_config", "read_csv", "read_data", "read_frame", "read_json", "read_samples",
    "read_sweep", "read_table", "read_trajectory", "write_csv", "write_json",
]
