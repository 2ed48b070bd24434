// The loops of the mixture over rows, and component-wise EM made of them.
//
// numpy_kernels.py holds the first four functions in NumPy and its docstrings say what each
// computes; `sweeps` is cem2.py's loop over components, compiled. Letters as there.
//
// Rows are worked in blocks of BLOCK; the sums of the blocks are added in a fixed pairwise
// tree, so that a result does not depend on how the blocks are shared out between threads.
// Data come feature by feature (Z is d x n), so that every inner loop runs along rows and
// the compiler turns it into vector instructions.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "team.h"
#include "vector_math.h"

namespace nb = nanobind;

#ifndef XENOGLYPH_CLONES
#define XENOGLYPH_CLONES
#endif

namespace {

using Index = std::ptrdiff_t;
using Vector = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Array = nb::ndarray<double, nb::c_contig, nb::device::cpu>;
using ConstVector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using ConstMatrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using ConstArray = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
using Terms = std::vector<Vector>;

constexpr Index BLOCK = 256;
// A total that keeps less than this share of the term just taken out of it has lost digits by
// cancellation, and one that is this small or holds a term this large has left its scale; such
// rows are summed afresh.
constexpr double CANCELLATION = 1e-3, TINY = 1e-200, HUGE_TERM = 1e200;
constexpr double INFINITE = std::numeric_limits<double>::infinity();

Index count_blocks(Index n) { return (n + BLOCK - 1) / BLOCK; }

// ------------------------------------------------------------------------------- inner loops

// difference[j, i] = Z[j, first + i] - mean[j]
XENOGLYPH_INLINE void centre(const double* Z, Index n, Index d, Index first, Index rows,
                             const double* mean, double* difference) {
    for (Index j = 0; j < d; ++j) {
        const double* z = Z + j * n + first;
        double* out = difference + j * BLOCK;
        for (Index i = 0; i < rows; ++i) out[i] = z[i] - mean[j];
    }
}

// y[i] (+)= sum over `COUNT` rows a of x of x[a, i] p[a]; at the LAST, q[i] += y[i]^2 instead.
// Four products at a time, since a loop with one would wait for memory.
template <int COUNT, bool FIRST, bool LAST>
XENOGLYPH_INLINE void project(const double* x, const double* p, Index stride, Index rows, double* y,
                              double* q) {
    const double p0 = p[0], p1 = COUNT > 1 ? p[stride] : 0.0;
    const double p2 = COUNT > 2 ? p[2 * stride] : 0.0, p3 = COUNT > 3 ? p[3 * stride] : 0.0;
    const double *x1 = x + BLOCK, *x2 = x + 2 * BLOCK, *x3 = x + 3 * BLOCK;
    for (Index i = 0; i < rows; ++i) {
        double value = x[i] * p0;
        if (COUNT > 1) value += x1[i] * p1;
        if (COUNT > 2) value += x2[i] * p2;
        if (COUNT > 3) value += x3[i] * p3;
        if (!FIRST) value += y[i];
        if (LAST)
            q[i] += value * value;
        else
            y[i] = value;
    }
}

template <bool FIRST>
XENOGLYPH_INLINE void project_last(Index count, const double* x, const double* p, Index stride,
                                   Index rows, double* y, double* q) {
    if (count == 1) project<1, FIRST, true>(x, p, stride, rows, y, q);
    if (count == 2) project<2, FIRST, true>(x, p, stride, rows, y, q);
    if (count == 3) project<3, FIRST, true>(x, p, stride, rows, y, q);
    if (count == 4) project<4, FIRST, true>(x, p, stride, rows, y, q);
}

// out[i] = log_norm - |difference[:, i]^T P|^2 / 2, P upper triangular or (diagonal) its diagonal
XENOGLYPH_INLINE void gaussian(const double* difference, Index d, Index rows, const double* factor,
                               bool diagonal, double log_norm, double* y, double* out) {
    for (Index i = 0; i < rows; ++i) out[i] = 0.0;
    for (Index j = 0; j < d; ++j) {
        const double* p = factor + j;
        if (diagonal) {
            project<1, true, true>(difference + j * BLOCK, p, 1, rows, y, out);
        } else if (j < 4) {
            project_last<true>(j + 1, difference, p, d, rows, y, out);
        } else {
            project<4, true, false>(difference, p, d, rows, y, out);
            Index l = 4;
            for (; l + 4 < j + 1; l += 4)
                project<4, false, false>(difference + l * BLOCK, p + l * d, d, rows, y, out);
            project_last<false>(j + 1 - l, difference + l * BLOCK, p + l * d, d, rows, y, out);
        }
    }
    for (Index i = 0; i < rows; ++i) out[i] = log_norm - 0.5 * out[i];
}

// out[c] = sum_i w[i] x[c, i] for COUNT rows c of x
template <int COUNT>
XENOGLYPH_INLINE void dots(const double* w, const double* x, Index rows, double* out) {
    double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0;
    const double *x1 = x + BLOCK, *x2 = x + 2 * BLOCK, *x3 = x + 3 * BLOCK;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
    for (Index i = 0; i < rows; ++i) {
        s0 += w[i] * x[i];
        if (COUNT > 1) s1 += w[i] * x1[i];
        if (COUNT > 2) s2 += w[i] * x2[i];
        if (COUNT > 3) s3 += w[i] * x3[i];
    }
    out[0] = s0;
    if (COUNT > 1) out[1] = s1;
    if (COUNT > 2) out[2] = s2;
    if (COUNT > 3) out[3] = s3;
}

XENOGLYPH_CLONES
void density_block(const double* Z, Index n, Index d, Index first, Index rows, const double* mean,
                   const double* factor, bool diagonal, double log_norm, double* scratch,
                   double* out) {
    centre(Z, n, d, first, rows, mean, scratch);
    gaussian(scratch, d, rows, factor, diagonal, log_norm, scratch + d * BLOCK, out);
}

// sums = [sum w, sum w (z - mean), sum w (z - mean)(z - mean)^T (a <= b)], w = s term / total
XENOGLYPH_CLONES
void moments_block(const double* Z, Index n, Index d, Index first, Index rows, const double* s,
                   const double* term, const double* total, const double* mean, bool diagonal,
                   double* scratch, double* sums) {
    double* w = scratch + d * BLOCK;
    double* weighted = w + BLOCK;
    double count = 0.0;
#pragma omp simd reduction(+ : count)
    for (Index i = 0; i < rows; ++i) {
        w[i] = s[i] * term[i] / total[i];
        count += w[i];
    }
    sums[0] = count;
    centre(Z, n, d, first, rows, mean, scratch);
    double* second = sums + 1 + d;
    for (Index a = 0; a < d; ++a) {
        const double* own = scratch + a * BLOCK;
        double moment = 0.0;
#pragma omp simd reduction(+ : moment)
        for (Index i = 0; i < rows; ++i) {
            weighted[i] = w[i] * own[i];
            moment += weighted[i];
        }
        sums[1 + a] = moment;
        const Index last = diagonal ? a + 1 : d;
        Index b = a;
        for (; b + 4 <= last; b += 4, second += 4)
            dots<4>(weighted, scratch + b * BLOCK, rows, second);
        if (last - b == 1) dots<1>(weighted, scratch + b * BLOCK, rows, second);
        if (last - b == 2) dots<2>(weighted, scratch + b * BLOCK, rows, second);
        if (last - b == 3) dots<3>(weighted, scratch + b * BLOCK, rows, second);
        second += last - b;
    }
}

// Puts exp(exponent) in the place of the old term, without the rows that must be summed afresh:
// those are marked.
XENOGLYPH_CLONES
void exchange_block(const double* exponent, const double* offset, Index rows, double* term,
                    double* total, double* suspect) {
    for (Index i = 0; i < rows; ++i) {
        const double before = term[i], after = exponential(exponent[i] - offset[i]);
        const double sum = total[i] - before + after;
        double doubt = sum > CANCELLATION * before ? 0.0 : 1.0;
        doubt = sum > TINY ? doubt : 1.0;
        doubt = after < HUGE_TERM ? doubt : 1.0;
        suspect[i] = doubt;
        term[i] = after;
        total[i] = sum;
    }
}

XENOGLYPH_CLONES
double log_sum_block(const double* s, const double* offset, const double* total, Index rows) {
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (Index i = 0; i < rows; ++i) sum += s[i] * (offset[i] + natural_log(total[i]));
    return sum;
}

XENOGLYPH_CLONES
void add_block(const double* term, Index rows, double* total) {
    for (Index i = 0; i < rows; ++i) total[i] += term[i];
}

// Adds the rows of parts (blocks x width) pairwise; the result is in the first row.
void tree_sum(std::vector<double>& parts, Index blocks, Index width) {
    for (Index step = 1; step < blocks; step *= 2)
        for (Index b = 0; b + step < blocks; b += 2 * step)
            for (Index c = 0; c < width; ++c) parts[b * width + c] += parts[(b + step) * width + c];
}

// -------------------------------------------------------------------- a mixture and its rows

// Views of a mixture's arrays, see cem2.Mixture.
struct State {
    Index n, d;
    const double *Z, *s;
    std::vector<double*> terms;
    double *offset, *total, *log_a, *mu, *C, *factor, *log_norm;
    bool diagonal;

    Index k() const { return static_cast<Index>(terms.size()); }
    Index width() const { return 1 + d + (diagonal ? d : d * (d + 1) / 2); }
    Index size() const { return diagonal ? d : d * d; }
    bool alive(Index m) const { return log_a[m] > -INFINITE; }
};

State make_state(const ConstMatrix& Z, const ConstVector& s, const Terms& terms,
                 const Vector& offset, const Vector& total, const Vector& log_a, const Matrix& mu,
                 const Array& C, const Array& factor, const Vector& log_norm) {
    State state{static_cast<Index>(Z.shape(1)), static_cast<Index>(Z.shape(0)), Z.data(), s.data(), {},
                offset.data(), total.data(), log_a.data(), mu.data(), C.data(), factor.data(),
                log_norm.data(), factor.ndim() == 2};
    for (const Vector& term : terms) state.terms.push_back(term.data());
    return state;
}

// Row i anew from the parameters: the terms of all components and their total, on a scale on
// which the largest is one.
void rescale_row(const State& x, Index i) {
    std::vector<double> exponent(x.k(), -INFINITE), y(x.d);
    double largest = -INFINITE;
    for (Index m = 0; m < x.k(); ++m) {
        if (!x.alive(m)) continue;
        double square = 0.0;
        const double *mean = x.mu + m * x.d, *P = x.factor + m * x.size();
        for (Index j = 0; j < x.d; ++j) {
            double value = 0.0;
            if (x.diagonal)
                value = (x.Z[j * x.n + i] - mean[j]) * P[j];
            else
                for (Index l = 0; l <= j; ++l) value += (x.Z[l * x.n + i] - mean[l]) * P[l * x.d + j];
            square += value * value;
        }
        exponent[m] = x.log_a[m] + x.log_norm[m] - 0.5 * square;
        largest = std::max(largest, exponent[m]);
    }
    x.offset[i] = largest;
    x.total[i] = 0.0;
    for (Index m = 0; m < x.k(); ++m) {
        x.terms[m][i] = std::exp(exponent[m] - largest);
        x.total[i] += x.terms[m][i];
    }
}

// A row whose running total is in doubt: its terms are added afresh, or made anew where they
// have left their scale.
void mend_row(const State& x, Index i) {
    double sum = 0.0, largest = 0.0;
    for (Index m = 0; m < x.k(); ++m) {
        sum += x.terms[m][i];
        largest = std::max(largest, x.terms[m][i]);
    }
    x.total[i] = sum;
    if (!(sum > TINY && largest < HUGE_TERM)) rescale_row(x, i);
}

// One pass over the rows: component `write` (or none, -1) takes its new parameters, then the
// moments of component `read` (or none) are summed into `sums`, with the new totals.
void pass(const State& x, Index write, Index read, Team& team, std::vector<double>& scratch,
          std::vector<double>& parts, double* sums) {
    const Index blocks = count_blocks(x.n), width = x.width(), room = (x.d + 4) * BLOCK;
    team.run(blocks, [&](Index b, int thread) {
        double* own = scratch.data() + thread * room;
        const Index first = b * BLOCK, rows = std::min(BLOCK, x.n - first);
        if (write >= 0) {
            double *exponent = own + (x.d + 2) * BLOCK, *suspect = exponent + BLOCK;
            if (x.alive(write))
                density_block(x.Z, x.n, x.d, first, rows, x.mu + write * x.d,
                              x.factor + write * x.size(), x.diagonal,
                              x.log_a[write] + x.log_norm[write], own, exponent);
            else
                std::fill_n(exponent, rows, -INFINITE);
            exchange_block(exponent, x.offset + first, rows, x.terms[write] + first,
                           x.total + first, suspect);
            for (Index i = 0; i < rows; ++i)
                if (suspect[i] != 0.0) mend_row(x, first + i);
        }
        if (read >= 0)
            moments_block(x.Z, x.n, x.d, first, rows, x.s + first, x.terms[read] + first,
                          x.total + first, x.mu + read * x.d, x.diagonal, own,
                          parts.data() + b * width);
    });
    if (read >= 0) {
        tree_sum(parts, blocks, width);
        std::copy_n(parts.data(), width, sums);
    }
}

// Totals as the plain sum of the terms, free of what running sums have lost; returns the sum of
// s log(exp(offset) total).
double refresh(const State& x, Team& team, std::vector<double>& parts) {
    const Index blocks = count_blocks(x.n);
    team.run(blocks, [&](Index b, int) {
        const Index first = b * BLOCK, rows = std::min(BLOCK, x.n - first);
        std::fill_n(x.total + first, rows, 0.0);
        for (Index m = 0; m < x.k(); ++m)
            if (x.alive(m)) add_block(x.terms[m] + first, rows, x.total + first);
        parts[b] = log_sum_block(x.s + first, x.offset + first, x.total + first, rows);
    });
    tree_sum(parts, blocks, 1);
    return parts[0];
}

struct Workspace {
    Team team;
    std::vector<double> scratch, parts;
    Workspace(const State& x, int threads)
        : team(std::max(1, std::min<int>(threads, static_cast<int>(count_blocks(x.n) / 4)))),
          scratch(team.size() * (x.d + 4) * BLOCK),
          parts(count_blocks(x.n) * x.width()) {}
};

// ------------------------------------------------------------------------ component-wise EM

// The objective's numbers, see cem2.Objective.
struct Objective {
    bool spherical, shared, exact;
    const double *prior, *rounding;
    double n, N, narrowness, narrowness_shared, fewest;
    Index k_min;
};

// P = L^-T of the Cholesky factor L of C, as an upper triangle; returns sum log P_jj.
double precision_factor(const double* C, Index d, double* L, double* P) {
    double log_det = 0.0;
    for (Index j = 0; j < d; ++j) {
        for (Index i = j; i < d; ++i) {
            double sum = C[i * d + j];
            for (Index l = 0; l < j; ++l) sum -= L[i * d + l] * L[j * d + l];
            if (i == j) {
                // Only rounding can make this smaller than a share of what it started from.
                L[j * d + j] = std::sqrt(std::max(sum, 1e-15 * C[j * d + j]));
                log_det -= std::log(L[j * d + j]);
            } else {
                L[i * d + j] = sum / L[j * d + j];
            }
        }
    }
    std::fill_n(P, d * d, 0.0);
    for (Index j = 0; j < d; ++j) {  // column j of P is row j of L^-1
        P[j * d + j] = 1.0 / L[j * d + j];
        for (Index l = 0; l < j; ++l) {
            double sum = 0.0;
            for (Index a = l; a < j; ++a) sum += L[j * d + a] * P[l * d + a];
            P[l * d + j] = -sum / L[j * d + j];
        }
    }
    return log_det;
}

// tr(A C^-1) / 2 for C^-1 = P P^T
double half_trace(const double* P, const double* A, Index d, bool diagonal) {
    double sum = 0.0;
    for (Index j = 0; j < d; ++j) {
        if (diagonal) {
            sum += P[j] * P[j] * A[j];
            continue;
        }
        for (Index a = 0; a <= j; ++a) {
            double inner = 0.0;
            for (Index b = 0; b <= j; ++b) inner += A[a * d + b] * P[b * d + j];
            sum += P[a * d + j] * inner;
        }
    }
    return 0.5 * sum;
}

// What follows from C: its factor P and the log density at the mean; returns sum log P_jj.
double derive(const double* C, Index d, bool diagonal, const double* rounding, double* scratch,
              double* P, double* log_norm) {
    double log_det = 0.0;
    if (diagonal)
        for (Index j = 0; j < d; ++j) {
            P[j] = 1.0 / std::sqrt(C[j]);
            log_det += std::log(P[j]);
        }
    else
        log_det = precision_factor(C, d, scratch, P);
    constexpr double log_two_pi = 1.8378770664093454836;
    *log_norm = log_det - 0.5 * static_cast<double>(d) * log_two_pi -
                half_trace(P, rounding, d, diagonal);
    return log_det;
}

// Scatter about the new mean, from moments about the old one; both means and counts in `sums`.
void scatter_of(const State& x, const double* sums, double* step, double* scatter) {
    const Index d = x.d;
    const double count = sums[0], *second = sums + 1 + d;
    for (Index j = 0; j < d; ++j) step[j] = sums[1 + j] / count;
    if (x.diagonal)
        for (Index j = 0; j < d; ++j) scatter[j] = second[j] - count * step[j] * step[j];
    else
        for (Index a = 0; a < d; ++a)
            for (Index b = a; b < d; ++b)
                scatter[a * d + b] = scatter[b * d + a] = *second++ - count * step[a] * step[b];
}

// M-step for component m from the sums of its moments; a shared covariance stays as it is.
void maximise(State& x, const Objective& o, Index m, const double* sums, double* scratch,
              double* penalty) {
    const Index d = x.d, size = x.size();
    double *step = scratch, *scatter = scratch + d, *rest = scatter + d * d;
    double *mean = x.mu + m * d, *C = x.C + m * size, *P = x.factor + m * size;
    const double count = sums[0];
    // What only k_min keeps alive may have too few rows for the exact step.
    const double divisor = count > o.narrowness + 1.0 ? count - o.narrowness : 0.5 * count;
    scatter_of(x, sums, step, scatter);
    for (Index j = 0; j < d; ++j) mean[j] += step[j];
    if (o.shared) return;
    double total = 0.0;
    for (Index c = 0; c < size; ++c) {
        C[c] = (scatter[c] + o.prior[c] + count * o.rounding[c]) / divisor;
        total += C[c];
    }
    if (o.spherical) std::fill_n(C, d, total / static_cast<double>(d));
    const double log_det = derive(C, d, x.diagonal, o.rounding, rest, P, x.log_norm + m);
    *penalty = half_trace(P, o.prior, d, x.diagonal) + o.narrowness * log_det;
}

// M-step for means and the shared covariance, all at once, weights as they are.
void maximise_shared(State& x, const Objective& o, Workspace& work, double* penalty) {
    const Index d = x.d, size = x.size();
    std::vector<double> sums(x.width()), step(d), scatter(size), pooled(o.prior, o.prior + size);
    std::vector<double> rest(d * d);
    Index k = 0;
    for (Index m = 0; m < x.k(); ++m) {
        if (!x.alive(m)) continue;
        ++k;
        pass(x, -1, m, work.team, work.scratch, work.parts, sums.data());
        if (sums[0] <= 0.0) continue;
        scatter_of(x, sums.data(), step.data(), scatter.data());
        for (Index j = 0; j < d; ++j) x.mu[m * d + j] += step[j];
        for (Index c = 0; c < size; ++c) pooled[c] += scatter[c];
    }
    const double narrowness = static_cast<double>(k) * o.narrowness + o.narrowness_shared;
    const double divisor = o.n - std::min(narrowness, 0.5 * o.n);
    for (Index c = 0; c < size; ++c) pooled[c] = (pooled[c] + o.n * o.rounding[c]) / divisor;
    bool first = true;
    for (Index m = 0; m < x.k(); ++m) {
        if (!x.alive(m)) continue;
        double* P = x.factor + m * size;
        std::copy_n(pooled.data(), size, x.C + m * size);
        const double log_det =
            derive(pooled.data(), d, x.diagonal, o.rounding, rest.data(), P, x.log_norm + m);
        penalty[m] = o.narrowness * log_det;
        if (first) penalty[m] += half_trace(P, o.prior, d, x.diagonal) + o.narrowness_shared * log_det;
        first = false;
    }
    for (Index m = 0; m < x.k(); ++m)
        if (x.alive(m)) pass(x, m, -1, work.team, work.scratch, work.parts, nullptr);
}

// cem2.new_weight; its docstring says why.
double new_weight(double count, double alpha, double n, Index k, double N, bool exact) {
    if (k == 1) return 1.0;
    const double own = count - 0.5 * N;
    const double others = n - count - 0.5 * N * static_cast<double>(k - 1);
    if (own <= 0.0) return 0.0;
    if (exact && others > 0.0) return own / (own + others);
    const double share = own / n, weight = share / (1.0 - alpha + share);
    return exact ? std::max(alpha, weight) : weight;
}

// log of sum_m exp(log_a[m]), leaving out component `without`
double log_sum_exp(const State& x, Index without) {
    double largest = -INFINITE, sum = 0.0;
    for (Index m = 0; m < x.k(); ++m)
        if (m != without) largest = std::max(largest, x.log_a[m]);
    for (Index m = 0; m < x.k(); ++m)
        if (m != without && x.alive(m)) sum += std::exp(x.log_a[m] - largest);
    return largest + std::log(sum);
}

// How a sweep ended: components alive, log-likelihood, sum of log weights, sum of penalties.
using Ended = std::tuple<Index, double, double, double>;
// A death: sweep (from 0), component, its weight before.
using Death = std::tuple<Index, Index, double>;

// cem2.sweep, compiled.
Ended sweep(State& x, const Objective& o, const std::vector<Index>& order,
            std::vector<double>& penalty, Workspace& work, Index number,
            std::vector<Death>& deaths) {
    std::vector<double> sums(x.width()), scratch(x.d + 2 * x.d * x.d);
    std::vector<Index> living;
    for (const Index m : order)
        if (x.alive(m)) living.push_back(m);
    Index k = 0;
    for (Index m = 0; m < x.k(); ++m) k += x.alive(m);
    if (!living.empty())
        pass(x, -1, living[0], work.team, work.scratch, work.parts, sums.data());
    for (std::size_t position = 0; position < living.size(); ++position) {
        const Index m = living[position];
        const Index next = position + 1 < living.size() ? living[position + 1] : -1;
        const double alpha = std::exp(x.log_a[m] - log_sum_exp(x, -1)), count = sums[0];
        double weight = new_weight(count, alpha, o.n, k, o.N, o.exact);
        if (k > 1 && count <= o.fewest) weight = 0.0;
        bool changes = true;
        if (weight == 0.0 && k > o.k_min) {
            deaths.emplace_back(number, m, alpha);
            x.log_a[m] = -INFINITE;
            penalty[m] = 0.0;
            --k;
        } else if (count > 0.0) {
            if (weight == 0.0) weight = std::max(count, 1.0) / (o.n + 1.0);
            maximise(x, o, m, sums.data(), scratch.data(), &penalty[m]);
            if (k > 1) x.log_a[m] = log_sum_exp(x, m) + std::log(weight) - std::log1p(-weight);
        } else {
            changes = false;
        }
        pass(x, changes ? m : -1, next, work.team, work.scratch, work.parts, sums.data());
    }
    if (o.shared) maximise_shared(x, o, work, penalty.data());
    const double shift = log_sum_exp(x, -1);
    double log_weights = 0.0, penalties = 0.0;
    for (Index m = 0; m < x.k(); ++m)
        if (x.alive(m)) {
            x.log_a[m] -= shift;
            log_weights += x.log_a[m];
            penalties += penalty[m];
        }
    for (Index i = 0; i < x.n; ++i) x.offset[i] -= shift;
    return {k, refresh(x, work.team, work.parts), log_weights, penalties};
}

// ------------------------------------------------------------------------------ the interface

void log_density(ConstMatrix Z, ConstVector mean, ConstArray factor, double log_norm, Vector out) {
    const Index d = Z.shape(0), n = Z.shape(1);
    const bool diagonal = factor.ndim() == 1;
    nb::gil_scoped_release release;
    std::vector<double> scratch((d + 1) * BLOCK);
    for (Index first = 0; first < n; first += BLOCK)
        density_block(Z.data(), n, d, first, std::min(BLOCK, n - first), mean.data(), factor.data(),
                      diagonal, log_norm, scratch.data(), out.data() + first);
}

void prepare(ConstArray C, ConstArray rounding, Array factor, Vector log_norm, Vector log_det) {
    const Index k = C.shape(0), d = C.shape(1), size = C.ndim() == 2 ? d : d * d;
    std::vector<double> scratch(d * d);
    for (Index m = 0; m < k; ++m)
        log_det.data()[m] = derive(C.data() + m * size, d, C.ndim() == 2, rounding.data(),
                                   scratch.data(), factor.data() + m * size, log_norm.data() + m);
}

void exchange(ConstMatrix Z, ConstVector s, Terms terms, Vector offset, Vector total, Vector log_a,
              Matrix mu, Array C, Array factor, Vector log_norm, Index m, int threads) {
    State x = make_state(Z, s, terms, offset, total, log_a, mu, C, factor, log_norm);
    nb::gil_scoped_release release;
    Workspace work(x, threads);
    pass(x, m, -1, work.team, work.scratch, work.parts, nullptr);
}

void moments(ConstMatrix Z, ConstVector s, ConstVector term, ConstVector total, ConstVector mean,
             bool diagonal, Vector sums) {
    const Index d = Z.shape(0), n = Z.shape(1), width = sums.shape(0), blocks = count_blocks(n);
    nb::gil_scoped_release release;
    std::vector<double> scratch((d + 2) * BLOCK), parts(blocks * width);
    for (Index b = 0; b < blocks; ++b) {
        const Index first = b * BLOCK;
        moments_block(Z.data(), n, d, first, std::min(BLOCK, n - first), s.data() + first,
                      term.data() + first, total.data() + first, mean.data(), diagonal,
                      scratch.data(), parts.data() + b * width);
    }
    tree_sum(parts, blocks, width);
    std::copy_n(parts.data(), width, sums.data());
}

double resum(ConstMatrix Z, ConstVector s, Terms terms, Vector offset, Vector total, Vector log_a,
             Matrix mu, Array C, Array factor, Vector log_norm, bool anew, int threads) {
    State x = make_state(Z, s, terms, offset, total, log_a, mu, C, factor, log_norm);
    nb::gil_scoped_release release;
    Workspace work(x, threads);
    if (anew)
        work.team.run(count_blocks(x.n), [&](Index b, int thread) {
            const Index first = b * BLOCK, rows = std::min(BLOCK, x.n - first);
            double* offset_of = x.offset + first;
            std::fill_n(offset_of, rows, -INFINITE);
            // The terms hold their logarithms until the largest of each row is known.
            for (Index m = 0; m < x.k(); ++m) {
                double* term = x.terms[m] + first;
                if (!x.alive(m)) {
                    std::fill_n(term, rows, -INFINITE);
                    continue;
                }
                density_block(x.Z, x.n, x.d, first, rows, x.mu + m * x.d, x.factor + m * x.size(),
                              x.diagonal, x.log_a[m] + x.log_norm[m],
                              work.scratch.data() + thread * (x.d + 4) * BLOCK, term);
                for (Index i = 0; i < rows; ++i) offset_of[i] = std::max(offset_of[i], term[i]);
            }
            for (Index m = 0; m < x.k(); ++m) {
                double* term = x.terms[m] + first;
                for (Index i = 0; i < rows; ++i) term[i] = exponential(term[i] - offset_of[i]);
            }
        });
    return refresh(x, work.team, work.parts);
}

std::tuple<std::vector<Ended>, std::vector<Death>> sweeps(
    ConstMatrix Z, ConstVector s, Terms terms, Vector offset, Vector total, Vector log_a, Matrix mu,
    Array C, Array factor, Vector log_norm, Vector penalty, ConstArray prior, ConstArray rounding,
    bool spherical, bool shared, bool exact, double n, double N, double narrowness, double narrowness_shared,
    double fewest, Index k_min, std::vector<Index> order, Index most, double before, double enough,
    int threads) {
    State x = make_state(Z, s, terms, offset, total, log_a, mu, C, factor, log_norm);
    const Objective objective{spherical, shared, exact, prior.data(), rounding.data(), n, N,
                              narrowness, narrowness_shared, fewest, k_min};
    nb::gil_scoped_release release;
    Workspace work(x, threads);
    std::vector<double> penalties(penalty.data(), penalty.data() + x.k());
    std::vector<Ended> history;
    std::vector<Death> deaths;
    Index k_before = 0;
    for (Index m = 0; m < x.k(); ++m) k_before += x.alive(m);
    for (Index number = 0; number < most; ++number) {
        const Ended end = sweep(x, objective, order, penalties, work, number, deaths);
        history.push_back(end);
        const auto [k, log_likelihood, log_weights, priced] = end;
        const double length = 0.5 * N * log_weights + priced - log_likelihood;
        if (k == k_before && before - length < enough) break;
        before = length;
        k_before = k;
    }
    std::copy(penalties.begin(), penalties.end(), penalty.data());
    return {history, deaths};
}

}  // namespace

NB_MODULE(_kernels, module) {
    module.doc() = "Loops over rows for Gaussian mixtures; see numpy_kernels.py and cem2.py.";
    module.def("log_density", &log_density);
    module.def("prepare", &prepare);
    module.def("exchange", &exchange);
    module.def("moments", &moments);
    module.def("resum", &resum);
    module.def("sweeps", &sweeps);
}
