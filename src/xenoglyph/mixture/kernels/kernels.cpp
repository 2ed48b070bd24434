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

constexpr Index BLOCK = 256, TILE = 4;
// A total that keeps less than this share of the term just taken out of it has lost digits by
// cancellation, and one that is this small or holds a term this large has left its scale; such
// rows are summed afresh.
constexpr double CANCELLATION = 1e-3, TINY = 1e-200, HUGE_TERM = 1e200;
// cem2.LEAST_COUNT
constexpr double LEAST_COUNT = 0.01;
constexpr double INFINITE = std::numeric_limits<double>::infinity();

Index count_blocks(Index n) { return (n + BLOCK - 1) / BLOCK; }

// What the loops over a block write for themselves: so many rows of BLOCK values for each thread,
// on cache lines of their own, since a vector that lies on two takes twice as long.
struct alignas(64) Line {
    double values[8];
};

class Scratch {
   public:
    explicit Scratch(Index d, Index threads = 1)
        : rows_(d + TILE + 2), lines_(threads * rows_ * BLOCK / 8) {}
    double* of(Index thread) { return lines_[thread * rows_ * BLOCK / 8].values; }

   private:
    Index rows_;
    std::vector<Line> lines_;
};

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

// x0 f[0] + ... + x3 f[3], the first COUNT of them
template <int COUNT>
XENOGLYPH_INLINE double product(double x0, double x1, double x2, double x3, const double* f) {
    double sum = x0 * f[0];
    if (COUNT > 1) sum += x1 * f[1];
    if (COUNT > 2) sum += x2 * f[2];
    if (COUNT > 3) sum += x3 * f[3];
    return sum;
}

// y[j, i] (+)= sum over rows l of x of x[l, i] p[l, j], for J rows of y and L of x. The LAST of
// these has the triangle of p, and adds to q[i] the squares of y[:, i] instead of keeping them.
// Tiles of 4 x 4, since with one product for each value fetched a loop waits for memory.
template <int J, int L, bool FIRST, bool LAST>
XENOGLYPH_INLINE void project(const double* x, const double* p, Index stride, Index rows, double* y,
                              double* q) {
    double f0[TILE] = {}, f1[TILE] = {}, f2[TILE] = {}, f3[TILE] = {};
    for (int l = 0; l < L; ++l) {
        f0[l] = p[l * stride];
        if (J > 1) f1[l] = p[l * stride + 1];
        if (J > 2) f2[l] = p[l * stride + 2];
        if (J > 3) f3[l] = p[l * stride + 3];
    }
    const double *x1 = x + BLOCK, *x2 = x + 2 * BLOCK, *x3 = x + 3 * BLOCK;
    double *y1 = y + BLOCK, *y2 = y + 2 * BLOCK, *y3 = y + 3 * BLOCK;
#pragma omp simd
    for (Index i = 0; i < rows; ++i) {
        const double a = x[i], b = L > 1 ? x1[i] : 0.0, c = L > 2 ? x2[i] : 0.0;
        const double e = L > 3 ? x3[i] : 0.0;
        double v0 = product<LAST ? 1 : L>(a, b, c, e, f0);
        double v1 = J > 1 ? product<LAST ? 2 : L>(a, b, c, e, f1) : 0.0;
        double v2 = J > 2 ? product<LAST ? 3 : L>(a, b, c, e, f2) : 0.0;
        double v3 = J > 3 ? product<LAST ? 4 : L>(a, b, c, e, f3) : 0.0;
        if (!FIRST) {
            v0 += y[i];
            if (J > 1) v1 += y1[i];
            if (J > 2) v2 += y2[i];
            if (J > 3) v3 += y3[i];
        }
        if (LAST) {
            q[i] += v0 * v0 + v1 * v1 + v2 * v2 + v3 * v3;
        } else {
            y[i] = v0;
            if (J > 1) y1[i] = v1;
            if (J > 2) y2[i] = v2;
            if (J > 3) y3[i] = v3;
        }
    }
}

// Rows j to j + J of difference^T P: q[i] += their squares.
template <int J>
XENOGLYPH_INLINE void project_rows(const double* x, const double* P, Index d, Index j, Index rows,
                                   double* y, double* q) {
    const double *own = x + j * BLOCK, *p = P + j * d + j;
    if (j == 0) {
        project<J, J, true, true>(own, p, d, rows, y, q);
        return;
    }
    project<J, TILE, true, false>(x, P + j, d, rows, y, q);
    for (Index l = TILE; l < j; l += TILE)
        project<J, TILE, false, false>(x + l * BLOCK, P + l * d + j, d, rows, y, q);
    project<J, J, false, true>(own, p, d, rows, y, q);
}

// out[i] = log_norm - |difference[:, i]^T P|^2 / 2, P upper triangular or (diagonal) its diagonal
XENOGLYPH_INLINE void gaussian(const double* difference, Index d, Index rows, const double* P,
                               bool diagonal, double log_norm, double* y, double* out) {
    std::fill_n(out, rows, 0.0);
    for (Index j = 0; diagonal && j < d; ++j)
        project<1, 1, true, true>(difference + j * BLOCK, P + j, 1, rows, y, out);
    for (Index j = 0; !diagonal && j < d; j += TILE) {
        const Index left = d - j;
        if (left == 1) project_rows<1>(difference, P, d, j, rows, y, out);
        if (left == 2) project_rows<2>(difference, P, d, j, rows, y, out);
        if (left == 3) project_rows<3>(difference, P, d, j, rows, y, out);
        if (left >= TILE) project_rows<TILE>(difference, P, d, j, rows, y, out);
    }
    for (Index i = 0; i < rows; ++i) out[i] = log_norm - 0.5 * out[i];
}

// out[a, b] = sum_i w[i] x[a, i] y[b, i] for A <= 2 rows of x and B <= 4 of y
template <int A, int B>
XENOGLYPH_INLINE void dots(const double* w, const double* x, const double* y, Index rows,
                           double* out) {
    double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0, t0 = 0.0, t1 = 0.0, t2 = 0.0, t3 = 0.0;
#pragma omp simd reduction(+ : s0, s1, s2, s3, t0, t1, t2, t3)
    for (Index i = 0; i < rows; ++i) {
        const double u = w[i] * x[i], v = A > 1 ? w[i] * x[BLOCK + i] : 0.0;
        const double y0 = y[i], y1 = B > 1 ? y[BLOCK + i] : 0.0;
        const double y2 = B > 2 ? y[2 * BLOCK + i] : 0.0, y3 = B > 3 ? y[3 * BLOCK + i] : 0.0;
        s0 += u * y0;
        if (B > 1) s1 += u * y1;
        if (B > 2) s2 += u * y2;
        if (B > 3) s3 += u * y3;
        if (A > 1) t0 += v * y0;
        if (A > 1 && B > 1) t1 += v * y1;
        if (A > 1 && B > 2) t2 += v * y2;
        if (A > 1 && B > 3) t3 += v * y3;
    }
    const double all[2][4] = {{s0, s1, s2, s3}, {t0, t1, t2, t3}};
    for (int a = 0; a < A; ++a) std::copy_n(all[a], B, out + a * TILE);
}

XENOGLYPH_CLONES
void density_block(const double* Z, Index n, Index d, Index first, Index rows, const double* mean,
                   const double* factor, bool diagonal, double log_norm, double* scratch,
                   double* out) {
    centre(Z, n, d, first, rows, mean, scratch);
    gaussian(scratch, d, rows, factor, diagonal, log_norm, scratch + d * BLOCK, out);
}

// sums = [sum w, sum w (z - mean), sum w (z - mean)(z - mean)^T (a <= b)], w = s term / total:
// the upper triangle of sum w x x^T, row by row, where x is 1 and z - mean.
XENOGLYPH_CLONES
void moments_block(const double* Z, Index n, Index d, Index first, Index rows, const double* s,
                   const double* term, const double* total, const double* mean, bool diagonal,
                   double* scratch, double* sums) {
    double *w = scratch, *x = scratch + BLOCK, tile[2 * TILE];
    for (Index i = 0; i < rows; ++i) w[i] = s[i] * term[i] / total[i];
    std::fill_n(x, rows, 1.0);
    centre(Z, n, d, first, rows, mean, x + BLOCK);
    if (diagonal) {
        for (Index j = 0; j <= d; ++j) {
            const double* own = x + j * BLOCK;
            dots<1, 1>(w, x, own, rows, sums + j);
            if (j > 0) dots<1, 1>(w, own, own, rows, sums + d + j);
        }
        return;
    }
    for (Index a = 0; a <= d; a += 2)
        for (Index b = a; b <= d; b += TILE) {
            const double *left = x + a * BLOCK, *right = x + b * BLOCK;
            const Index height = std::min<Index>(2, d + 1 - a), width = std::min(TILE, d + 1 - b);
            if (height == 1) dots<1, 1>(w, left, right, rows, tile);
            if (height == 2 && width == 1) dots<2, 1>(w, left, right, rows, tile);
            if (height == 2 && width == 2) dots<2, 2>(w, left, right, rows, tile);
            if (height == 2 && width == 3) dots<2, 3>(w, left, right, rows, tile);
            if (height == 2 && width == TILE) dots<2, TILE>(w, left, right, rows, tile);
            for (Index r = a; r < a + height; ++r)
                for (Index c = std::max(b, r); c < b + width; ++c)
                    sums[r * (d + 1) - r * (r + 1) / 2 + c] = tile[(r - a) * TILE + c - b];
        }
}

// Puts exp(exponent) in the place of the old term; marks the rows whose total must be summed
// afresh and says whether there are any.
XENOGLYPH_CLONES
bool exchange_block(const double* exponent, const double* offset, Index rows, double* term,
                    double* total, double* suspect) {
    double any = 0.0;
#pragma omp simd reduction(+ : any)
    for (Index i = 0; i < rows; ++i) {
        const double before = term[i], after = exponential(exponent[i] - offset[i]);
        const double sum = total[i] - before + after;
        double doubt = sum > CANCELLATION * before ? 0.0 : 1.0;
        doubt = sum > TINY ? doubt : 1.0;
        doubt = after < HUGE_TERM ? doubt : 1.0;
        suspect[i] = doubt;
        any += doubt;
        term[i] = after;
        total[i] = sum;
    }
    return any > 0.0;
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

// Views of a mixture's arrays, see state.Mixture.
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
void pass(const State& x, Index write, Index read, Team& team, Scratch& scratch,
          std::vector<double>& parts, double* sums) {
    const Index blocks = count_blocks(x.n), width = x.width();
    team.run(blocks, [&](Index b, int thread) {
        double* own = scratch.of(thread);
        const Index first = b * BLOCK, rows = std::min(BLOCK, x.n - first);
        if (write >= 0) {
            double *exponent = own + (x.d + TILE) * BLOCK, *suspect = exponent + BLOCK;
            if (x.alive(write))
                density_block(x.Z, x.n, x.d, first, rows, x.mu + write * x.d,
                              x.factor + write * x.size(), x.diagonal,
                              x.log_a[write] + x.log_norm[write], own, exponent);
            else
                std::fill_n(exponent, rows, -INFINITE);
            const bool any = exchange_block(exponent, x.offset + first, rows,
                                            x.terms[write] + first, x.total + first, suspect);
            for (Index i = 0; any && i < rows; ++i)
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
    Scratch scratch;
    std::vector<double> parts;
    Workspace(const State& x, int threads)
        : team(std::max(1, std::min<int>(threads, static_cast<int>(count_blocks(x.n) / 4)))),
          scratch(x.d, team.size()),
          parts(count_blocks(x.n) * x.width()) {}
};

// ------------------------------------------------------------------------ component-wise EM

// The objective's numbers, see state.Objective.
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
        if (weight == 0.0 && k > o.k_min) {
            deaths.emplace_back(number, m, alpha);
            x.log_a[m] = -INFINITE;
            penalty[m] = 0.0;
            --k;
        } else {
            if (weight == 0.0) weight = std::max(count, 1.0) / (o.n + 1.0);
            if (count > LEAST_COUNT) maximise(x, o, m, sums.data(), scratch.data(), &penalty[m]);
            if (k > 1) x.log_a[m] = log_sum_exp(x, m) + std::log(weight) - std::log1p(-weight);
        }
        pass(x, m, next, work.team, work.scratch, work.parts, sums.data());
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
    Scratch scratch(d);
    for (Index first = 0; first < n; first += BLOCK)
        density_block(Z.data(), n, d, first, std::min(BLOCK, n - first), mean.data(), factor.data(),
                      diagonal, log_norm, scratch.of(0), out.data() + first);
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
    Scratch scratch(d);
    std::vector<double> parts(blocks * width);
    for (Index b = 0; b < blocks; ++b) {
        const Index first = b * BLOCK;
        moments_block(Z.data(), n, d, first, std::min(BLOCK, n - first), s.data() + first,
                      term.data() + first, total.data() + first, mean.data(), diagonal,
                      scratch.of(0), parts.data() + b * width);
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
                              work.scratch.of(thread), term);
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
