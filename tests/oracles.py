"""Slow, obvious versions of what the package computes, from SciPy and the formulas."""

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


def message_length_eq15(X, weights, means, covariances, N):
    """Equation 15 of Figueiredo & Jain (2002), term by term as it is printed."""
    n, k = len(X), len(weights)
    return (
        N / 2 * sum(np.log(n * a / 12) for a in weights)
        + k / 2 * np.log(n / 12)
        + k * (N + 1) / 2
        - log_density(X, weights, means, covariances).sum()
    )


def message_length_program(X, weights, means, covariances, N):
    """The form that the authors' program minimises."""
    n, k = len(X), len(weights)
    return (
        N / 2 * sum(np.log(a) for a in weights)
        + (N / 2 + 1 / 2) * k * np.log(n)
        - log_density(X, weights, means, covariances).sum()
    )
