"""Training and sampling masked autoregressive flows beside zuko's plain use."""

import time

import torch
import zuko

from dmlib import training
from dmlib.models.flows import build
from dmlib.models.sampling import CHUNK, inverse
from tests.benchmarks import Row

N = 100_000


def _epochs(train, n: int = 3) -> float:
    """Seconds of an epoch with the flow of the chapters' quick runs, on a third of the events."""
    torch.manual_seed(1)
    flow = build("rqs", 4, 1, 2, (64,), 8, 8.0)
    x, c = torch.randn(N // 3, 4), torch.randn(N // 3, 1)
    start = time.perf_counter()
    train(flow, x, c, n)
    return (time.perf_counter() - start) / n


def _plain(flow, x, c, epochs):
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, c), batch_size=512, shuffle=True)
    optimizer = torch.optim.Adam(flow.parameters(), lr=5e-3)
    for _ in range(epochs):
        for x_batch, c_batch in loader:
            loss = -flow(c_batch).log_prob(x_batch).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _ours(flow, x, c, epochs):
    recipe = training.Recipe(epochs=epochs, batch_size=512, learning_rate=5e-3)
    training.fit(flow, lambda x, c: -flow(c).log_prob(x), [x, c], recipe=recipe)


def measure() -> list[Row]:
    """Measures on one thread: training a small flow, and sampling the paper's, 15 affine transforms of 128 units."""
    torch.set_num_threads(1)
    ratio = _epochs(_plain) / _epochs(_ours)
    torch.manual_seed(1)
    flow = zuko.flows.MAF(4, 1, transforms=15, hidden_features=(128,))
    z, c = torch.randn(N, 4), torch.randn(N, 1)
    with torch.no_grad():
        start = time.perf_counter()
        parts = zip(z.split(CHUNK), c.split(CHUNK), strict=True)
        plain = torch.cat([flow(context).transform.inv(latent) for latent, context in parts])
        middle = time.perf_counter()
        fast = inverse(flow, z, c)
        end = time.perf_counter()
    return [
        Row("flow training, plain zuko loop / ours, an epoch", ratio),
        Row("MAF sampling / zuko's own", (middle - start) / (end - middle), ">=", 3),
        Row(
            "their largest difference x 1e5, relative",
            1e5 * float(((fast - plain) / (1 + plain.abs())).abs().max()),
            "<=",
            1,
        ),
    ]
