"""Slice timing: every slice as if taken in the middle of its volume.

Interpolation in time with a Lanczos window (sinc, four volumes to either side), the ends repeated. Runs over the
volumes as they come and holds nine of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.volume import Volume, Voxels

REACH = 4  # volumes to either side


def lack(volume: Volume) -> str:
    """Why slice timing cannot or need not be corrected; "" where it can."""
    times = volume.slice_times_s
    if times is None:
        return "slice times not said"
    if volume.tr_s is None:
        return "no repetition time"
    if len(times) != volume.voxels.shape[volume.slice_axis]:
        return f"{len(times)} slice times for {volume.voxels.shape[volume.slice_axis]} slices"
    if min(times) < 0 or max(times) > volume.tr_s * 1.001:
        return f"slice times up to {max(times):.3g} s in a repetition time of {volume.tr_s:.3g} s"
    return "" if max(times) > min(times) else "all slices taken at once"


def weights(times_s: NDArray[np.float64], tr_s: float) -> NDArray[np.float64]:
    """(2 REACH + 1, slice) weights of the volumes from REACH before to REACH after; each slice's sum is 1."""
    late = (tr_s / 2 - times_s) / tr_s  # of the wanted moment after the slice's own, in volumes
    apart = late[None, :] - np.arange(-REACH, REACH + 1)[:, None]
    window = np.where(np.abs(apart) < REACH, np.sinc(apart) * np.sinc(apart / REACH), 0)
    return np.asarray(window / window.sum(axis=0))


def corrected(volumes: Iterable[Voxels], share: NDArray[np.float64], axis: int) -> Iterator[Voxels]:
    """The volumes, every slice moved to the middle of its volume's time. `share`: of `weights`."""
    form = [1, 1, 1]
    form[axis] = share.shape[1]
    parts = [w.reshape(form).astype(np.float32) for w in share]
    held: deque[Voxels] = deque(maxlen=2 * REACH + 1)
    seen = 0
    for volume in volumes:
        if not held:
            held.extend([volume] * REACH)
        held.append(volume)
        seen += 1
        if seen > REACH:
            yield _mixed(held, parts)
    for _ in range(min(seen, REACH)):
        while len(held) < 2 * REACH:  # a run shorter than the window
            held.append(held[-1])
        held.append(held[-1])
        yield _mixed(held, parts)


def _mixed(held: deque[Voxels], parts: list[NDArray[np.float32]]) -> Voxels:
    out = np.zeros_like(held[0])
    for volume, part in zip(held, parts, strict=True):
        out += volume * part
    return out
