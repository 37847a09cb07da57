"""Conditional Wasserstein GAN with gradient penalty (arXiv:1704.00028), for tables and for small volumes.

The condition of a row is its class and, for tables, which blocks it has: a block that a made row lacks is zero on both
sides and never judged. Small on purpose: a cohort has a hundred rows. One thread, same seed, same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from consilium.learn.networks.net import prepare

Array = np.ndarray
LATENT, WIDTH, FILTERS, PATCH = 32, 96, 16, 3
CRITIC_STEPS, PENALTY = 5, 10.0  # both as published
STEPS = 200  # of the generator
RATE, BATCH_TABLE, BATCH_VOLUME = 1e-3, 64, 32


class TableMaker(nn.Module):
    """(latent, condition) -> row of all table blocks side by side."""

    def __init__(self, columns: int, condition: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(LATENT + condition, WIDTH), nn.LayerNorm(WIDTH), nn.GELU(),
            nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.GELU(), nn.Linear(WIDTH, columns),
        )  # fmt: skip

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        return self.layers(torch.cat([z, condition], dim=1))


class TableCritic(nn.Module):
    """(row, condition) -> score. No norm over rows: the penalty is on each row's gradient."""

    def __init__(self, columns: int, condition: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(columns + condition, WIDTH), nn.LeakyReLU(0.2),
            nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, 1),
        )  # fmt: skip

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.layers(torch.cat([x, condition], dim=1))[:, 0]


class VolumeMaker(nn.Module):
    """(latent, condition) -> (row, 1, z, y, x): a grid of half the size, doubled, neighbours averaged."""

    def __init__(self, shape: tuple[int, int, int], condition: int) -> None:
        super().__init__()
        self.shape, self.coarse = shape, [-(-s // 2) for s in shape]
        cells = int(np.prod(self.coarse))
        self.layers = nn.Sequential(
            nn.Linear(LATENT + condition, WIDTH), nn.LayerNorm(WIDTH), nn.GELU(), nn.Linear(WIDTH, cells)
        )

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        h = self.layers(torch.cat([z, condition], dim=1)).unflatten(1, (1, *self.coarse))
        for axis, size in enumerate(self.shape, start=2):
            h = _doubled(h, axis, size)
        return h


def _doubled(x: Tensor, axis: int, size: int) -> Tensor:
    """Linear interpolation to `size` (up to twice as many) along one axis, by views: torch's own is not repeatable on a
    GPU."""
    after = torch.cat([x.narrow(axis, 1, x.shape[axis] - 1), x.narrow(axis, x.shape[axis] - 1, 1)], dim=axis)
    return torch.stack([x, 0.5 * (x + after)], dim=axis + 1).flatten(axis, axis + 1).narrow(axis, 0, size)


class VolumeCritic(nn.Module):
    """(volume, condition) -> score: patches of 3 x 3 x 3 voxels through one linear map, then a head that sees their
    places. A convolution whose steps are as long as its window, as a product: its second derivative is cheap."""

    def __init__(self, shape: tuple[int, int, int], condition: int) -> None:
        super().__init__()
        self.cells = [-(-s // PATCH) for s in shape]
        self.pad = [k for s, c in zip(reversed(shape), reversed(self.cells), strict=True) for k in (0, c * PATCH - s)]
        self.patch = nn.Sequential(nn.Linear(PATCH**3, FILTERS), nn.LeakyReLU(0.2))
        self.head = nn.Sequential(nn.Linear(FILTERS * int(np.prod(self.cells)), WIDTH), nn.LeakyReLU(0.2))
        self.score = nn.Linear(WIDTH, 1)
        self.told = nn.Linear(condition, WIDTH)  # the condition as a direction of the head (arXiv:1802.05637)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        a, b, c = self.cells
        cut = nn.functional.pad(x[:, 0], self.pad).reshape(len(x), a, PATCH, b, PATCH, c, PATCH)
        maps = self.patch(cut.permute(0, 1, 3, 5, 2, 4, 6).reshape(len(x), a * b * c, PATCH**3))
        h = self.head(maps.flatten(1))
        return self.score(h)[:, 0] + (self.told(condition) * h).sum(1)


@dataclass(frozen=True)
class Gan:
    """A trained generator. condition(row, k) is what `made` wants."""

    maker: nn.Module
    device: torch.device

    def made(self, condition: Array, generator: np.random.Generator) -> Array:
        """One made row a condition, float32; random numbers from `generator`."""
        z = generator.standard_normal((len(condition), LATENT)).astype(np.float32)
        with torch.no_grad():
            out = self.maker(torch.from_numpy(z).to(self.device), _tensor(condition, self.device))
        return out.cpu().numpy()


def fit_table(x: Array, shown: Array, condition: Array, seed: int) -> Gan:
    """x (row, column), 0 where shown (row, column) is False; condition (row, k) says class and blocks."""
    device = prepare()
    torch.manual_seed(seed % 2**31)
    maker, critic = TableMaker(x.shape[1], condition.shape[1]), TableCritic(x.shape[1], condition.shape[1])
    return _train(maker, critic, x, condition, BATCH_TABLE, seed, device, shown)


def fit_volume(x: Array, condition: Array, seed: int) -> Gan:
    """x (row, 1, z, y, x) of rows that have the volume."""
    device = prepare()
    torch.manual_seed(seed % 2**31)
    shape = (x.shape[2], x.shape[3], x.shape[4])
    maker, critic = VolumeMaker(shape, condition.shape[1]), VolumeCritic(shape, condition.shape[1])
    return _train(maker, critic, x, condition, BATCH_VOLUME, seed, device, None)


def _tensor(x: Array, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(device)


def _train(
    maker: nn.Module, critic: nn.Module, x: Array, condition: Array, batch: int, seed: int,
    device: torch.device, shown: Array | None,
) -> Gan:  # fmt: skip
    """CRITIC_STEPS steps of the critic to one of the maker, Adam without momentum as published."""
    maker, critic = maker.to(device), critic.to(device)
    real, given = _tensor(x, device), _tensor(condition, device)
    seen = torch.ones_like(real) if shown is None else _tensor(shown, device)
    one, two = (torch.optim.Adam(m.parameters(), lr=RATE, betas=(0.0, 0.9), fused=True) for m in (maker, critic))
    generator = np.random.default_rng(seed)

    def drawn() -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(generator.integers(0, len(x), min(batch, len(x)))).to(device)
        z = generator.standard_normal((len(rows), LATENT)).astype(np.float32)
        return rows, maker(torch.from_numpy(z).to(device), given[rows]) * seen[rows]

    for _ in range(STEPS):
        for _ in range(CRITIC_STEPS):
            with torch.no_grad():
                rows, fake = drawn()
            told = given[rows]
            distance = critic(real[rows], told).mean() - critic(fake, told).mean()
            share = torch.from_numpy(generator.random(len(rows)).astype(np.float32)).to(device)
            two.zero_grad()
            (PENALTY * _steepness(critic, real[rows], fake, told, share) - distance).backward()
            two.step()
        rows, fake = drawn()
        one.zero_grad()
        (-critic(fake, given[rows]).mean()).backward()
        one.step()
    return Gan(maker.eval().requires_grad_(False), device)


def _steepness(critic: nn.Module, real: Tensor, fake: Tensor, told: Tensor, share: Tensor) -> Tensor:
    """Mean squared deviation from 1 of the critic's gradient norm between real and made rows."""
    a = share.reshape(-1, *[1] * (real.ndim - 1))
    between = (a * real + (1 - a) * fake).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between, told).sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
