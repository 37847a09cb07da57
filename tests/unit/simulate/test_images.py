import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.simulate import images, images_brain, images_fmri


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "patient": ["P001", "P002"],
            "sex": ["female", "male"],
            "birth_year": [1950, 1971],
            "site": ["site_1", "site_3"],
            "index_date": ["2024-03-01", "2023-11-30"],
            "z_image": [-1.0, 1.0],
            "has_t1": [False, False],
            "has_fmri": [False, False],
            "has_ct": [True, False],
            "has_pet": [True, True],
        }
    )


def digests(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    roots = [tmp_path_factory.mktemp(n) for n in ("a", "b", "c")]
    who = (people(), people(), people()[:1])
    results = [images.write(some, root, seed) for some, root, seed in zip(who, roots, (1, 1, 2), strict=True)]
    return roots, results


def test_same_seed_same_bytes_other_seed_other_bytes(written) -> None:
    one, same, other = (digests(r) for r in written[0])
    assert one == same
    assert other and not one.items() & other.items()


def test_rows_follow_the_has_columns(written) -> None:
    rows, truth = written[1][0]
    assert [(r["patient"], r["kind"]) for r in rows] == [("P001", "CT"), ("P001", "PET"), ("P002", "PET")]
    assert all(Path(r["path"]).exists() for r in rows)
    assert set(truth) == {"images", "nodules", "identifiers"}


def test_every_planted_identifier_is_in_the_file_it_names(written) -> None:
    _, truth = written[1][0]
    import gzip

    assert len(truth["identifiers"]) > 20
    for _, file, tag, value in truth["identifiers"].itertuples(index=False):
        path = Path(file)
        if path.is_dir():
            content = b"".join(p.name.encode() + p.read_bytes() for p in path.iterdir())
        else:
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
        assert value.encode()[:60] in content, tag


def test_causes_show_in_what_is_planted() -> None:
    rng = np.random.default_rng(1)
    low, high = ([images_brain.planted_atrophy(z, rng) for _ in range(200)] for z in (-1, 1))
    assert np.mean(high) > np.mean(low) + 0.15
    low, high = ([images_fmri.coupling(z, rng) for _ in range(200)] for z in (-1, 1))
    assert np.mean(high) < np.mean(low) - 0.3


def test_network_signals_have_the_planted_correlation() -> None:
    names = ["cerebellum", "default", "fronto-parietal", "occipital"]
    signals = images_fmri.network_signals(names, 0.55, 60, np.random.default_rng(2))
    assert np.corrcoef(signals)[1, 2] == pytest.approx(0.55, abs=1e-6)
    assert np.corrcoef(signals)[0, 3] == pytest.approx(0.1, abs=1e-6)
