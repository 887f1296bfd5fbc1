#!/usr/bin/python3
"""A peer of compare.py: the same network, objective, optimiser and batch in PyTorch or JAX, in training and sampling.

  peer.py PyTorch|JAX

prints the library's version and then obeys the lines of its input: `work {...}` says what to do from now on, as Work
takes it, and `run KIND PRECISION N` takes N steps of training, or makes N samples, and prints the rows per second. KIND
is eager, compiled or jax, PRECISION float32 or bfloat16. The first run of each does its work once before, untimed: that
compiles. Processes with WORLD_SIZE, RANK, MASTER_ADDR and MASTER_PORT in their environment share a batch (DDP over
gloo), and each reports the rows of its own share.

The rows, the embedding and the coefficients of all t are tensors made before.
"""
import argparse
import json
import os
import sys
import time

import torch

import peer_tools
import peer_torch


class Peer:
    def __init__(self, library):
        module = peer_torch
        if library == "JAX":
            import peer_jax as module  # where JAX is not installed, the process ends

            module.check()
        self.makers = {"train": module.training, "sample": module.sampling}
        self.work, self.ready = None, {}

    def take(self, argument):
        self.work, self.ready = peer_torch.Work(**json.loads(argument)), {}
        if hasattr(torch, "compiler"):
            torch.compiler.reset()
        return "taken"

    def run(self, argument):
        kind, precision, amount = argument.split()
        run = self.ready.get((kind, precision))
        if run is None:
            run = self.makers[self.work.what](self.work, compiled=kind == "compiled", half=precision == "bfloat16")
            run(min(5, int(amount)))    # of samples that is one block
            self.ready[kind, precision] = run
        started = time.perf_counter()
        rows = run(int(amount))
        return rows / (time.perf_counter() - started)


def version(library):
    """Of the library, and whether it is the one of the system."""
    found = torch.__version__ if library == "PyTorch" else peer_tools.jax.__version__
    return f"{library} {found}" + (" of the system" if sys.prefix == sys.base_prefix else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=("PyTorch", "JAX"))
    library = parser.parse_args().library
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if peer_torch.world() > 1:
        torch.distributed.init_process_group("gloo")
    peer = Peer(library)
    peer_tools.obey(version(library), {"work": peer.take, "run": peer.run})
    sys.stdout.flush()
    os._exit(0)     # gloo's threads abort now and then at the end


if __name__ == "__main__":
    main()
