"""Cutting a graph of neighbours."""

import numpy as np
import pytest
from scipy import sparse

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


def joined_rings(n, m, random):
    """Two groups that a few edges join, as a symmetric graph."""
    neighbours = rings(n, m, random)
    neighbours[:3, 0] = n
    edges = (np.repeat(np.arange(2 * n), m), neighbours.ravel())
    directed = sparse.csr_array((np.ones(2 * n * m), edges), shape=(2 * n, 2 * n))
    return sparse.csr_array(directed + directed.T)


def test_rows_have_length_one_and_large_graphs_the_space_of_small_ones(monkeypatch):
    graph = joined_rings(200, 6, np.random.default_rng(2))
    whole = spectral_rows(graph, 2)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1.0)
    alike = whole @ whole[100]
    assert np.median(alike[:200]) > 0.9
    assert np.median(alike[200:]) < 0.3
    monkeypatch.setattr("xenoglyph.symbols.pieces.SMALL", 10)
    sparser = spectral_rows(graph, 2)
    # Eigenvectors may be turned; products of rows stay.
    np.testing.assert_allclose(sparser @ sparser.T, whole @ whole.T, atol=1e-2)


def test_many_parts_are_never_mixed():
    """Lanczos steps from one vector cannot see that an eigenvalue is repeated."""
    n, parts = 120, 8
    random = np.random.default_rng(4)
    own = np.repeat(np.arange(parts), n)
    neighbours = random.integers(n, size=(n * parts, 6)) + n * own[:, None]
    pieces = cut_into_pieces(neighbours, 10, 0)
    assert all(len(set(own[pieces == piece])) == 1 for piece in set(pieces))


def test_the_same_seed_cuts_the_same_and_one_piece_is_all():
    neighbours = rings(300, 8, np.random.default_rng(3))
    one, two = (cut_into_pieces(neighbours, 7, 5) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    linked = np.random.default_rng(4).integers(300, size=(300, 5))
    np.testing.assert_array_equal(cut_into_pieces(linked, 1, 0), 0)
