"""What the peers share, those of compare.py and those of time_to_quality.py. It runs with the peers' Python."""
import sys
import traceback

try:
    import jax
except ImportError:
    jax = None

CHUNK = 50          # iterations of one call of JAX's compiled scan


def fused(kind, parameters, **options):
    """An optimiser of torch.optim, fused where this PyTorch can do that on processors."""
    parameters = list(parameters)
    try:
        return kind(parameters, fused=True, **options)
    except (RuntimeError, TypeError):
        return kind(parameters, **options)


def use_fast_random_numbers():
    jax.config.update("jax_default_prng_impl", "rbg")   # the faster one on processors


def obey(greeting, actions):
    """Print the greeting, then answer each line "WHAT ARGUMENT" of the input by what actions[WHAT](ARGUMENT) gives."""
    print(greeting, flush=True)
    for line in sys.stdin:
        what, argument = line.split(maxsplit=1)
        try:
            answer = actions[what](argument.strip())
        except (AttributeError, ImportError, OSError, RuntimeError, TypeError, ValueError) as failure:
            # what one layout cannot do, another one may
            traceback.print_exc()
            answer = f"failed: {type(failure).__name__}: {' '.join(str(failure).split())[:300]}"
        print(answer, flush=True)
