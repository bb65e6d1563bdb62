"""ConvVAE: events as images of objects by four numbers, with normalising flows as posteriors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import torch
from torch import nn

from dmlib import _check, compute, features
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

from .objects import ObjectDetector, chamfer, unpacked
from .posterior_flows import FLOWS, PosteriorFlow
from .variational import gaussian

QUICK = Recipe(epochs=6, batch_size=256, learning_rate=2e-3, anneal=True, validation=0.1, clip=10.0)
BETA = {"1": 0.4, "2a": 0.9, "2b": 0.3, "3": 0.1}  # section 4.6
# Of each flow its published name, the number of transformations, and hidden layers: tables 10 to 13.
PUBLISHED: dict[str | None, tuple[str, int, tuple[int, ...]]] = {
    None: ("NoF", 4, ()),
    "planar": ("PlanarFlow", 6, (90,) * 3),
    "orthogonal": ("OrthogonalSNF", 4, (90,) * 5),
    "householder": ("HouseholderSNF", 4, (90,) * 5),
    "triangular": ("TriangularSNF", 4, (90,) * 5),
    "iaf": ("IAF", 4, (330,)),
    "convolutional": ("ConvolutionalFlow", 4, ()),
}


class ImageVAE(nn.Module):
    """Encoder and decoder of convolutions along the objects; the first and the last span the four numbers."""

    def __init__(self, m: int, kernels: Sequence[int], width: int, latent: int, flow: Callable[..., nn.Module] | None):
        super().__init__()
        shapes = [(kernel, 4 if k == 0 else 1) for k, kernel in enumerate(kernels)]
        pads = [(kernel // 2, 0) for kernel in kernels]
        there: list[nn.Module] = []
        back: list[nn.Module] = []
        for k, (shape, pad) in enumerate(zip(shapes, pads, strict=True)):
            there += [nn.Conv2d(1 if k == 0 else width, width, shape, padding=pad), nn.ELU()]
            back += [nn.ConvTranspose2d(width, 1 if k == 0 else width, shape, padding=pad), nn.ELU()]
        size = width * m
        self.encoder, self.gauss = nn.Sequential(*there, nn.Flatten()), nn.Linear(size, 2 * latent)
        start = [nn.Linear(latent, size), nn.ELU(), nn.Unflatten(1, (width, m, 1))]
        ends = [part for pair in reversed(list(zip(back[::2], back[1::2], strict=True))) for part in pair]
        self.decoder = nn.Sequential(*start, *ends[:-1])
        self.flow = None if flow is None else flow(d=latent, context=size)

    def posterior(self, x: torch.Tensor, noise: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.encoder(unpacked(x).momentum[:, None])
        parameters = self.gauss(h)
        start, divergence = gaussian(parameters, noise)
        if self.flow is None:
            return start, divergence
        # KL has no closed form then: of the point drawn, log q(z) - log N(z), instead of its mean.
        z, log_det = self.flow(start, h)
        mean, log_variance = parameters.chunk(2, dim=1)
        log_variance = log_variance.clamp(-12, 8)
        squares = z.square() - log_variance - (start - mean).square() * (-log_variance).exp()
        return z, 0.5 * squares.sum(dim=1) - log_det

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.decoder(z)[:, 0]


@dataclass(eq=False, repr=False)
class ConvVAE(ObjectDetector):
    r"""A convolutional variational autoencoder of events as images: a row for each object, (E, pT, eta, phi) across.

    .. math:: L(x) = (1 - \beta)\, L_C(x, \hat x) + \beta\, \mathrm{KL}

    Rows are the leading objects, missing energy the first of them; momenta enter as logarithms, all numbers are
    standardised, and empty rows are zero. The Chamfer distance :math:`L_C` takes input and output as sets of rows: for
    every row, the distance to the nearest row of the other. An empty row is one too.

    With a ``flow`` the posterior is no longer normal: a point drawn from the normal distribution that the encoder gives
    is mapped on by K transformations, and the divergence is that of the point,

    .. math:: \log q(z_0 \mid x) - \sum_k \log\left|\det \frac{\partial z_k}{\partial z_{k-1}}\right| - \log N(z_K)

    Where KL weighs so much that it falls to zero, every posterior is the prior, and all flows agree.

    Arguments:
        kernels: Lengths of the convolutions along the objects, odd numbers.
        width: Channels of each convolution.
        latent: Dimensions of the latent space.
        beta: Weight of KL, 0 to 1. The paper's sum of both terms is beta = 1/2, up to a factor.
        measure: "chamfer", or "squares", the sum of squared differences, row by row.
        flow: None, "planar", "orthogonal", "householder" or "triangular" (Sylvester flows), "iaf" (inverse
            autoregressive) or "convolutional".
        steps: Number of transformations of the flow.
        units: Units of the hidden layers of the network that gives its parameters; of "iaf", of the masked networks.
        score: "reconstruction", "radius" or "total", as in `BetaVAE`.
        recipe: How it is trained; the paper's is in `paper`.
        random_state: Seed.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), sections 4.4 to 4.6, tables 9 to 13
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib import samples
        >>> x = features.leading(samples.load("darkmachines/2a/background-validation"), 6)
        >>> vae = ConvVAE(flow="planar", recipe=QUICK.replace(epochs=2, batch_size=50)).fit(x)
        >>> vae.encode(x).shape
        (502, 10)
    """

    kinds = False  # four numbers an object

    kernels: tuple[int, ...] = (3, 5, 7)
    width: int = 24
    latent: int = 10
    beta: float = 0.01
    measure: str = "chamfer"
    flow: str | None = None
    steps: int = 4
    units: tuple[int, ...] = ()
    score: str = "reconstruction"
    recipe: Recipe = QUICK
    random_state: compute.Seed = 0

    @classmethod
    def paper(cls, channel: str, random_state: compute.Seed = 0) -> Self:
        """Returns the published settings without a flow; those with flows, and the convolutional beta-VAE, in `grid`.

        The paper gives the batch and the decaying learning rate; width, number of epochs and of objects are ours.

        Arguments:
            channel: "1", "2a", "2b" or "3".
            random_state: Seed.

        Raises:
            ValueError: There is no such channel.

        Example:
            >>> ConvVAE.paper("1").recipe.batch_size
            32
        """
        _check.choice(channel, "channel", CHANNELS)
        recipe = Recipe(epochs=100, batch_size=32, learning_rate=1e-3, anneal=True, validation=0.1, clip=10.0)
        return cls(beta=0.5, recipe=recipe, random_state=random_state)

    @classmethod
    def grid(cls, channel: str) -> dict[str, tuple[Callable[..., Any], Self]]:
        """Returns the models of sections 4.4 to 4.6 by their names in the published files: an encoding and a detector.

        The convolutional beta-VAE has the channel's beta, and the squares that equation 7 asks for.

        Arguments:
            channel: "1", "2a", "2b" or "3".

        Example:
            >>> [model.beta for _, model in ConvVAE.grid("2a").values()][-2:]
            [0.5, 0.9]
        """
        encode = partial(features.leading, n=19)
        models: dict[str, tuple[Callable[..., Any], Self]] = {}
        for flow, (name, steps, units) in PUBLISHED.items():
            models[f"VAE_{name}"] = encode, cls.paper(channel).set_params(flow=flow, steps=steps, units=units)
        for name, beta in (("VAE", 0.5), ("BVAE", BETA[channel])):
            models[f"CNN_{name}"] = encode, cls.paper(channel).set_params(measure="squares", beta=beta)
        return models

    def build(self, d: int) -> torch.nn.Module:
        """Returns encoder, decoder and flow."""
        self._check_settings()
        _check.choice(self.measure, "measure", ("chamfer", "squares"))
        _check.count(self.width, "width")
        for size in (*self.kernels, *self.units):
            _check.count(size, "kernels and units")
        if not self.kernels or any(kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError(f"kernels={self.kernels!r}: expected odd numbers, so that a row stays where it is")
        flow = None
        if self.flow is not None:
            _check.choice(self.flow, "flow", FLOWS)
            flow = partial(PosteriorFlow, self.flow, steps=self.steps, hidden=self.units)
        return ImageVAE(d // 5, self.kernels, self.width, self.latent, flow)

    def distance(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Returns the Chamfer distance, or the squared one, of each event and its reconstruction."""
        image = unpacked(x).momentum
        if self.measure == "squares":
            return (y - image).square().sum(dim=(1, 2))
        every = torch.ones(image.shape[:2], dtype=torch.bool, device=x.device)
        return chamfer(y, image, every, every)[0]
