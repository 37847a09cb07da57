"""One small cohort for the tests of this folder, drawn once."""

import pytest
from consilium.simulate import genomes, people


@pytest.fixture(scope="session")
def cohort():
    """60 patients and their genomes: enough for every planted phenotype."""
    everybody = people.draw(60, seed=7)
    return everybody, genomes.simulate(everybody, seed=7, reference_people=40)
