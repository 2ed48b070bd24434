"""The algorithm keeps its invariants, at every component update."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning

import laws
from xenoglyph.mixture.blocks import Rows, standardisation
from xenoglyph.mixture.cem2 import (
    Ledger,
    Mixture,
    Objective,
    cem2,
    new_weight,
    sweep,
)
from xenoglyph.mixture.covariance import COVARIANCES, parse
from xenoglyph.mixture.start import random_start, spread_of


def rows_of(X, s=None):
    s = np.ones(len(X)) if s is None else s
    units = standardisation(X, s)
    return Rows(units.apply(X), s, units)


def problem(seed=0, n=600, d=2, k=12, name="full"):
    r = np.random.default_rng(seed)
    X = r.standard_normal((n, d)) + 4.0 * r.integers(0, 3, (n, 1))
    rows, structure = rows_of(X), parse(name)
    spread = spread_of(rows)
    prior = 1e-2 * (np.diagonal(spread) if structure.diagonal else spread)
    start = random_start(rows, structure, spread, k, np.random.RandomState(seed))
    return rows, Objective(structure, 0.0, prior), start


@pytest.mark.parametrize("name", COVARIANCES)
@pytest.mark.parametrize("seed", range(5))
def test_length_never_rises_at_fixed_k(name, seed):
    rows, objective, start = problem(seed, name=name)
    _, trace = cem2(rows, start, objective)
    lengths = [s.message_length for s in trace.sweeps]
    laws.check_never_rises(lengths, [s.n_components for s in trace.sweeps])


@pytest.mark.parametrize("name", COVARIANCES)
def test_length_never_rises_at_a_single_update(name):
    rows, objective, start = problem(3, name=name)
    mixture = Mixture(rows, objective, start)
    lengths, ks = [mixture.lengths()[0]], [mixture.k]
    for _ in range(20):
        mixture.fresh[:] = 0.0
        for m in mixture.alive():
            alpha = mixture.alpha[m]
            count, mu, scatter = mixture.expect(m)
            weight = new_weight(count, alpha, mixture.n, mixture.k, mixture.N)
            if weight == 0.0:
                mixture.annihilate(m)
            else:
                mixture.maximise(m, weight, mu, scatter, count)
            np.testing.assert_allclose(mixture.alpha.sum(), 1.0, rtol=1e-14)
            lengths.append(mixture.lengths()[0])
            ks.append(mixture.k)
        mixture.end_sweep()
    assert len(lengths) > 50
    laws.check_never_rises(lengths, ks, slack=1e-12)


def test_totals_do_not_drift():
    rows, objective, start = problem(1)
    mixture = Mixture(rows, objective, start)
    ledger = Ledger(rows, objective.structure)
    ledger.add(mixture, *mixture.lengths())
    for _ in range(200):
        sweep(mixture, ledger, k_min=1)
    again = Mixture(rows, objective, mixture.parameters())
    running = mixture.offset + np.log(mixture.total)
    np.testing.assert_allclose(running, again.offset + np.log(again.total), rtol=0, atol=1e-12)


@given(
    count=st.floats(0.0, 1000.0),
    n=st.floats(1000.0, 2000.0),
    k=st.integers(2, 20),
    N=st.integers(2, 60),
)
def test_weight_step_minimises_the_objective(count, n, k, N):
    """Others keep their proportions, so the objective is a function of one weight alone."""
    own, others = count - N / 2, n - count - (k - 1) * N / 2
    weight = new_weight(count, 0.3, n, k, N)
    if own <= 0:
        assert weight == 0.0
    elif others > 0:
        best = minimize_scalar(
            lambda a: -own * np.log(a) - others * np.log1p(-a), bounds=(0, 1), method="bounded"
        )
        np.testing.assert_allclose(weight, best.x, atol=1e-4)
    else:
        assert 0.3 <= weight < 1.0


def test_a_forced_end_is_told_from_a_natural_one():
    rows, objective, start = problem(2)
    _, trace = cem2(rows, start, objective)
    assert trace.sweeps[0].n_components == 12
    assert trace.sweeps[-1].n_components == 1
    assert len(trace.annihilations) == 11
    assert {end.forced for end in trace.annihilations} == {True, False}
    assert [end.n_components_before for end in trace.annihilations] == list(range(12, 1, -1))
    for end in trace.annihilations:
        before, after = trace.sweeps[end.sweep - 1], trace.sweeps[end.sweep]
        assert end.saved == before.message_length - after.message_length
        assert after.n_components < end.n_components_before <= before.n_components


def test_the_answer_is_the_shortest_that_converged():
    rows, objective, start = problem(4)
    best, trace = cem2(rows, start, objective, record_parameters=True)
    (chosen,) = [s for s in trace.sweeps if s.chosen]
    assert chosen.converged
    assert chosen.message_length == min(trace.best_by_k.values())
    assert chosen.n_components == len(best.alpha)
    np.testing.assert_array_equal(chosen.weights, best.alpha)
    again, _ = Mixture(rows, objective, best).lengths()
    np.testing.assert_allclose(chosen.message_length, again, rtol=1e-12)


def test_min_components_holds_against_natural_deaths():
    rows, objective, start = problem(5, n=60, d=3)
    _, trace = cem2(rows, start, objective, k_min=6)
    assert min(s.n_components for s in trace.sweeps) == 6


def test_a_cap_on_sweeps_is_said():
    rows, objective, start = problem(6)
    with pytest.warns(ConvergenceWarning, match=r"within 2 sweeps .* raise max_sweeps or tol"):
        cem2(rows, start, objective, max_sweeps=2, k_min=10)
