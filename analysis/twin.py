#!/usr/bin/python3
"""Train the same model with an independent implementation in PyTorch, and print `final_loss` and the mean training loss
of the last iterations, to compare with that of `ddpm train`."""
from ddpm_analysis import BadData, command_line, read_config, read_table
from ddpm_analysis.failures import optional


def train(config, values, seed, threads):
    """The training loss of each iteration."""
    torch = optional("torch")
    from ddpm_analysis import twin
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    _, losses = twin.train(config, values)
    return losses


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("config", help="resolved configuration: config.yaml of a run folder")
    parser.add_argument("data", metavar="FILE.h5[:dataset]", help="the data; for a toy set, a file of `ddpm data`")
    parser.add_argument("--iterations", type=command_line.positive, metavar="N", help="instead of the configuration's")
    parser.add_argument("--last", type=command_line.positive, default=1000, metavar="K",
                        help="number of iterations at the end of which the mean loss is printed")
    parser.add_argument("--seed", type=int, default=1, help="seed of this implementation's own random numbers")
    parser.add_argument("--threads", type=command_line.positive, default=1, metavar="N",
                        help="threads of PyTorch; small networks are fastest with one")
    options = parser.parse_args()
    config = read_config(options.config)
    missing = [section for section in ("data", "diffusion", "network", "training") if section not in config]
    if missing:
        raise BadData(f"{options.config}: no section {missing[0]!r}; expected a resolved configuration")
    table = read_table(options.data).select(config["data"].get("columns"))
    if options.iterations:
        config["training"]["iterations"] = options.iterations
    try:
        losses = train(config, table.values, options.seed, options.threads)
    except KeyError as key:
        raise BadData(f"{options.config}: no key {key}, or a value that is not known here; "
                      "expected a resolved configuration") from None
    print(f"final_loss {losses[-options.last:].mean():.6g}")


if __name__ == "__main__":
    command_line.run(main)
