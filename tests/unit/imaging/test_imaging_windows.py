"""A CT is drawn in the window of what is in it."""

import numpy as np
from consilium.imaging.body import windows
from consilium.imaging.body.ct import Parts


def parts(shape: tuple[int, ...], lungs: bool) -> Parts:
    mask = np.full(shape, lungs)
    return Parts(np.ones(shape, dtype=bool), mask, np.zeros(shape, dtype=np.int16), 0)


def head(shape: tuple[int, int, int] = (48, 56, 44), face: float = 60.0) -> np.ndarray:
    """A skull with brain, and soft tissue outside it, at 4 mm."""
    x, y, z = (np.indices(shape) - (np.array(shape)[:, None, None, None] - 1) / 2) / np.array([18, 22, 18])[
        :, None, None, None
    ]
    far = np.sqrt(x**2 + y**2 + z**2)
    hu = np.full(shape, -1000.0, dtype=np.float32)
    hu[far < 1.2] = face
    hu[far < 1.05] = 900
    hu[far < 0.92] = 35
    return hu


def test_a_head_is_shown_within_the_skull() -> None:
    hu = head()
    voxels, window = windows.shown(hu, parts(hu.shape, False), 0.064)
    assert window == windows.BRAIN
    assert not ((voxels > 50) & (voxels < 70)).any()  # nothing of what lies outside the skull
    assert (voxels == 35).sum() > 0.95 * (hu == 35).sum()


def test_lungs_and_all_else() -> None:
    hu = head()
    assert windows.shown(hu, parts(hu.shape, True), 0.064)[1] == windows.LUNG
    leg = np.where(hu > 0, 40, hu).astype(np.float32)
    assert windows.shown(leg, parts(hu.shape, False), 0.064)[1] == windows.SOFT
    assert windows.shown(hu, parts(hu.shape, False), 0.001)[1] == windows.SOFT  # a ring of bone round 10 ml is no skull
