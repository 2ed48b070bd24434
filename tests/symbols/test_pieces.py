"""Cutting a graph of neighbours."""

import numpy as np
import pytest

from xenoglyph.symbols.pieces import SMALL, cut_into_pieces, spectral_rows


def rings(n, m, random):
    """Neighbours within two groups that nothing joins, each of n members."""
    own = random.integers(n, size=(2 * n, m))
    return own + n * (np.arange(2 * n) >= n)[:, None]


@pytest.mark.parametrize("n", [100, SMALL])
def test_what_no_edge_joins_is_never_in_one_piece(n):
    neighbours = rings(n, 5, np.random.default_rng(0))
    pieces = cut_into_pieces(neighbours, 4, 0)
    assert not set(pieces[:n]) & set(pieces[n:])
    assert set(pieces) == set(range(pieces.max() + 1))


def test_two_groups_are_the_two_pieces():
    neighbours = rings(300, 8, np.random.default_rng(1))
    pieces = cut_into_pieces(neighbours, 2, 0)
    assert len(set(pieces[:300])) == len(set(pieces[300:])) == 1


def test_rows_have_length_one_and_large_graphs_the_space_of_small_ones(monkeypatch):
    neighbours = rings(200, 6, np.random.default_rng(2))
    whole = spectral_rows(neighbours, 2)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1.0)
    monkeypatch.setattr("xenoglyph.symbols.pieces.SMALL", 10)
    sparse = spectral_rows(neighbours, 2)
    # Eigenvectors of one value may be turned; products of rows stay.
    np.testing.assert_allclose(sparse @ sparse.T, whole @ whole.T, atol=1e-3)


def test_the_same_seed_cuts_the_same_and_one_piece_is_all():
    neighbours = rings(300, 8, np.random.default_rng(3))
    one, two = (cut_into_pieces(neighbours, 7, 5) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(cut_into_pieces(neighbours, 1, 0), 0)
