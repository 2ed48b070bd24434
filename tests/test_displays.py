"""The displays: what they take from an estimator, and scikit-learn's manners."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from xenoglyph import (
    CodeHistogramsDisplay,
    DataError,
    LabelTableDisplay,
    MessageLengthDisplay,
    MixtureDisplay,
    MMLGaussianMixture,
    PairPlotDisplay,
    ReconstructionsDisplay,
    SymbolDiscovery,
    SymbolSheetDisplay,
    load_images,
)
from xenoglyph.mixture import arrays
from xenoglyph.plotting import Display, outlines

X = np.random.default_rng(0).standard_normal((300, 3)) + 8.0 * (np.arange(300) % 3)[:, None]


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def images():
    return load_images("digits")[:300]


@pytest.fixture(scope="module")
def alien(images):
    return SymbolDiscovery(route="codes", n_epochs=3, random_state=0).fit(images)


@pytest.fixture(scope="module")
def mixture():
    return MMLGaussianMixture().fit(X)


def every_display(alien, images, ax):
    yield PairPlotDisplay.from_estimator(alien, images, ax=ax)
    yield CodeHistogramsDisplay.from_estimator(alien, images, ax=ax)
    yield MixtureDisplay.from_estimator(alien, images, ax=ax)
    yield MixtureDisplay.from_estimator(alien, images, dimensions=1, ax=ax)
    yield MessageLengthDisplay.from_estimator(alien, ax=ax)
    yield MessageLengthDisplay.from_estimator(alien, kind="sweeps", ax=ax)
    yield SymbolSheetDisplay.from_estimator(alien, n_images=2, ax=ax)
    yield ReconstructionsDisplay.from_estimator(alien, images, ax=ax)
    yield LabelTableDisplay.from_estimator(alien, images, images.labels, ax=ax)


def check_display(display):
    """A display draws on what it is given, or on a figure of pyplot's, and says where."""
    assert display.figure_ is display.ax_.get_figure(root=True)
    before = plt.get_fignums()
    ax = Figure().subplots()
    assert display.plot(ax) is display
    assert display.ax_ is ax
    assert display.figure_ is ax.get_figure(root=True)
    assert ax.has_data() or ax.child_axes
    assert plt.get_fignums() == before
    assert display.plot(ax=None).figure_.number in set(plt.get_fignums()) - set(before)
    np.testing.assert_allclose(display.figure_.get_size_inches(), display.size)
    display.figure_.canvas.draw()


def test_every_display_has_the_manners_of_scikit_learn(alien, images):
    ax = Figure().subplots()
    displays = list(every_display(alien, images, ax))
    assert {type(display) for display in displays} == set(Display.__subclasses__())
    for display in displays:
        assert display.ax_ is ax
        check_display(display)


class DrawsNothing(CodeHistogramsDisplay):
    def _draw(self, ax):
        pass


class ReturnsNothing(CodeHistogramsDisplay):
    def plot(self, ax=None):
        super().plot(ax)


class KeepsItsAxes(CodeHistogramsDisplay):
    def plot(self, ax=None):
        return super().plot(getattr(self, "ax_", ax))


@pytest.mark.parametrize("broken", [DrawsNothing, ReturnsNothing, KeepsItsAxes])
def test_a_display_without_manners_is_found(broken):
    display = broken(X)
    display.plot(Figure().subplots())
    with pytest.raises(AssertionError):
        check_display(display)


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def curves_of(display):
    return [line.get_xydata().tolist() for line in display.ax_.lines]


def test_a_pair_plot_is_coloured_by_what_the_estimator_says(alien, images, mixture):
    by_symbol = PairPlotDisplay.from_estimator(alien, images)
    assert legend_of(by_symbol) == [str(s) for s in np.unique(alien.predict(images))]
    np.testing.assert_allclose(by_symbol.codes, alien.transform(images))
    by_label = PairPlotDisplay.from_estimator(alien, images, images.labels)
    assert legend_of(by_label) == [str(label) for label in range(10)]
    by_component = PairPlotDisplay.from_estimator(mixture, X, subsample=60)
    np.testing.assert_array_equal(by_component.codes, X[np.linspace(0, 299, 60).astype(int)])
    plain = PairPlotDisplay.from_estimator(alien.autoencoder_, images.pixels, subsample=None)
    assert len(plain.codes) == 300
    assert legend_of(plain) == ["0"]


@pytest.mark.parametrize("dimensions", [(0, 1), (2, 0)])
def test_a_mixture_is_drawn_in_the_dimensions_asked_for(dimensions, mixture):
    display = MixtureDisplay.from_estimator(mixture, X, dimensions=dimensions)
    (ellipses,) = display.ax_.collections
    drawn = np.stack([path.vertices[:60] for path in ellipses.get_paths()])
    own = np.ix_(range(mixture.n_components_), dimensions, dimensions)
    expected = outlines(mixture.means_[:, dimensions], mixture.covariances_[own])
    np.testing.assert_allclose(drawn, expected)
    named = (display.ax_.get_xlabel(), display.ax_.get_ylabel())
    assert named == tuple(f"dimension {j}" for j in dimensions)


@pytest.mark.parametrize("dimensions", [1, [2]])
def test_the_density_of_one_dimension_is_the_marginal(dimensions, mixture):
    display = MixtureDisplay.from_estimator(mixture, X, dimensions=dimensions)
    (j,) = np.atleast_1d(dimensions)
    alone = mixture.to_sklearn()
    x = np.linspace(X[:, j].min(), X[:, j].max(), 9)
    terms = [
        weight * np.exp(-0.5 * (x - m[j]) ** 2 / C[j, j]) / np.sqrt(2.0 * np.pi * C[j, j])
        for weight, m, C in zip(alone.weights_, alone.means_, alone.covariances_, strict=True)
    ]
    whole = display.ax_.lines[0]
    np.testing.assert_allclose(
        np.interp(x, *whole.get_xydata().T), np.sum(terms, axis=0), atol=2e-3
    )


def test_a_mixture_of_one_dimension_is_drawn_as_densities():
    one = MMLGaussianMixture().fit(X[:, :1])
    display = MixtureDisplay.from_estimator(one, X[:, :1])
    assert display.ax_.get_ylabel() == "density"


def test_columns_of_a_frame_name_the_axes():
    frame = pd.DataFrame(X, columns=["a", "$b^", "c"])
    display = MixtureDisplay.from_estimator(MMLGaussianMixture().fit(frame), frame)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("a", "$b^")


@pytest.mark.parametrize("dimensions", [3, (0, 3), (0, 1, 2), (-1, 0), ()])
def test_dimensions_that_are_not_there_are_refused(dimensions, mixture):
    with pytest.raises(DataError, match=r"choose one or two of 0 to 2"):
        MixtureDisplay.from_estimator(mixture, X, dimensions=dimensions)


def test_a_discovery_from_a_file_tells_the_same_message_lengths(alien, tmp_path):
    alien.save(tmp_path / "alien.safetensors")
    again = SymbolDiscovery.load(tmp_path / "alien.safetensors")
    for kind in ("components", "sweeps"):
        ours, theirs = (
            MessageLengthDisplay.from_estimator(one, kind=kind) for one in (alien, again)
        )
        assert legend_of(ours) == legend_of(theirs)
        assert curves_of(ours) == curves_of(theirs)


def test_a_mixture_from_a_file_has_no_trace_to_draw(mixture):
    again = arrays.from_arrays(*arrays.to_arrays(mixture))
    with pytest.raises(DataError, match="holds no trace; fit it anew"):
        MessageLengthDisplay.from_estimator(again)


def test_unknown_kinds_are_refused(alien, mixture):
    with pytest.raises(DataError, match=r"kind='epochs'.*components, sweeps"):
        MessageLengthDisplay.from_estimator(mixture, kind="epochs")
    with pytest.raises(DataError, match=r"by='label'.*symbol, component"):
        SymbolSheetDisplay.from_estimator(alien, by="label")


@pytest.mark.parametrize("by", ["symbol", "component"])
def test_a_sheet_has_a_row_for_each(by, alien):
    display = SymbolSheetDisplay.from_estimator(alien, by=by, n_images=2, random_state=1)
    count = {"symbol": alien.n_symbols_, "component": alien.n_components_}[by]
    assert [len(row) for row in display.rows] == [2] * count
    first = alien.sample(2, random_state=1, **{by: 0})
    np.testing.assert_array_equal(display.rows[0].pixels, first.pixels)


def test_reconstructions_are_what_the_decoder_gives(alien, images):
    display = ReconstructionsDisplay.from_estimator(alien, images, n_images=3)
    some = images[[0, 149, 299]]
    np.testing.assert_array_equal(display.originals.pixels, some.pixels)
    expected = alien.autoencoder_.inverse_transform(alien.transform(some))
    np.testing.assert_allclose(display.decoded.pixels, expected)


def test_the_label_table_counts_every_image(alien, images):
    display = LabelTableDisplay.from_estimator(alien, images, images.labels)
    assert display.table.counts.sum() == 300
    np.testing.assert_array_equal(
        display.table.counts.sum(axis=1), np.bincount(alien.predict(images))
    )


def test_a_mixture_is_drawn_without_what_images_need():
    code = """
import sys
for name in ("equinox", "jax", "pooch", "plotly", "typer", "rich", "jinja2"):
    sys.modules[name] = None
import numpy as np
from xenoglyph import MixtureDisplay, MMLGaussianMixture, animate_fit
X = np.random.default_rng(0).standard_normal((50, 2))
m = MMLGaussianMixture(record_parameters=True).fit(X)
print(len(MixtureDisplay.from_estimator(m, X).ax_.collections))
animate_fit(X, m.trace_, sys.argv[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "/dev/null/fit.gif"], capture_output=True, text=True
    )
    assert done.stdout.strip() == "1"
    assert "NotADirectoryError" in done.stderr  # it came as far as writing
