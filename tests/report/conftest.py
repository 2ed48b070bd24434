"""One short discovery, and its run folder, for all tests of the report."""

import pytest

from xenoglyph import SymbolDiscovery, load_images, write_run


@pytest.fixture(scope="session")
def images():
    return load_images("digits")


@pytest.fixture(scope="session")
def alien(images):
    return SymbolDiscovery(n_epochs=20, random_state=0).fit(images)


@pytest.fixture(scope="session")
def run(alien, images, tmp_path_factory):
    """The run folder, and what write_run returned."""
    folder = tmp_path_factory.mktemp("run") / "digits"
    return folder, write_run(alien, images, folder, command="xenoglyph discover digits")
