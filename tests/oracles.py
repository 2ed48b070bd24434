"""Slow, obvious versions of what the package computes, from SciPy and the formulas."""

from math import factorial

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal


def log_terms(X, weights, means, covariances):
    """log alpha_m + log p(x_i | m), shape (n, k)."""
    parts = [
        np.log(w) + multivariate_normal(m, C).logpdf(X).reshape(len(X))
        for w, m, C in zip(weights, means, covariances, strict=True)
    ]
    return np.stack(parts, axis=1)


def log_density(X, weights, means, covariances):
    """log p(x_i), shape (n,)."""
    return logsumexp(log_terms(X, weights, means, covariances), axis=1)


def posterior(X, weights, means, covariances):
    """p(m | x_i), shape (n, k)."""
    terms = log_terms(X, weights, means, covariances)
    return np.exp(terms - logsumexp(terms, axis=1, keepdims=True))


def message_length(criterion, X, weights, means, covariances, N, N_shared, structure):
    """Each criterion as its definition prints it, nothing factored out."""
    n, k, d = len(X), len(weights), X.shape[1]
    data = -log_density(X, weights, means, covariances).sum()
    if criterion == "eq15":  # Figueiredo & Jain (2002), equation 15, term by term
        model = N / 2 * sum(np.log(n * a / 12) for a in weights) + k / 2 * np.log(n / 12)
        return model + k * (N + 1) / 2 + N_shared / 2 * (np.log(n / 12) + 1) + data
    if criterion == "program":
        model = N / 2 * sum(np.log(a) for a in weights) + (N / 2 + 1 / 2) * k * np.log(n)
        return model + N_shared / 2 * np.log(n) + data
    rate = np.log(n + 75) - 2.1
    model = N / 2 * sum(np.log(a) for a in weights) + (k * (N + 1) + N_shared) / 2 * rate
    S = whole = np.atleast_2d(np.cov(X.T, bias=True))
    if structure in ("diag", "tied_diag", "spherical"):
        S = np.diag(np.diagonal(S))
    log_det = [np.linalg.slogdet(C)[1] for C in covariances]
    model -= 1 / 2 * sum(np.array(log_det) - np.linalg.slogdet(whole)[1])
    narrow = np.array(log_det) - np.linalg.slogdet(S)[1]
    powers = {"full": d + 2, "diag": 3, "spherical": 1 + 2 / d, "tied": 1, "tied_diag": 1}
    model -= (powers[structure] - 1) / 2 * sum(narrow)
    model -= {"tied": d + 1, "tied_diag": 2}.get(structure, 0) / 2 * narrow[0]
    return model - np.log(float(factorial(k))) + data
