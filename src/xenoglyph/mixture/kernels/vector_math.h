// Elementary functions without branches, so that loops over them become vector instructions.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#define XENOGLYPH_INLINE inline __attribute__((always_inline))

// exp(x) to within two units in the last place; 0 below -600, lest products of the result become
// subnormal, which is slow. x = n log 2 + r, Taylor's series to r^13, and n added to the exponent
// bits.
XENOGLYPH_INLINE double exponential(double x) {
    constexpr double log2e = 1.4426950408889634074, magic = 6755399441055744.0;  // 1.5 * 2^52
    constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    const double clipped = std::min(std::max(x, -600.0), 709.0);
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
    return x < -600.0 ? 0.0 : result;
}

// log(x) for positive normal x, to within two units in the last place of max(|log x|, 1).
// x = 2^e m with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh((m - 1) / (m + 1)) by its series.
XENOGLYPH_INLINE double natural_log(double x) {
    constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    constexpr double magic = 6755399441055744.0;
    constexpr std::int64_t root_half = 0x3FE6A09E667F3BCD;
    std::int64_t bits;
    std::memcpy(&bits, &x, 8);
    // The exponent, by way of an integer small enough to be read off a double's low bits.
    const std::uint64_t above = static_cast<std::uint64_t>(bits - root_half) >> 52;
    const std::int64_t e = static_cast<std::int64_t>((above ^ 0x800) - 0x800);
    const std::int64_t m_bits = bits - static_cast<std::int64_t>(static_cast<std::uint64_t>(e) << 52);
    double m, e_double;
    std::memcpy(&m, &m_bits, 8);
    std::int64_t magic_bits;
    std::memcpy(&magic_bits, &magic, 8);
    magic_bits += e;
    std::memcpy(&e_double, &magic_bits, 8);
    e_double -= magic;
    const double f = (m - 1.0) / (m + 1.0), g = f * f;
    double p = 1.0 / 21.0;
    p = p * g + 1.0 / 19.0;
    p = p * g + 1.0 / 17.0;
    p = p * g + 1.0 / 15.0;
    p = p * g + 1.0 / 13.0;
    p = p * g + 1.0 / 11.0;
    p = p * g + 1.0 / 9.0;
    p = p * g + 1.0 / 7.0;
    p = p * g + 1.0 / 5.0;
    p = p * g + 1.0 / 3.0;
    return e_double * ln2_high + (2.0 * f + (2.0 * f * g * p + e_double * ln2_low));
}
