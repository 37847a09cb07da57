"""Reads a patient's images, a few at a time on Dask threads, each with the coarse copy that registration starts from.

Decompression, smoothing and interpolation leave the interpreter free, so threads are enough. One thread reads an image
when it is asked for; several read up to AHEAD images each before the first is worked on, so that they seldom wait for
each other (a run of fMRI is read when it is worked on, whatever is read ahead).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from consilium.core.errors import InputError
from consilium.core.sheets import Sample
from consilium.imaging.intake import reader
from consilium.imaging.resampling import at_spacing
from consilium.imaging.volume import STRUCTURAL, Volume

AHEAD = 2  # images a thread: what is in memory, beyond the one that is worked on
COARSE_MM = 4.0  # grid of the registration, and of what is kept of images without one: too coarse for a face


def ahead(
    samples: Sequence[Sample], *, scratch: Path | None = None, threads: int = 1
) -> Iterator[tuple[Sample, Volume | InputError]]:
    """(sample, its image or why it cannot be used), in order; the same whatever the number of threads.

    scratch: as in `reader.read`.
    """
    import dask

    together = 1 if threads == 1 else AHEAD * threads
    for first in range(0, len(samples), together):
        window = samples[first : first + together]
        if len(window) == 1:
            yield window[0], _read(window[0], scratch)
            continue
        tasks = [dask.delayed(_read)(sample, scratch) for sample in window]
        found = list(dask.compute(*tasks, scheduler="threads", num_workers=threads))
        for sample in window:
            yield sample, found.pop(0)


def _read(sample: Sample, scratch: Path | None) -> Volume | InputError:
    try:
        volume = reader.read(sample, scratch)
    except InputError as error:
        return error
    if volume.kind in STRUCTURAL:
        volume.coarse = at_spacing(volume.voxels, volume.affine, COARSE_MM)
    return volume
