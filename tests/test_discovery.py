"""The whole way on the bundled digits, with short training."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import laws
from xenoglyph import (
    DataError,
    ImageSet,
    MMLGaussianMixture,
    ModelFileError,
    SymbolDiscovery,
    load_images,
)
from xenoglyph.autoencoder import Augmentation, recogniser
from xenoglyph.drawing import Finish
from xenoglyph.recipes import RECIPES
from xenoglyph.storage import read_model, write_model
from xenoglyph.symbols import scores

pytestmark = pytest.mark.usefixtures("hasty_networks")

EPOCHS = 20
UNHURRIED = recogniser.EPOCHS


@pytest.fixture(scope="module")
def images():
    return load_images("digits")


@pytest.fixture(scope="module")
def alien(images):
    return SymbolDiscovery(n_epochs=EPOCHS, random_state=0).fit(images)


@pytest.fixture(scope="module")
def other(images):
    """The same again, of images without labels."""
    bare = ImageSet(images.pixels, name="bare")
    return SymbolDiscovery(n_epochs=EPOCHS, random_state=0).fit(bare)


@pytest.fixture(scope="module")
def model_file(alien, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    alien.save(path)
    return path


def test_every_image_has_a_symbol(alien, images):
    assert 1 < alien.n_symbols_ <= alien.n_components_
    assert alien.labels_.shape == alien.components_.shape == (len(images),)
    assert set(alien.labels_) == set(range(alien.n_symbols_))
    np.testing.assert_array_equal(alien.predict(images), alien.labels_)
    np.testing.assert_array_equal(alien.transform(images), alien.codes_)
    laws.check_distribution(alien.predict_proba(images))


def test_symbol_numbers_fall_with_their_share(alien):
    shares = alien.evidence_.shares
    assert shares.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(shares, np.bincount(alien.labels_) / len(alien.labels_))
    assert (np.diff(shares) <= 0).all()


def test_pieces_are_recognised_as_the_symbols_that_they_were_joined_to(alien):
    joined = alien.symbols_.component_symbol
    told = alien.predict(alien.evidence_.pieces)
    assert np.mean(told == joined) > 0.9
    assert len(joined) == 40
    # The broken twin: symbols numbered anew, networks not.
    assert np.mean(told == (joined + 1) % alien.n_symbols_) < 0.1


def test_labels_are_never_used(alien, other, images):
    np.testing.assert_array_equal(other.labels_, alien.labels_)
    np.testing.assert_array_equal(other.codes_, alien.codes_)
    assert other.evidence_.label_table is None
    assert alien.evidence_.label_table.counts.sum() == len(images)


def test_what_is_no_digit_belongs_to_none(alien, images):
    digits = images.pixels[:200]
    noise = np.random.default_rng(0).uniform(size=digits.shape)
    assert alien.belongs(digits).mean() > 0.98
    for strange in (noise, 1 - digits, np.zeros((3, 8, 8))):
        assert not alien.belongs(strange).any()
    np.testing.assert_array_equal(alien.score_samples(images), alien.scores_)
    assert alien.evidence_.n_strange == len(images) - alien.belongs(images).sum()


@pytest.mark.filterwarnings("ignore:The 6 columns vary in 1 direction")
@pytest.mark.parametrize("n", [2, 60])
def test_one_image_repeated_is_one_symbol(images, n, tmp_path):
    for image in (images.pixels[0], np.zeros((8, 8))):
        same = np.tile(image, (n, 1, 1))
        alien = SymbolDiscovery(random_state=0).fit(same)
        assert (alien.n_symbols_, alien.n_components_) == (1, 1)
        assert not alien.labels_.any()
        assert alien.belongs(same).all()
        assert not alien.belongs(1 - same).any()
        np.testing.assert_allclose(
            alien.sample(3, symbol=0).pixels, same[:1].repeat(3, 0), atol=0.1
        )
        alien.save(tmp_path / "alien.xg")
        assert SymbolDiscovery.load(tmp_path / "alien.xg").n_symbols_ == 1


@pytest.mark.filterwarnings("ignore:The 6 columns vary in 1 direction")
def test_two_images_are_two_symbols_unless_one_is_the_other_moved(images, tmp_path, monkeypatch):
    monkeypatch.setattr(recogniser, "EPOCHS", UNHURRIED)
    one, other = np.kron(images.pixels[:2], np.ones((3, 3)))
    two = np.stack([one, other])
    alien = SymbolDiscovery(random_state=0).fit(two)
    assert alien.n_symbols_ == 2
    assert sorted(alien.labels_) == [0, 1]
    np.testing.assert_array_equal(alien.predict(two), alien.labels_)
    for symbol in range(2):
        assert np.all(alien.predict(alien.sample(5, symbol=symbol)) == symbol)
    alien.save(tmp_path / "alien.xg")
    again = SymbolDiscovery.load(tmp_path / "alien.xg")
    np.testing.assert_array_equal(again.predict(two), alien.labels_)
    moved = np.stack([one, np.roll(one, 1, axis=1)])
    assert SymbolDiscovery(random_state=0).fit(moved).n_symbols_ == 1


def test_every_number_of_components_has_its_criteria(alien):
    rows = alien.evidence_.criteria
    assert {row["n_components"] for row in rows} == {row["k"] for row in alien.evidence_.ledger}
    chosen = min(rows, key=lambda row: row["message_length"])
    assert chosen["n_components"] == alien.n_components_
    codes = alien.codes_[alien.fitted_]
    assert chosen["bic"] == pytest.approx(alien.mixture_.bic(codes))


def test_arrays_of_every_shape_are_the_same_images(alien, images):
    flat = images.pixels.reshape(len(images), -1)[:50]
    expected = alien.predict(images[:50])
    np.testing.assert_array_equal(alien.predict(images.pixels[:50]), expected)
    np.testing.assert_array_equal(alien.predict(images.pixels[:50, :, :, None]), expected)
    alien.set_params(image_shape=(8, 8))
    np.testing.assert_array_equal(alien.predict(flat), expected)
    alien.set_params(image_shape=None)
    with pytest.raises(DataError, match="image_shape"):
        alien.predict(flat)


def test_new_images_are_of_the_symbol_that_was_asked_for(alien):
    for symbol in range(alien.n_symbols_):
        drawn = alien.sample(20, symbol=symbol)
        assert drawn.pixels.shape == (20, 8, 8)
        np.testing.assert_array_equal(drawn.labels, symbol)
    last = alien.n_components_ - 1
    drawn = alien.sample(5, component=last)
    np.testing.assert_array_equal(drawn.labels, alien.predict(drawn))
    everything = alien.sample(300)
    assert len(set(everything.labels)) > 1


def test_new_images_come_back_as_their_symbol(alien):
    for symbol in range(alien.n_symbols_):
        drawn = alien.sample(50, symbol=symbol, random_state=1)
        assert np.mean(alien.predict(drawn) == symbol) >= 0.95


def test_a_symbol_that_the_mixture_never_draws_is_drawn_as_well_as_can_be(alien, monkeypatch):
    told = alien.recogniser_.predict_proba

    def never(self, rows, **_):
        """No image is of the first symbol's pieces."""
        P = told(rows)
        P[:, alien.symbols_.components(0)] *= 1e-3
        return P / P.sum(axis=1, keepdims=True)

    monkeypatch.setattr(type(alien.recogniser_), "predict_proba", never)
    drawn = alien.sample(10, symbol=0, random_state=0)
    assert drawn.pixels.shape == (10, 8, 8)
    np.testing.assert_array_equal(drawn.labels, 0)


def test_digits_are_found_nearly_as_a_person_would_say(images, monkeypatch):
    """No memory of a figure: plain codes give 12 to 16 symbols and .845 at the most."""
    monkeypatch.setattr(recogniser, "EPOCHS", UNHURRIED)
    alien = SymbolDiscovery(n_epochs=EPOCHS, random_state=0).fit(images)
    assert 9 <= alien.n_symbols_ <= 11
    assert scores(alien.evidence_.label_table)["accuracy"] > 0.85


def test_components_tell_how_much_of_each_symbol_they_hold(alien):
    assert alien.component_symbols_.shape == (alien.n_components_, alien.n_symbols_)
    laws.check_distribution(alien.component_symbols_, tol=1e-9)


def test_on_the_route_of_codes_symbols_are_groups_of_components(images, tmp_path):
    alien = SymbolDiscovery(route="codes", n_epochs=EPOCHS, random_state=0).fit(images)
    assert alien.recogniser_ is None
    assert alien.finish_.moves is None
    assert alien.finish_.sharpen.power > 1.0
    assert alien.symbols_.component_symbol.shape == (alien.n_components_,)
    expected = alien.symbols_.pool(alien.mixture_.predict_proba(alien.codes_))
    np.testing.assert_array_equal(alien.predict_proba(images), expected)
    alien.save(tmp_path / "codes.safetensors")
    again = SymbolDiscovery.load(tmp_path / "codes.safetensors")
    np.testing.assert_array_equal(again.predict_proba(images), expected)


def test_augmentation_may_be_named_and_is_kept(images, tmp_path):
    moves = Augmentation(shift=0.05)
    alien = SymbolDiscovery(augmentation=moves, n_epochs=2, random_state=0).fit(images[:300])
    same = SymbolDiscovery(augmentation={"shift": 0.05}, n_epochs=2, random_state=0)
    np.testing.assert_array_equal(same.fit(images[:300]).labels_, alien.labels_)
    other = SymbolDiscovery(n_epochs=2, random_state=0).fit(images[:300])
    assert not np.array_equal(other.predict_proba(images), alien.predict_proba(images))
    alien.save(tmp_path / "moves.safetensors")
    again = SymbolDiscovery.load(tmp_path / "moves.safetensors")
    np.testing.assert_array_equal(again.predict(images), alien.predict(images))


def test_colour_images_are_discovered(images):
    colour = np.repeat(images.pixels[:300, :, :, None], 3, axis=3) * [1.0, 0.5, 0.0]
    alien = SymbolDiscovery(n_epochs=2, random_state=0).fit(colour.astype(np.float32))
    assert alien.sample(4, symbol=0).pixels.shape == (4, 8, 8, 3)


@pytest.mark.filterwarnings("ignore:The 6 columns:xenoglyph.DegenerateDataWarning")
@pytest.mark.parametrize("n", [3, 15, 45])
def test_a_few_images_are_few_symbols(images, n):
    alien = SymbolDiscovery(n_epochs=2, random_state=0).fit(images.pixels[:n])
    assert 1 <= alien.n_symbols_ <= max(1, n // 20)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"route": "sea"}, "route='sea' is not known; choose one of graph, codes"),
        ({"n_pieces": 0}, "n_pieces=0 was given; give an integer of at least 1"),
        ({"augmentation": {"wobble": 1}}, "augmentation="),
        ({"tolerance": 2.0}, "tolerance=2.0 was given"),
    ],
)
def test_settings_that_cannot_be_are_refused(images, parameters, message):
    with pytest.raises(DataError, match=message):
        SymbolDiscovery(n_epochs=1, random_state=0, **parameters).fit(images[:100])


def test_drawing_repeats_with_its_seed(alien):
    one, two, other = (alien.sample(5, symbol=0, random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.pixels, two.pixels)
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"symbol": 99}, "symbol=99 does not exist; choose 0 to"),
        ({"symbol": -1}, "symbol=-1 does not exist"),
        ({"component": 99}, "component=99 does not exist"),
        ({"symbol": 0, "component": 0}, "Both symbol and component"),
        ({"n": 0}, "n_samples=0 was given"),
        ({"n": 0, "symbol": 0}, "n_samples=0 was given"),
    ],
)
def test_what_cannot_be_drawn_is_refused(alien, what, message):
    with pytest.raises(DataError, match=message):
        alien.sample(**what)


def test_the_same_seed_gives_the_same_bits(alien, other, images):
    np.testing.assert_array_equal(other.codes_, alien.codes_)
    np.testing.assert_array_equal(other.predict_proba(images), alien.predict_proba(images))


def test_a_file_brings_the_model_back_bit_for_bit(alien, model_file, images, tmp_path):
    again = SymbolDiscovery.load(model_file)
    np.testing.assert_array_equal(again.predict_proba(images), alien.predict_proba(images))
    np.testing.assert_array_equal(again.sample(9).pixels, alien.sample(9).pixels)
    assert again.get_params() == alien.get_params()
    assert again.n_symbols_ == alien.n_symbols_
    np.testing.assert_array_equal(again.evidence_.gallery.pixels, alien.evidence_.gallery.pixels)
    assert again.evidence_.ledger == alien.evidence_.ledger
    assert again.evidence_.best_by_k == alien.evidence_.best_by_k
    assert (
        again.evidence_.runner_up == alien.evidence_.runner_up == alien.mixture_.trace_.runner_up
    )
    assert again.evidence_.events == alien.evidence_.events
    assert again.mixture_.message_length_ == alien.mixture_.message_length_
    again.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == model_file.read_bytes()


def test_a_flipped_byte_anywhere_is_refused(model_file, tmp_path):
    data = model_file.read_bytes()
    damaged = tmp_path / "damaged.safetensors"
    for place in np.random.default_rng(0).integers(0, len(data), 60):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        damaged.write_bytes(flipped)
        with pytest.raises(ModelFileError):
            SymbolDiscovery.load(damaged)


@pytest.mark.parametrize(
    "lost", ["parameters", "image_shape", "symbols", "autoencoder", "mixture", "evidence"]
)
def test_a_file_that_lacks_a_part_is_refused(model_file, tmp_path, lost):
    settings, arrays = read_model(model_file, "discovery")
    del settings[lost]
    write_model(tmp_path / "part.safetensors", "discovery", settings, arrays)
    with pytest.raises(ModelFileError):
        SymbolDiscovery.load(tmp_path / "part.safetensors")


@pytest.mark.parametrize("lost", ["symbols/component_symbols", "symbols/2/1/weight"])
def test_a_file_that_lacks_an_array_is_refused(model_file, tmp_path, lost):
    settings, arrays = read_model(model_file, "discovery")
    del arrays[lost]
    write_model(tmp_path / "part.safetensors", "discovery", settings, arrays)
    with pytest.raises(ModelFileError):
        SymbolDiscovery.load(tmp_path / "part.safetensors")


def test_the_article_holds_images_out_and_joins_nothing(images):
    alien = SymbolDiscovery("article", n_epochs=5, random_state=0).fit(images)
    assert alien.n_symbols_ == alien.n_components_
    assert not any(merge.joined for merge in alien.symbols_.merges)
    assert len(alien.mixture_.labels_) == len(images) // 7
    assert len(alien.autoencoder_.history_["validation_loss"]) == 5
    assert alien.autoencoder_.init == "glorot_uniform"
    assert alien.autoencoder_.batch_size == 4096


def test_the_article_draws_what_is_decoded(images):
    alien = SymbolDiscovery("article", n_epochs=2, random_state=0).fit(images)
    codes, _ = alien.mixture_.sample(9, random_state=0)
    decoded = alien.autoencoder_.inverse_transform(codes)
    np.testing.assert_allclose(alien.sample(9, random_state=0).pixels, decoded, atol=1e-6)
    np.testing.assert_allclose(alien.decode(codes), decoded, atol=1e-6)


def test_the_article_finishes_no_drawing_on_the_other_route_either(images):
    alien = SymbolDiscovery("article", route="graph", n_epochs=1, random_state=0)
    assert alien.fit(images[:200]).finish_ == Finish()


def test_drawings_are_decoded_sharpened_and_moved(alien, images):
    sharp = alien.decode(alien.codes_)
    assert sharp.std() == pytest.approx(images.pixels.std(), abs=3e-3)
    assert alien.autoencoder_.inverse_transform(alien.codes_).std() < sharp.std() - 3e-3
    for how in ({"symbol": 0}, {"component": 0}, {}):
        drawn = alien.sample(20, random_state=0, **how).pixels
        for less in (Finish(), replace(alien.finish_, share=0.0)):
            twin = copy(alien)
            twin.finish_ = less
            assert not np.allclose(twin.sample(20, random_state=0, **how).pixels, drawn, atol=0.05)


def test_the_article_annihilates_as_its_program_did(images):
    alien = SymbolDiscovery("article", n_epochs=1, random_state=0).fit(images)
    mixture = alien.mixture_
    assert mixture.search == "annihilation"
    assert mixture.criterion == "program"
    assert mixture.trace_.sweeps[0].n_components == 25
    kinds = {event["kind"] for event in alien.evidence_.events}
    assert kinds <= {"annihilation", "deletion"}


def test_the_default_recipe_leaves_the_mixture_its_defaults(alien):
    assert RECIPES["default"].mixture == {}
    own = MMLGaussianMixture(record_parameters=True).get_params()
    given = alien.mixture_.get_params()
    assert {name for name in own if given[name] != own[name]} == {"random_state"}


def test_the_mixture_has_no_more_components_than_allowed(images):
    own = {"route": "codes", "n_epochs": 2, "max_components": 3}
    alien = SymbolDiscovery(**own, random_state=0).fit(images)
    assert alien.mixture_.max_components == 3
    assert 1 <= alien.n_components_ <= 3


def test_an_unknown_recipe_is_refused(images):
    with pytest.raises(DataError, match="recipe='soup' is not known; choose one of default"):
        SymbolDiscovery("soup").fit(images)


def test_predicting_before_fitting_is_refused(images):
    with pytest.raises(NotFittedError):
        SymbolDiscovery().predict(images)
