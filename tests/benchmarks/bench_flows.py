"""Sampling a masked autoregressive flow beside zuko's own sampler."""

import time

import torch
import zuko

from dmlib.resonant.sampling import CHUNK, inverse
from tests.benchmarks import Row

N = 100_000


def measure() -> list[Row]:
    """Measures the paper's flow, 15 affine transforms with 128 hidden units, on one thread."""
    torch.set_num_threads(1)
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
        Row("MAF sampling / zuko's own", (middle - start) / (end - middle), ">=", 3),
        Row(
            "their largest difference x 1e5, relative",
            1e5 * float(((fast - plain) / (1 + plain.abs())).abs().max()),
            "<=",
            1,
        ),
    ]
