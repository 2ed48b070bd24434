"""One short discovery, its run folder and a browser, for all tests of the report."""

import copy

import pytest

from browsing import DESK, opened_page
from xenoglyph import SymbolDiscovery, load_images, write_run
from xenoglyph.autoencoder import recogniser
from xenoglyph.report import render
from xenoglyph.report.charts import gather_charts
from xenoglyph.report.draws import gather_draws
from xenoglyph.report.pictures import gather_pictures
from xenoglyph.report.summary import summarise


@pytest.fixture(scope="session")
def images():
    return load_images("digits")


@pytest.fixture(scope="session")
def alien(images):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recogniser, "EPOCHS", 600)
        return SymbolDiscovery(n_epochs=20, random_state=0).fit(images)


@pytest.fixture(scope="session")
def run(alien, images, tmp_path_factory):
    """The run folder, and what write_run returned."""
    folder = tmp_path_factory.mktemp("run") / "digits"
    return folder, write_run(alien, images, folder, command="xenoglyph discover digits")


@pytest.fixture(scope="session")
def pictures(alien):
    return gather_pictures(alien)


@pytest.fixture(scope="session")
def charts(alien):
    """What the scripts of the page are given; tests take copies of it."""
    return {**gather_charts(alien), "draws": gather_draws(alien)}


@pytest.fixture(scope="session")
def save_page(alien, pictures, charts, tmp_path_factory):
    """Write a page, some parts of which are others; return its path."""

    def save(*, summary=None, **others):
        path = tmp_path_factory.mktemp("page") / "report.html"
        html = render(summary or summarise(alien), pictures, {**charts, **others})
        path.write_text(html, encoding="utf-8")
        return path

    return save


@pytest.fixture(scope="session")
def with_evidence(alien):
    """Make a discovery of other evidence."""

    def replaced(evidence):
        other = copy.copy(alien)
        other.evidence_ = evidence
        return other

    return replaced


@pytest.fixture(scope="module")
def opened(browser, run):
    with opened_page(browser, run[0] / "report.html", viewport=DESK) as page:
        yield page
