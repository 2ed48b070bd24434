"""Networks compute what NumPy says, are mirrored, and travel as named arrays."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from xenoglyph.autoencoder.layers import Dense, Layer, lecun_normal
from xenoglyph.autoencoder.network import Dropout, Layout, Network
from xenoglyph.errors import DataError, ModelFileError

DENSE = Layout((3, 4), (7, 5), 3)
PICTURES = Layout((7, 5, 3), (6, 4), 2, "convolutional")


def network(layout: Layout = DENSE, seed: int = 0) -> Network:
    """A small network whose biases are not zero."""
    drawn = Network.start(layout, lecun_normal, np.random.default_rng(seed))
    arrays = {name: array + np.float32(0.1) for name, array in drawn.to_arrays().items()}
    return Network.from_arrays(layout, arrays)


def images(layout: Layout = DENSE) -> jax.Array:
    return jnp.asarray(np.random.default_rng(1).random((20, layout.n_pixels)), jnp.float32)


def drawn_again(net: Network, x: jax.Array) -> jax.Array:
    return net.decode(net.encode(x))


# -------------------------------------------------------------------------------- what it computes


def numpy_stack(layers: Sequence[Layer], images: ArrayLike) -> np.ndarray:
    """Oracle: affine layers in float64 with SELU between them, constants from the paper."""
    x = np.asarray(images, dtype=np.float64)
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    for i, layer in enumerate(layers):
        x = x @ np.asarray(layer.weight, dtype=np.float64) + np.asarray(layer.bias)
        if i < len(layers) - 1:
            x = scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return x


def check_stacks(net: Network) -> None:
    """The law: encoder and decoder are SELU stacks with linear ends."""
    x = images()
    codes = numpy_stack(net.encoder, x)
    np.testing.assert_allclose(net.encode(x), codes, atol=1e-5)
    drawn = net.decode(jnp.asarray(codes, jnp.float32))
    np.testing.assert_allclose(drawn, numpy_stack(net.decoder, codes), atol=1e-4)


def test_the_layers_are_selu_and_their_ends_linear() -> None:
    check_stacks(network())


def test_elu_layers_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax.nn, "selu", jax.nn.elu)
    with pytest.raises(AssertionError):
        check_stacks(network())


def test_rows_of_a_batch_do_not_see_each_other() -> None:
    for layout in (DENSE, PICTURES):
        net, x = network(layout), images(layout)
        np.testing.assert_allclose(drawn_again(net, x)[3:5], drawn_again(net, x[3:5]), atol=1e-5)


# --------------------------------------------------------------------------------- how it is built


def test_dense_sizes_are_mirrored() -> None:
    there, back = ([layer.weight.shape for layer in stack] for stack in DENSE.build(jnp.zeros))
    assert there == [(12, 7), (7, 5), (5, 3)]
    assert back == [(3, 5), (5, 7), (7, 12)]


def test_convolutional_channels_are_mirrored() -> None:
    """Sides of 7x5 become 4x3, then 2x2; a doubling has four times its channels."""
    there, back = ([layer.weight.shape for layer in stack] for stack in PICTURES.build(jnp.zeros))
    assert there == [(3, 3, 3, 6), (3, 3, 6, 4), (2 * 2 * 4, 2)]
    assert back == [(2, 2 * 2 * 4), (3, 3, 4, 4 * 6), (3, 3, 6, 4 * 3)]


@given(
    st.tuples(st.integers(1, 9), st.integers(2, 9)),
    st.sampled_from([(), (1,), (3,)]),
    st.lists(st.integers(1, 4), max_size=4),
)
def test_convolutions_give_every_side_back(
    sides: tuple[int, int], channels: tuple[int, ...], hidden: list[int]
) -> None:
    layout = Layout((*sides, *channels), tuple(hidden), 1, "convolutional")
    net = Network.start(layout, lecun_normal, np.random.default_rng(0))
    x = jax.ShapeDtypeStruct((2, layout.n_pixels), jnp.float32)
    assert jax.eval_shape(net.encode, x).shape == (2, 1)
    assert jax.eval_shape(lambda x: drawn_again(net, x), x) == x


@pytest.mark.parametrize("layout", [DENSE, PICTURES, Layout((24,), (), 3)])
def test_a_layout_s_settings_make_it_again(layout: Layout) -> None:
    settings = layout.to_settings()
    lists = {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items()}
    assert Layout.from_settings(lists) == layout  # JSON knows no tuples


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"image_shape": (3, 0)},
            "a side of image_shape=0 was given; give an integer of at least",
        ),
        ({"hidden_sizes": (7, -1)}, "a width in hidden_sizes=-1"),
        ({"hidden_sizes": (7, 2.5)}, r"a width in hidden_sizes=2\.5"),
        ({"code_size": 0}, "code_size=0"),
        ({"code_size": True}, "code_size=True"),
        ({"code_size": 12}, "code_size=12 was given for images of 12 pixels"),
        ({"architecture": "deep"}, "'deep' was given; give one of dense, convolutional"),
        ({"image_shape": (12,), "architecture": "convolutional"}, "given for a table"),
    ],
    ids=str,
)
def test_layouts_that_cannot_be_built_are_refused(changes: dict[str, Any], message: str) -> None:
    plain: dict[str, Any] = {"image_shape": (3, 4), "hidden_sizes": (7,), "code_size": 3}
    assert Layout(**plain).n_pixels == 12
    with pytest.raises(DataError, match=message):
        Layout(**{**plain, **changes})


# ----------------------------------------------------------------------------------------- dropout


def test_dropout_is_of_hidden_activations_alone() -> None:
    dropout = Dropout(0.5, jax.random.key(0))
    shallow, deep = (
        Network.start(Layout((12,), hidden, 3), lecun_normal, np.random.default_rng(0))
        for hidden in ((), (7, 5))
    )
    x = images()
    np.testing.assert_array_equal(shallow.encode(x, dropout), shallow.encode(x))
    assert (deep.encode(x, dropout) != deep.encode(x)).any(axis=1).all()


def test_the_key_alone_says_what_is_dropped() -> None:
    net, x = network(), images()
    first, again, other = (net.encode(x, Dropout(0.5, jax.random.key(k))) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_layer_drops_units_of_its_own() -> None:
    """A unit dropped by the first of two layers alone shows: units then take three values."""
    unit = Dense(jnp.eye(1000), jnp.zeros(1000))
    out = Network((unit,) * 3, (), DENSE).encode(
        jnp.ones((1, 1000)), Dropout(0.5, jax.random.key(0))
    )
    values, counts = np.unique(np.asarray(out).round(3), return_counts=True)
    assert sorted(counts / 1000) == pytest.approx([0.25, 0.25, 0.5], abs=0.06), values


# -------------------------------------------------------------------------------------- its arrays


@pytest.mark.parametrize("layout", [DENSE, PICTURES])
def test_arrays_make_the_same_network_again(layout: Layout) -> None:
    net, x = network(layout), images(layout)
    arrays = net.to_arrays()
    again = Network.from_arrays(layout, arrays)
    assert sorted(arrays)[:2] == ["decoder/0/bias", "decoder/0/weight"]
    np.testing.assert_array_equal(drawn_again(again, x), drawn_again(net, x))


def test_the_random_generator_alone_says_how_a_network_starts() -> None:
    first, again, other = (
        Network.start(DENSE, lecun_normal, np.random.default_rng(seed)).to_arrays()
        for seed in (0, 0, 1)
    )
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        assert (first[name] == other[name]).all() == name.endswith("bias")


def damaged(change: str) -> dict[str, np.ndarray]:
    arrays = network().to_arrays()
    kernel = arrays["encoder/1/weight"]
    match change:
        case "missing":
            del arrays["encoder/1/weight"]
        case "surplus":
            arrays["encoder/3/weight"] = kernel
        case "name":
            arrays["encoder/1/kernel"] = arrays.pop("encoder/1/weight")
        case "shape":
            arrays["encoder/1/weight"] = kernel.T
        case "type":
            arrays["encoder/1/weight"] = kernel.astype(np.float64)
        case "number":
            kernel[0, 0] = np.nan
        case "infinity":
            kernel[0, 0] = -np.inf
    return arrays


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", "12 arrays .* came 11"),
        ("surplus", "12 arrays .* came 13"),
        ("name", "12 arrays of their own names; came 12, others"),
        ("shape", r"encoder/1/weight must be float32 of shape \(7, 5\)"),
        ("type", "came float64"),
        ("number", "encoder/1/weight holds NaN"),
        ("infinity", "encoder/1/weight holds NaN or infinity"),
    ],
)
def test_arrays_of_another_network_are_refused(change: str, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        Network.from_arrays(DENSE, damaged(change))


def test_convolutions_do_not_fit_dense_layers() -> None:
    dense = Layout(PICTURES.image_shape, PICTURES.hidden_sizes, PICTURES.code_size)
    with pytest.raises(ModelFileError, match="must be float32 of shape"):
        Network.from_arrays(dense, network(PICTURES).to_arrays())
