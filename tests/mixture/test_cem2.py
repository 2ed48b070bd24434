"""The algorithm keeps its invariants, at every component update."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

import laws
from mixture.problems import problem, rows_from
from xenoglyph.mixture import kernels
from xenoglyph.mixture.cem2 import _converge, converge, new_weight, sweep
from xenoglyph.mixture.covariance import COVARIANCES
from xenoglyph.mixture.message_length import CRITERIA
from xenoglyph.mixture.state import Mixture

compiled = pytest.mark.skipif(kernels.sweeps is None, reason="the kernels are not compiled here")


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("name", COVARIANCES)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_length_never_rises_at_a_single_update(name, criterion, missing):
    rows, objective, start = problem(
        3, n=300, d=3, k=6, name=name, criterion=criterion, missing=missing
    )
    x = Mixture(rows, objective, start)
    lengths, ks = [x.length()], [x.k]
    for _ in range(10):
        for m in range(x.k):
            _, deaths = sweep(x, np.array([m]))
            x.drop_dead()
            np.testing.assert_allclose(x.alpha.sum(), 1.0, rtol=1e-14)
            lengths.append(x.length())
            ks.append(x.k)
            if deaths:
                break
    assert len(lengths) > 20
    laws.check_never_rises(lengths, ks, slack=1e-12)


@compiled
@pytest.mark.parametrize("name", COVARIANCES)
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("k_min", [1, 8])
def test_the_compiled_sweep_is_the_one_that_is_defined(name, criterion, k_min):
    rows, objective, start = problem(
        1, n=700, d=3, k=12, name=name, criterion=criterion, k_min=k_min
    )
    ours, theirs = Mixture(rows, objective, start), Mixture(rows, objective, start)
    ended, deaths = converge(theirs, 25, -np.inf)
    wanted, died = _converge(ours, 25, -np.inf, np.arange(ours.k))
    ours.drop_dead()
    assert [e.k for e in ended] == [e.k for e in wanted]
    assert [(d.sweep, d.component) for d in deaths] == [(d.sweep, d.component) for d in died]
    np.testing.assert_allclose(ended, wanted, rtol=1e-8)
    for part in ("alpha", "mu", "C", "penalty"):
        np.testing.assert_allclose(
            getattr(theirs, part), getattr(ours, part), rtol=1e-7, atol=1e-9
        )


@pytest.mark.parametrize("name", COVARIANCES)
def test_totals_do_not_drift(name):
    rows, objective, start = problem(1, name=name)
    x = Mixture(rows, objective, start)
    converge(x, 1000, -np.inf)
    again = Mixture(rows, objective, x.parameters())
    running = x.offset + np.log(x.total)
    np.testing.assert_allclose(running, again.offset + np.log(again.total), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [500, 40_000])
def test_any_number_of_threads_gives_the_same_bits(n):
    sums = set()
    for threads in (1, 2, 3, 4, 8):
        rows, objective, start = problem(2, n=n, d=3, k=8)
        shared = rows_from(rows.Z.T, threads=threads)
        x = Mixture(shared, objective, start)
        converge(x, 5, -np.inf)
        bits = x.mu.tobytes() + x.C.tobytes() + x.alpha.tobytes()
        sums.add(hashlib.sha256(bits).hexdigest())
    assert len(sums) == 1


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
    program = new_weight(count, 0.3, n, k, N, exact=False)
    if own <= 0:
        assert weight == program == 0.0
        return
    np.testing.assert_allclose(program, (own / n) / (1 - 0.3 + own / n), rtol=1e-12)
    if others > 0:
        best = minimize_scalar(
            lambda a: -own * np.log(a) - others * np.log1p(-a), bounds=(0, 1), method="bounded"
        )
        np.testing.assert_allclose(weight, best.x, atol=1e-4)
    else:
        assert 0.3 <= weight < 1.0


def test_the_step_of_the_program_makes_the_message_longer_now_and_then():
    """The reason why the default does not take it."""
    rows, objective, start = problem(0, k=12)
    object.__setattr__(objective, "exact", False)
    x, rises = Mixture(rows, objective, start), []
    for _ in range(40):
        for m in range(x.k):
            before = x.length()
            _, deaths = sweep(x, np.array([m]))
            if deaths:
                x.drop_dead()
                break
            rises.append(x.length() - before)
    assert max(rises) > 1e-6


def test_min_components_holds_against_starving():
    rows, objective, start = problem(5, n=60, d=3, k_min=6)
    x = Mixture(rows, objective, start)
    ended, _ = converge(x, 200, 1e-6)
    assert min(e.k for e in ended) == x.k == 6
    assert (x.alpha > 0).all()


def test_only_the_components_in_the_order_are_updated():
    rows, objective, start = problem(0, k=5)
    x = Mixture(rows, objective, start)
    before = x.mu.copy()
    converge(x, 3, 0.0, np.array([1, 3]))
    moved = (x.mu != before).any(axis=1)
    assert moved.tolist() == [False, True, False, True, False]
