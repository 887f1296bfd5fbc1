"""peer.py in JAX: some steps of training, or all steps of sampling, are one compiled scan. In bfloat16 the operands of
products are rounded, while sums, weights and moments remain float32."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import torch

import peer_tools
from ddpm_analysis import pytorch
from peer_torch import DECAY, EMBEDDING, RATE, Work, network_of, optimizer_of, step_back

peer_tools.use_fast_random_numbers()
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8    # PyTorch's defaults
each = jax.tree.map


def product_of_halves(x, w):
    return jnp.matmul(x.astype(jnp.bfloat16), w.astype(jnp.bfloat16), preferred_element_type=jnp.float32)


@jax.custom_vjp
def half_product(x, w):
    return product_of_halves(x, w)


half_product.defvjp(lambda x, w: (product_of_halves(x, w), (x.astype(jnp.bfloat16), w.astype(jnp.bfloat16))),
                    lambda saved, d: (product_of_halves(d, saved[1].T), product_of_halves(saved[0].T, d)))


def array(tensor):
    return jnp.array(tensor.detach().numpy())


def parameters_of(network):
    """Of a network of peer.py: (weight [in][out], bias) of each layer."""
    return [(array(layer.weight.T), array(layer.bias)) for layer in network if isinstance(layer, torch.nn.Linear)]


def forward(half, p, x, embedding):
    product = half_product if half else jnp.matmul
    h = jnp.concatenate([x, embedding], axis=1)
    for w, b in p[:-1]:
        h = jax.nn.silu(product(h, w) + b)
    return product(h, p[-1][0]) + p[-1][1]


def loss_of(half, p, xt, embedding, epsilon):
    return ((forward(half, p, xt, embedding) - epsilon) ** 2).mean()


def advance(half, state, *batch):
    """A step of AdamW (Loshchilov and Hutter 2019) on xt, embedding and epsilon."""
    p, first, second, number = state
    number = number + 1
    gradient = jax.grad(functools.partial(loss_of, half))(p, *batch)
    first = each(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradient)
    second = each(lambda v, g: BETA2 * v + (1 - BETA2) * g ** 2, second, gradient)
    rate, root = RATE / (1 - BETA1 ** number), jnp.sqrt(1 - BETA2 ** number)
    p = each(lambda w, m, v: (1 - RATE * DECAY) * w - rate * m / (jnp.sqrt(v) / root + EPSILON), p, first, second)
    return p, first, second, number


def start_of(network):
    """State with memory of its own for each part, since it is given away to each scan."""
    zeros = [each(jnp.zeros_like, parameters_of(network)) for _ in range(2)]
    return parameters_of(network), *zeros, jnp.float32(0)


def training(work, compiled, half):
    """A function that takes at least so many steps, and gives the number of rows."""
    del compiled    # it always is
    tables = {name: array(getattr(work, name)) for name in ("rows", "signal", "noise", "embedding")}
    state, key = start_of(network_of(work)), jax.random.key(1)

    @functools.partial(jax.jit, donate_argnums=0)
    def scan(state, key, tables):
        def body(state, key):
            of_rows, of_t, of_epsilon = jax.random.split(key, 3)
            x0 = tables["rows"][jax.random.randint(of_rows, (work.batch,), 0, len(work.rows))]
            t = jax.random.randint(of_t, (work.batch,), 1, work.steps + 1)
            epsilon = jax.random.normal(of_epsilon, x0.shape)
            xt = tables["signal"][t] * x0 + tables["noise"][t] * epsilon
            return advance(half, state, xt, tables["embedding"][t], epsilon), None
        return jax.lax.scan(body, state, jax.random.split(key, work.chunk))[0]

    def run(steps):
        nonlocal state, key
        chunks = -(-steps // work.chunk)
        for _ in range(chunks):
            key, of_scan = jax.random.split(key)
            state = scan(state, of_scan, tables)
        jax.block_until_ready(state)
        return chunks * work.chunk * work.batch
    return run


def sampling(work, compiled, half):
    """A function that makes about so many samples, and gives their number."""
    del compiled
    p, key = parameters_of(network_of(work)), jax.random.key(1)
    at = array(work.embedding.flip(0)[:-1]), array(work.back.flip(0)[:-1])

    @jax.jit
    def block(p, key, at):
        of_start, of_steps = jax.random.split(key)

        def body(x, at):
            embedding, back, key = at
            epsilon = forward(half, p, x, jnp.broadcast_to(embedding, (work.batch, EMBEDDING)))
            return step_back(x, epsilon, back, jax.random.normal(key, x.shape)), None
        x = jax.random.normal(of_start, (work.batch, work.columns))
        return jax.lax.scan(body, x, (*at, jax.random.split(of_steps, work.steps)))[0]

    def run(count):
        nonlocal key
        blocks = max(1, round(count / work.batch))
        for _ in range(blocks):
            key, of_block = jax.random.split(key)
            jax.block_until_ready(block(p, of_block, at))
        return blocks * work.batch
    return run


def check():
    """That the network of both libraries is that of ddpm_analysis.pytorch, and that three steps of both optimisers lead
    to the same parameters."""
    torch.manual_seed(1)
    width, depth = 32, 3
    work = Work("train", width, depth, batch=64, columns=5, steps=100, chunk=1)
    network, known = network_of(work), pytorch.build(
        {"kind": "mlp", "time": "sinusoidal", "time_width": EMBEDDING, "width": width, "depth": depth,
         "activation": "silu"}, work.columns, work.steps)
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), known.parameters()):
            parameter.copy_(value)
    t = torch.arange(1, work.batch + 1) * work.steps // work.batch
    xt, epsilon = torch.randn(2, work.batch, work.columns)
    embedding = work.embedding[t]
    inputs = torch.cat([xt, embedding], dim=1)
    wanted = known(xt, t).detach().numpy()
    np.testing.assert_allclose(network(inputs).detach().numpy(), wanted, rtol=1e-4, atol=1e-5)
    batch = array(xt), array(embedding), array(epsilon)
    for half, tolerance in ((False, 1e-4), (True, 2e-2)):
        np.testing.assert_allclose(forward(half, parameters_of(network), *batch[:2]), wanted, atol=tolerance)
    state, optimizer = start_of(network), optimizer_of(network)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(inputs), epsilon).backward()
        optimizer.step()
        state = advance(False, state, *batch)
    for found, wanted in zip(jax.tree.leaves(state[0]), jax.tree.leaves(parameters_of(network))):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
