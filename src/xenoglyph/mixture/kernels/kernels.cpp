// The loops of the mixture over rows: plain functions, arrays in and out, no policy.
// numpy_kernels.py holds the same functions in NumPy; its docstrings say what each computes.
//
// Rows are worked in blocks of BLOCK; the sums of the blocks are added in a fixed pairwise
// tree, so that a result does not depend on how the blocks are shared out.
// Data come feature by feature (Z is d x n), so that every inner loop runs along rows and
// the compiler turns it into vector instructions.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;

#ifndef XENOGLYPH_CLONES
#define XENOGLYPH_CLONES
#endif

namespace {

constexpr std::ptrdiff_t BLOCK = 1024;
// A running total that keeps less than this share of the term just taken out of it has
// lost digits by cancellation; such rows are summed afresh.
constexpr double CANCELLATION = 1e-3;
constexpr double TINY = 1e-200, HUGE_TERM = 1e200;

using Vector = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using ConstVector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using ConstMatrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// exp(x) to within two units in the last place: x = n log 2 + r, Taylor's series to r^13, and n
// added to the exponent bits. Written without branches so that it vectorises.
inline __attribute__((always_inline)) double exponential(double x) {
    constexpr double log2e = 1.4426950408889634074, magic = 6755399441055744.0;  // 1.5 * 2^52
    constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    const double clipped = std::min(std::max(x, -708.0), 709.0);
    const double shifted = clipped * log2e + magic;
    const double n = shifted - magic;
    const double r = (clipped - n * ln2_high) - n * ln2_low;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    std::int64_t bits, power;
    std::memcpy(&bits, &p, 8);
    std::memcpy(&power, &shifted, 8);
    bits += static_cast<std::int64_t>(static_cast<std::uint64_t>(power) << 52);
    double result;
    std::memcpy(&result, &bits, 8);
    return x < -708.0 ? 0.0 : result;
}

// difference[j, i] = Z[j, first + i] - mean[j]
inline __attribute__((always_inline)) void centre(const double* Z, std::ptrdiff_t n, std::ptrdiff_t d,
                                                  std::ptrdiff_t first, std::ptrdiff_t rows,
                                                  const double* mean, double* difference) {
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        const double* z = Z + j * n + first;
        double* out = difference + j * BLOCK;
        for (std::ptrdiff_t i = 0; i < rows; ++i) out[i] = z[i] - mean[j];
    }
}

// out[i] = log_norm - |difference[:, i]^T P|^2 / 2, P upper triangular or (diagonal) its diagonal
inline __attribute__((always_inline)) void gaussian(const double* difference, std::ptrdiff_t d,
                                                    std::ptrdiff_t rows, const double* factor,
                                                    bool diagonal, double log_norm, double* y,
                                                    double* out) {
    for (std::ptrdiff_t i = 0; i < rows; ++i) out[i] = 0.0;
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        const double* own = difference + j * BLOCK;
        const double scale = diagonal ? factor[j] : factor[j * d + j];
        for (std::ptrdiff_t i = 0; i < rows; ++i) y[i] = own[i] * scale;
        if (!diagonal)
            for (std::ptrdiff_t l = 0; l < j; ++l) {
                const double p = factor[l * d + j];
                const double* other = difference + l * BLOCK;
                for (std::ptrdiff_t i = 0; i < rows; ++i) y[i] += other[i] * p;
            }
        for (std::ptrdiff_t i = 0; i < rows; ++i) out[i] += y[i] * y[i];
    }
    for (std::ptrdiff_t i = 0; i < rows; ++i) out[i] = log_norm - 0.5 * out[i];
}

inline __attribute__((always_inline)) double dot(const double* a, const double* b,
                                                 std::ptrdiff_t rows) {
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (std::ptrdiff_t i = 0; i < rows; ++i) sum += a[i] * b[i];
    return sum;
}

// Adds the rows of parts (blocks x width) pairwise; the result is in the first row.
void tree_sum(std::vector<double>& parts, std::ptrdiff_t blocks, std::ptrdiff_t width) {
    for (std::ptrdiff_t step = 1; step < blocks; step *= 2)
        for (std::ptrdiff_t b = 0; b + step < blocks; b += 2 * step)
            for (std::ptrdiff_t c = 0; c < width; ++c)
                parts[b * width + c] += parts[(b + step) * width + c];
}

XENOGLYPH_CLONES
void density_block(const double* Z, std::ptrdiff_t n, std::ptrdiff_t d, std::ptrdiff_t first,
                   std::ptrdiff_t rows, const double* mean, const double* factor, bool diagonal,
                   double log_norm, double* scratch, double* out) {
    centre(Z, n, d, first, rows, mean, scratch);
    gaussian(scratch, d, rows, factor, diagonal, log_norm, scratch + d * BLOCK, out);
}

// One block of moments; sums = [sum w, sum w (z - mean), sum w (z - mean)(z - mean)^T (a <= b)]
XENOGLYPH_CLONES
void moments_block(const double* Z, std::ptrdiff_t n, std::ptrdiff_t d, std::ptrdiff_t first,
                   std::ptrdiff_t rows, const double* s, const double* log_u, double log_a,
                   const double* offset, const double* total, const double* mean, bool diagonal,
                   double* scratch, double* sums) {
    double* difference = scratch;
    double* w = scratch + d * BLOCK;
    double* weighted = w + BLOCK;
    for (std::ptrdiff_t i = 0; i < rows; ++i)
        w[i] = s[first + i] * exponential(log_a + log_u[first + i] - offset[first + i]) /
               total[first + i];
    centre(Z, n, d, first, rows, mean, difference);
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (std::ptrdiff_t i = 0; i < rows; ++i) sum += w[i];
    sums[0] = sum;
    double* second = sums + 1 + d;
    for (std::ptrdiff_t a = 0; a < d; ++a) {
        const double* own = difference + a * BLOCK;
        double first_moment = 0.0;
#pragma omp simd reduction(+ : first_moment)
        for (std::ptrdiff_t i = 0; i < rows; ++i) {
            weighted[i] = w[i] * own[i];
            first_moment += weighted[i];
        }
        sums[1 + a] = first_moment;
        const std::ptrdiff_t last = diagonal ? a + 1 : d;
        for (std::ptrdiff_t b = a; b < last; ++b)
            *second++ = dot(weighted, difference + b * BLOCK, rows);
    }
}

// One block of exchange, without the rows that must be summed afresh: those are listed.
XENOGLYPH_CLONES
void exchange_block(const double* log_u_new, double log_a_old, double log_a_new,
                    std::ptrdiff_t rows, double* log_u, const double* offset, double* total,
                    double* fresh, double* suspect) {
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
        const double before = exponential(log_a_old + log_u[i] - offset[i]);
        const double after = exponential(log_a_new + log_u_new[i] - offset[i]);
        const double sum = total[i] - before + after;
        suspect[i] = (sum > CANCELLATION * before) & (sum > TINY) & (after < HUGE_TERM) ? 0.0 : 1.0;
        log_u[i] = log_u_new[i];
        total[i] = sum;
        fresh[i] += after;
    }
}

struct RowSum {
    double offset, total, fresh;
};

// Sums row i over all components: offset = largest term's logarithm, total relative to it,
// fresh the part of the components up to m.
RowSum resum_row(const double* log_u, const double* log_a, std::ptrdiff_t k, std::ptrdiff_t n,
                 std::ptrdiff_t i, std::ptrdiff_t m) {
    RowSum row{-std::numeric_limits<double>::infinity(), 0.0, 0.0};
    for (std::ptrdiff_t j = 0; j < k; ++j)
        row.offset = std::max(row.offset, log_a[j] + log_u[j * n + i]);
    for (std::ptrdiff_t j = 0; j < k; ++j) {
        row.total += std::exp(log_a[j] + log_u[j * n + i] - row.offset);
        if (j == m) row.fresh = row.total;
    }
    return row;
}

std::ptrdiff_t count_blocks(std::ptrdiff_t n) { return (n + BLOCK - 1) / BLOCK; }

void log_density(ConstMatrix Z, ConstVector mean, nb::ndarray<const double, nb::c_contig> factor,
                 double log_norm, Vector out) {
    const std::ptrdiff_t d = Z.shape(0), n = Z.shape(1);
    const bool diagonal = factor.ndim() == 1;
    nb::gil_scoped_release release;
    std::vector<double> scratch((d + 1) * BLOCK);
    for (std::ptrdiff_t first = 0; first < n; first += BLOCK)
        density_block(Z.data(), n, d, first, std::min(BLOCK, n - first), mean.data(), factor.data(),
                      diagonal, log_norm, scratch.data(), out.data() + first);
}

void moments(ConstMatrix Z, ConstVector s, ConstVector log_u, double log_a, ConstVector offset,
             ConstVector total, ConstVector mean, bool diagonal, Vector sums) {
    const std::ptrdiff_t d = Z.shape(0), n = Z.shape(1), width = sums.shape(0);
    nb::gil_scoped_release release;
    const std::ptrdiff_t blocks = count_blocks(n);
    std::vector<double> scratch((d + 2) * BLOCK), parts(blocks * width);
    for (std::ptrdiff_t b = 0; b < blocks; ++b)
        moments_block(Z.data(), n, d, b * BLOCK, std::min(BLOCK, n - b * BLOCK), s.data(),
                      log_u.data(), log_a, offset.data(), total.data(), mean.data(), diagonal,
                      scratch.data(), parts.data() + b * width);
    tree_sum(parts, blocks, width);
    std::copy_n(parts.data(), width, sums.data());
}

void exchange(ConstMatrix Z, ConstVector mean, nb::ndarray<const double, nb::c_contig> factor,
              double log_norm, std::ptrdiff_t m, double log_a_new, Matrix log_u, ConstVector log_a,
              Vector offset, Vector total, Vector fresh) {
    const std::ptrdiff_t d = Z.shape(0), n = Z.shape(1), k = log_u.shape(0);
    const bool diagonal = factor.ndim() == 1;
    nb::gil_scoped_release release;
    std::vector<double> scratch((d + 1) * BLOCK), density(BLOCK), suspect(BLOCK);
    std::vector<double> log_a_after(log_a.data(), log_a.data() + k);
    log_a_after[m] = log_a_new;
    const bool dies = std::isinf(log_a_new);
    for (std::ptrdiff_t first = 0; first < n; first += BLOCK) {
        const std::ptrdiff_t rows = std::min(BLOCK, n - first);
        double* own = log_u.data() + m * n + first;
        if (dies)
            std::copy_n(own, rows, density.data());
        else
            density_block(Z.data(), n, d, first, rows, mean.data(), factor.data(), diagonal,
                          log_norm, scratch.data(), density.data());
        exchange_block(density.data(), log_a.data()[m], log_a_new, rows, own, offset.data() + first,
                       total.data() + first, fresh.data() + first, suspect.data());
        for (std::ptrdiff_t i = 0; i < rows; ++i)
            if (suspect[i] != 0.0) {
                const RowSum row = resum_row(log_u.data(), log_a_after.data(), k, n, first + i, m);
                offset.data()[first + i] = row.offset;
                total.data()[first + i] = row.total;
                fresh.data()[first + i] = row.fresh;
            }
    }
}

void resum(ConstMatrix log_u, ConstVector log_a, Vector offset, Vector total) {
    const std::ptrdiff_t k = log_u.shape(0), n = log_u.shape(1);
    nb::gil_scoped_release release;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const RowSum row = resum_row(log_u.data(), log_a.data(), k, n, i, -1);
        offset.data()[i] = row.offset;
        total.data()[i] = row.total;
    }
}

}  // namespace

NB_MODULE(_kernels, module) {
    module.doc() = "Loops over rows for Gaussian mixtures; see numpy_kernels.py for each function.";
    module.def("log_density", &log_density);
    module.def("moments", &moments);
    module.def("exchange", &exchange);
    module.def("resum", &resum);
}
