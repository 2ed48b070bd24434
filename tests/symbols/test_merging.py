"""Joining components: the confusions, the tree, the numbering."""

import json
from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import laws
from xenoglyph import DataError, ModelFileError
from xenoglyph.symbols.merging import (
    EXCUSED,
    PRESUMED,
    joint_confusion,
    merge_components,
    merge_joint,
    merge_pieces,
    symbols_from_settings,
    symbols_to_settings,
)


def random_posterior(seed, n=200, k=6, sharpness=3.0):
    logits = sharpness * np.random.default_rng(seed).standard_normal((n, k))
    P = np.exp(logits)
    return P / P.sum(axis=1, keepdims=True)


def pairs_seen_and_presumed(joint):
    """How confused any two groups are, pair by pair from the definition."""
    k = len(joint)
    mass = joint.sum(axis=1)
    seen, presumed = np.zeros((k, k)), np.zeros((k, k))
    for i in range(k):
        for j in range(k):
            if i == j:
                continue
            of_i = joint[i, j] / (joint[i, i] + joint[i, j])
            of_j = joint[j, i] / (joint[j, j] + joint[j, i])
            small = max(0.0, 1 / min(mass[i], mass[j]) - k / mass.sum())
            seen[i, j], presumed[i, j] = (of_i + of_j) / 2, PRESUMED * small
    return seen, presumed


def pairs_confused(joint):
    seen, presumed = pairs_seen_and_presumed(joint)
    return np.minimum(1.0, seen + presumed)


def overtaken(joint, symbols, tolerance):
    """How many joins there are before which two others, too confused, were seen to be more so."""
    groups, n = np.arange(len(joint)), 0
    for merge in symbols.merges:
        if merge.joined:
            numbers = np.unique(groups, return_inverse=True)[1]
            seen, presumed = pairs_seen_and_presumed(pooled(joint, numbers))
            apart = np.triu(np.ones_like(seen, bool), 1)
            too_confused = np.minimum(1.0, seen + presumed) - merge.excused > tolerance + 1e-9
            i, j = numbers[merge.first[0]], numbers[merge.second[0]]
            n += bool(np.any(seen[apart & too_confused] > seen[i, j] + 1e-9))
        groups[list(merge.second)] = groups[merge.first[0]]
    return n


def pooled(joint, groups):
    """Count rows of groups of groups."""
    belongs = np.eye(groups.max() + 1)[groups]
    return belongs.T @ joint @ belongs


@given(seed=st.integers(0, 10**6), tolerance=st.floats(0.0, 1.0))
def test_no_join_above_tolerance_is_left_out_and_none_below_is_made(seed, tolerance):
    P = random_posterior(seed)
    symbols = merge_components(P, tolerance)
    for merge in symbols.merges:
        if merge.joined:
            assert merge.confusion - merge.excused > tolerance
        assert 0.0 <= merge.excused <= EXCUSED or merge.excused <= merge.confusion <= 1.0
    assert symbols.n_symbols == P.shape[1] - sum(merge.joined for merge in symbols.merges)
    laws.check_distribution(symbols.pool(P))
    joint = pooled(joint_confusion(P.argmax(axis=1), P), symbols.component_symbol)
    left = pairs_confused(joint)
    np.testing.assert_allclose(symbols.confusion, left, atol=1e-12)
    mistaken = 1.0 - np.trace(joint) / joint.sum()
    assert left.max() - min(EXCUSED, mistaken) <= tolerance + 1e-12


def orphan_and_twins():
    """Two halves of one kind, eight other kinds, and a handful of rows taken for some of all."""
    sizes = np.array([95.0, 64.0, *[170.0] * 8, 47.0])
    joint = np.diag(sizes)
    joint[-1, 1:5] = joint[1:5, -1] = 0.6
    joint[0, 1] = joint[1, 0] = 1.2
    return joint - np.diag(joint.sum(axis=0) - sizes)


def test_what_was_seen_is_joined_before_what_is_presumed():
    joint = orphan_and_twins()
    symbols = merge_joint(joint, 0.008)
    seen, presumed = pairs_seen_and_presumed(joint)
    # The handful and one half are the most confused if what is presumed counts, the halves if not.
    assert (seen + presumed).argmax() == len(joint) + len(joint) - 1
    assert seen.argmax() == 1
    assert (symbols.merges[0].first, symbols.merges[0].second) == ((0,), (1,))
    assert symbols.n_symbols == 9
    assert overtaken(joint, symbols, 0.008) == 0
    # The broken twin: the handful goes first.
    swapped = replace(symbols, merges=(symbols.merges[1], symbols.merges[0]))
    assert overtaken(joint, swapped, 0.008) == 1


@given(seed=st.integers(0, 10**6), sharpness=st.floats(1.0, 8.0), tolerance=st.floats(0.0, 0.3))
def test_no_join_overtakes_one_of_which_more_was_seen(seed, sharpness, tolerance):
    P = random_posterior(seed, n=60, sharpness=sharpness)
    joint = joint_confusion(P.argmax(axis=1), P)
    symbols = merge_joint(joint, tolerance)
    if all(merge.excused <= EXCUSED for merge in symbols.merges):
        assert overtaken(joint, symbols, tolerance) == 0


@given(seed=st.integers(0, 10**6), sharpness=st.floats(1.0, 8.0), tolerance=st.floats(0.0, 0.3))
def test_every_tolerance_of_the_interval_gives_the_same_joins(seed, sharpness, tolerance):
    P = random_posterior(seed, n=60, sharpness=sharpness)
    symbols = merge_components(P, tolerance)
    low, high = symbols.tolerance_interval
    assert low <= tolerance < high
    joined = [merge for merge in symbols.merges if merge.joined]
    for other in (low, (low + tolerance) / 2, (tolerance + high) / 2, 0.999999 * high):
        merges = merge_components(P, max(low, other)).merges
        assert [m[:2] for m in map(astuple, merges) if m[4]] == [astuple(m)[:2] for m in joined]


@given(seed=st.integers(0, 10**6), tolerance=st.floats(0.0, 1.0))
def test_the_order_of_the_components_does_not_matter(seed, tolerance):
    P = random_posterior(seed)
    order = np.random.default_rng(seed).permutation(P.shape[1])
    one, other = (merge_components(Q, tolerance) for Q in (P, P[:, order]))
    np.testing.assert_array_equal(one.component_symbol[order], other.component_symbol)


def test_an_empty_component_is_no_symbol():
    symbols = merge_components(np.array([[1.0, 0.0], [1.0, 0.0]]), 0.05)
    assert not np.isnan(symbols.confusion).any()
    assert symbols.n_symbols == 1


def test_the_tree_joins_everything_at_last():
    symbols = merge_components(random_posterior(1), 0.05)
    last = symbols.merges[-1]
    assert sorted(last.first + last.second) == list(range(6))
    assert len(symbols.merges) == 5


def test_a_split_cluster_is_one_symbol_and_a_separate_one_is_not():
    one = np.tile([[0.5, 0.5, 0.0], [0.45, 0.55, 0.0]], (50, 1))
    other = np.tile([[0.001, 0.001, 0.998]], (80, 1))
    symbols = merge_components(np.concatenate([one, other]), 0.05)
    np.testing.assert_array_equal(symbols.component_symbol, [0, 0, 1])
    np.testing.assert_array_equal(symbols.components(0), [0, 1])


def test_symbols_are_numbered_by_falling_share():
    P = np.eye(3)[np.repeat([0, 1, 2], [100, 300, 200])]
    np.testing.assert_array_equal(merge_components(P, 0.5).component_symbol, [2, 0, 1])


@pytest.mark.parametrize("tolerance", [-0.1, 1.5, float("nan")])
def test_a_tolerance_that_is_no_share_is_refused(tolerance):
    with pytest.raises(DataError, match=f"tolerance={tolerance} was given"):
        merge_components(random_posterior(0), tolerance)


def test_settings_bring_the_symbols_back():
    symbols = merge_components(random_posterior(2), 0.2)
    settings = json.loads(json.dumps(symbols_to_settings(symbols)))
    again = symbols_from_settings(settings, 6)
    np.testing.assert_array_equal(again.component_symbol, symbols.component_symbol)
    assert again.merges == symbols.merges


@pytest.mark.parametrize("component_symbol", [[0, 1], [0, 2, 2], [-1, 0, 1]])
def test_settings_that_do_not_fit_are_refused(component_symbol):
    settings = {"component_symbol": component_symbol, "merges": []}
    with pytest.raises(ModelFileError, match="do not fit"):
        symbols_from_settings(settings, 3)


def split_and_separate(n=400, seed=0):
    """Pieces 0 and 1 of one kind, told apart by lot; piece 2 of another."""
    random = np.random.default_rng(seed)
    pieces = np.repeat([0, 1, 2], n)
    held_out = np.zeros((3 * n, 3))
    share = random.random(2 * n)
    held_out[: 2 * n, :2] = np.column_stack([share, 1 - share])
    held_out[2 * n :] = [0.01, 0.0, 0.99]
    return pieces, held_out


def test_pieces_that_others_cannot_tell_apart_are_one_symbol():
    symbols = merge_pieces(*split_and_separate(), 0.06)
    np.testing.assert_array_equal(symbols.component_symbol, [0, 0, 1])
    first, second = symbols.merges
    assert (first.joined, second.joined) == (True, False)
    assert first.confusion == pytest.approx(0.5, abs=0.05)
    # 400 rows a hundredth of which is taken for the first kind, and none back; both counted alike.
    taken, own, kind = 2.0, 396.0, 800.0
    shares = (taken / (own + taken) + taken / (kind + taken)) / 2
    few = PRESUMED * (1 / (own + taken) - 2 / 1200)
    assert second.confusion == pytest.approx(shares + few)


def kinds(sizes, mistaken=0.0):
    """Clear pieces of so many rows; a share of each is taken for the next one."""
    pieces = np.repeat(np.arange(len(sizes)), sizes)
    told = np.eye(len(sizes))[pieces]
    return pieces, (1 - mistaken) * told + mistaken * np.roll(told, 1, axis=1)


@pytest.mark.parametrize(("n", "n_symbols"), [(30, 10), (300, 11)])
def test_a_few_rows_beside_many_are_no_symbol_until_there_are_enough(n, n_symbols):
    assert merge_pieces(*kinds([1000] * 10 + [n]), 0.02).n_symbols == n_symbols


@pytest.mark.parametrize("n", [5, 30, 300])
def test_where_all_are_few_they_are_kept_apart(n):
    """The broken twin of the rule above would join whatever is small."""
    assert merge_pieces(*kinds([n] * 7), 0.02).n_symbols == 7


@pytest.mark.parametrize(("mistaken", "n_symbols"), [(0.04, 1), (0.01, 2)])
def test_of_two_the_tolerance_is_for_what_is_not_excused(mistaken, n_symbols):
    pieces, held_out = kinds([1000, 1000], mistaken)
    low, _ = merge_pieces(pieces, held_out, 0.5).tolerance_interval
    assert low == pytest.approx(0.0, abs=1e-9)
    # Two of three are mistaken for each other and the third never is: that is no general share.
    joint = joint_confusion(*kinds([1000, 1000, 4000]))
    joint[0, 1] = joint[1, 0] = mistaken * 1000
    joint[0, 0] = joint[1, 1] = (1 - mistaken) * 1000
    assert merge_joint(joint, 0.02).n_symbols == 1 + n_symbols


def test_what_is_mistaken_in_general_joins_nothing_up_to_the_limit():
    # Of each of ten, so many are taken for the next: all are as confused as images are mistaken.
    apart, joined = (merge_pieces(*kinds([1000] * 10, share), 0.02) for share in (0.03, 0.3))
    assert apart.n_symbols == 10
    assert joined.n_symbols < 5


def test_what_nobody_can_tell_is_one_symbol_however_many_pieces_there_are():
    """Noise: every piece is taken for every other, so that no two are confused often."""
    pieces = np.repeat(np.arange(40), 100)
    assert merge_pieces(pieces, np.full((4000, 40), 1 / 40), 0.02).n_symbols == 1


def test_what_was_learnt_by_heart_joins_nothing():
    """The broken twin: asked about the rows that it has learnt, nobody is confused."""
    pieces, _ = split_and_separate()
    assert merge_pieces(pieces, np.eye(3)[pieces], 0.06).n_symbols == 3


def test_the_interval_is_that_of_the_same_symbols():
    symbols = merge_joint(halves_and_two(0.5, 0.15), 0.12)
    low, high = symbols.tolerance_interval
    assert (low, high) == pytest.approx((0.15 - EXCUSED, 0.5 - EXCUSED), abs=1e-5)
    for tolerance, n_symbols in ((low, 3), (0.999 * high, 3), (high, 4), (0.999 * low, 2)):
        assert merge_joint(halves_and_two(0.5, 0.15), tolerance).n_symbols == n_symbols


def halves_and_two(halves, two, n=10**6):
    """Count rows of two halves of one kind and of two others, confused by so much."""
    return n * np.array(
        [
            [1 - halves, halves, 0, 0],
            [halves, 1 - halves, 0, 0],
            [0, 0, 1 - two, two],
            [0, 0, two, 1 - two],
        ]
    )


@pytest.mark.parametrize(
    ("halves", "two", "n_symbols"),
    [
        (0.4, 0.08, 3),  # a fifth
        (0.2, 0.08, 2),  # more than a third of what was joined before
        (0.5, 0.12, 2),  # less, but not clear
        (0.001, 0.08, 3),  # joined first, with nothing before; the halves are apart by themselves
    ],
)
def test_what_is_far_less_confused_than_all_before_stays_apart(halves, two, n_symbols):
    symbols = merge_joint(halves_and_two(halves, two), 0.02)
    assert symbols.n_symbols == n_symbols
    # Where all of it is excused, no tolerance would join the two.
    (two,) = (merge for merge in symbols.merges if {merge.first, merge.second} == {(2,), (3,)})
    assert two.joined == (two.unexcused > 1e-6)


def test_a_join_costs_what_the_table_of_confusions_says():
    pieces = np.repeat([0, 1, 2], 100)
    held_out = np.zeros((300, 3))
    held_out[np.arange(300), pieces] = 1.0
    held_out[:40] = [0.0, 1.0, 0.0]
    symbols = merge_pieces(pieces, held_out, 0.1)
    n, joint = 300, joint_confusion(pieces, held_out)
    chance = np.outer(joint.sum(axis=1), joint.sum(axis=0)) / n
    told = np.where(joint > 0, joint * np.log(np.where(joint > 0, joint, 1) / chance), 0).sum()
    # What all joins together cost is all that could be told.
    assert sum(merge.nats for merge in symbols.merges) == pytest.approx(told)
    assert symbols.merges[0].nats > 0
    # Two clear halves are told apart by log 2 for each row: the broken twin of a cheap join.
    assert symbols.merges[-1].nats == pytest.approx(n * (np.log(3) - 2 / 3 * np.log(2)))


def test_separation_is_one_less_the_confusion_with_the_nearest():
    pieces = np.repeat([0, 1, 2], 100)
    held_out = np.full((300, 3), 0.0)
    held_out[np.arange(300), pieces] = 1.0
    held_out[:10] = [0.0, 1.0, 0.0]
    symbols = merge_pieces(pieces, held_out, 0.2)
    assert symbols.n_symbols == 3
    of = {piece: symbols.component_symbol[piece] for piece in range(3)}
    assert symbols.nearest[of[0]] == of[1]
    assert symbols.nearest[of[1]] == of[0]
    joint = pooled(joint_confusion(pieces, held_out), symbols.component_symbol)
    assert symbols.separation == pytest.approx(1 - pairs_confused(joint).max(axis=1))
    assert symbols.separation[of[2]] > 0.99
    assert symbols.separation[of[0]] == pytest.approx(0.95, abs=0.01)
    assert symbols.separation[of[0]] == symbols.separation[of[1]]


def test_a_symbol_alone_has_nobody_near():
    symbols = merge_pieces(np.zeros(5, int), np.ones((5, 1)), 0.1)
    assert symbols.nearest.tolist() == [-1]
    assert symbols.separation.tolist() == [1.0]


def test_tiny_groups_go_to_whom_they_are_taken_for_and_not_to_each_other():
    sizes = [400, 400, *[1] * 12]
    joint = np.diag(np.array(sizes, float))
    for tiny in range(2, len(sizes)):
        kind = tiny % 2
        joint[tiny, tiny] = 0.4
        joint[tiny, kind] = joint[kind, tiny] = 0.6
    symbols = merge_joint(joint, 0.01)
    np.testing.assert_array_equal(symbols.component_symbol, np.arange(len(sizes)) % 2)
    assert max(merge.confusion for merge in symbols.merges) == 1.0
