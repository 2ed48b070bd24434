"""Cutting a graph of neighbours."""

import numpy as np
import pytest
from scipy import sparse

from xenoglyph.symbols.pieces import (
    HEEDED,
    SMALL,
    cut_into_pieces,
    hear_both,
    in_common,
    spectral_rows,
    take_back,
)


def rings(n, m, random):
    """Neighbours within two groups that nothing joins, each of n members."""
    own = random.integers(n, size=(2 * n, m))
    return own + n * (np.arange(2 * n) >= n)[:, None]


@pytest.mark.parametrize("n", [100, SMALL])
def test_what_no_edge_joins_is_never_in_one_piece(n):
    neighbours = rings(n, 5, np.random.default_rng(0))
    (pieces,) = cut_into_pieces(neighbours, 4, [0])
    assert not set(pieces[:n]) & set(pieces[n:])
    assert set(pieces) == set(range(pieces.max() + 1))


def test_images_without_neighbours_are_a_piece_each():
    (pieces,) = cut_into_pieces(np.empty((3, 0), np.intp), 1, [0])
    assert sorted(pieces) == [0, 1, 2]


def test_two_groups_are_the_two_pieces():
    neighbours = rings(300, 8, np.random.default_rng(1))
    (pieces,) = cut_into_pieces(neighbours, 2, [0])
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
    (pieces,) = cut_into_pieces(neighbours, 10, [0])
    assert all(len(set(own[pieces == piece])) == 1 for piece in set(pieces))


def test_the_same_seed_cuts_the_same_and_one_piece_is_all():
    neighbours = rings(300, 8, np.random.default_rng(3))
    one, other, two = cut_into_pieces(neighbours, 7, [5, 6, 5])
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(cut_into_pieces(neighbours, 7, [6]), [other])
    assert not np.array_equal(one, other)
    linked = np.random.default_rng(4).integers(300, size=(300, 5))
    np.testing.assert_array_equal(cut_into_pieces(linked, 1, [0, 1]), 0)


@pytest.mark.parametrize(("n", "m"), [(2, 1), (30, 4), (60, 9)])
@pytest.mark.parametrize("compared", [1, 1 << 24])
def test_neighbours_in_common_are_those_of_both_sets(n, m, compared, monkeypatch):
    monkeypatch.setattr("xenoglyph.symbols.pieces.COMPARED", compared)
    random = np.random.default_rng(6)
    rows = [random.permutation(np.delete(np.arange(n), i))[:m] for i in range(n)]
    sets = [{i, *row} for i, row in enumerate(rows)]
    expected = [[len(sets[i] & sets[j]) for j in row] for i, row in enumerate(rows)]
    np.testing.assert_array_equal(in_common(np.array(rows)), expected)


def test_an_edge_counts_for_the_root_of_what_its_ends_have_in_common(monkeypatch):
    """The broken twin would count every edge alike, or one that only one end knows in full."""
    seen = []

    def look(adjacency, n_vectors):
        seen.append(adjacency.toarray())
        return spectral_rows(adjacency, n_vectors)

    monkeypatch.setattr("xenoglyph.symbols.pieces.spectral_rows", look)
    n, random = 20, np.random.default_rng(8)
    rows = [random.permutation(np.delete(np.arange(n), i))[:5] for i in range(n)]
    cut_into_pieces(np.array(rows), 3, [0])
    expected = np.zeros((n, n))
    for i, row in enumerate(rows):
        for j in row:
            half = np.sqrt(len({i, *row} & {j, *rows[j]})) / 2
            expected[i, j] += half
            expected[j, i] += half
    np.testing.assert_allclose(seen, [expected])


def astray(n=100, m=8, seed=5):
    """Neighbours within two groups, and pieces that are the groups but for every tenth image."""
    groups = np.repeat([0, 1], n)
    pieces = np.where(np.arange(2 * n) % 10 == 0, 1 - groups, groups)
    return groups, pieces, rings(n, m, np.random.default_rng(seed))


def test_images_go_where_neighbours_and_networks_say():
    groups, pieces, neighbours = astray()
    np.testing.assert_array_equal(take_back(pieces, np.eye(2)[groups], neighbours), groups)
    # Networks that know nothing leave it to the neighbours, most of which are where they belong.
    np.testing.assert_array_equal(take_back(pieces, np.full((200, 2), 0.5), neighbours), groups)
    # Neighbours that are split leave it to the networks.
    split = np.tile([0, 1, 100, 101], (200, 1))
    told = np.where(groups[:, None] == [0, 1], 0.9, 0.1)
    taken = take_back(np.repeat([0, 1], 100), told[::-1], split)
    np.testing.assert_array_equal(taken, 1 - groups)


def test_neither_witness_alone_moves_an_image_that_the_other_is_sure_of():
    """The broken twins, one for each: by networks alone, or by neighbours alone, both would go."""
    groups, _, neighbours = astray()
    doubtful = np.tile([0.45, 0.55], (200, 1))
    np.testing.assert_array_equal(take_back(groups, doubtful, neighbours), groups)
    split = neighbours.copy()
    split[:100, :5] = 150
    np.testing.assert_array_equal(take_back(groups, np.eye(2)[groups], split), groups)


def test_a_group_that_all_would_leave_keeps_its_images():
    groups, _, neighbours = astray()
    lonely = np.where(np.arange(200) == 7, 1, 2 * groups)
    told = np.eye(3)[2 * groups]
    np.testing.assert_array_equal(take_back(lonely, told, neighbours), lonely)
    both = np.where(np.arange(200) < 2, 1, 2 * groups)
    told[0] = [0.0, 1.0, 0.0]
    sure = neighbours.copy()
    sure[0] = 1
    # Where one stays the other may go.
    expected = np.where(np.arange(200) == 0, 1, 2 * groups)
    np.testing.assert_array_equal(take_back(both, told, sure), expected)


def test_two_witnesses_are_heard():
    pieces = np.array([0, 0, 1, 2])
    neighbours = np.array([[1, 2], [0, 2], [3, 0], [2, 1]])
    held_out = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.2, 0.8], [0.0, 0.0, 1.0]])
    votes = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    heard = hear_both(pieces, held_out, neighbours)
    np.testing.assert_allclose(heard, (1 - HEEDED) * held_out + HEEDED * votes)
    np.testing.assert_allclose(heard.sum(axis=1), 1.0)
    alone = hear_both(np.array([0]), np.ones((1, 1)), np.empty((1, 0), int))
    np.testing.assert_allclose(alone, 1.0)
