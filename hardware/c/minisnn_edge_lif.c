/* The first neuron, LIF (Stewart & Neftci 2022, Eq. 4, 5). At every step, events spread their weights into V; then

     u = sat16(shift(P + bias) - ((rho r) >> 12))         r = (G r + (4096 - G) 4096 s) >> 12,  s = u >= threshold
     P = (A P + (4096 - A) Q) >> 12                       Q = (B Q + (4096 - B) (V << F)) >> 12       P reads the old Q

   and the readout's presynaptic traces, which it needs to learn,

     p = (A p + (4096 - A) q) >> 12                       q = (B q + (4096 - B) 4096 s) >> 12         p reads the old q

   so that a spike reaches u two steps later. */
#include "minisnn_edge_neuron.h"

#if defined(__ARM_FEATURE_SAT)
#include <arm_acle.h>
#endif

#ifndef EDGE_SHORT
/* (a x + (4096 - a) y + addend) >> 12 of any 32-bit x and y; addend is plus where the sum is >= 0, else minus. */
static inline int32_t mix(int32_t x, int32_t y, int32_t a, int32_t plus, int32_t minus)
{
#if defined(__SSE4_1__) || defined(__ARM_NEON) || defined(__wasm_simd128__)     /* where vectors multiply 32 bits by 32 into 32 */
    int32_t high = a * (x >> 12) + (UNITY - a) * (y >> 12), low = a * (x & 4095) + (UNITY - a) * (y & 4095);
    return high + ((low + (high + (low >> 12) < 0 ? minus : plus)) >> 12);
#else
    int64_t sum = (int64_t)a * x + (int64_t)(UNITY - a) * y;
    return (int32_t)((sum + (sum < 0 ? minus : plus)) >> 12);
#endif
}
#endif

static uint32_t trace(uint32_t x, uint32_t y, int32_t a, uint32_t addend)       /* the same of presynaptic traces, 0 .. 4096 */
{
    return ((uint32_t)a * x + (uint32_t)(UNITY - a) * y + addend) >> 12;
}

/* From the exponent of P to the 10 fraction bits of u. */
static int32_t right_of(const edge_model *m, const edge_layer *l) { return m->fraction - l->exponent - 10; }

#ifdef EDGE_SHORT
/* Fraction bits of P and Q in 16 bits: in their last place a 4096th of what u counts in units. */
static int32_t short_fraction(const edge_model *m, const edge_layer *l) { return clip(12 + l->exponent, 0, m->fraction); }
#endif

/* The most that V << F can come to, whatever the weights and the events. */
static int64_t reach(const edge_model *m, const edge_layer *l) { return most_of_sum(m, l) * ((int64_t)1 << m->fraction); }

static int model_fits(const edge_model *m) { return in(m->traces, EDGE_FLOOR, EDGE_NEAREST) && m->trace_bits == 12; }

static int layer_fits(const edge_model *m, const edge_layer *l)
{
    int64_t most;
    int32_t room, c;
    if (!in(l->exponent, -64, 64) || !in(right_of(m, l), -SHIFT, SHIFT)) return 0;
    most = reach(m, l);
    if (most > INT32_MAX) return 0;
    room = INT32_MAX - (int32_t)most;
#ifdef EDGE_SHORT
    if (m->fraction - short_fraction(m, l) > 14 || m->beta <= 2048) return 0;
    if (most > 1 << 30) return 0;
    if (room > 1 << 30) room = 1 << 30;
#endif
    for (c = 0; c < 4 * (int32_t)fours(l); c++)
        if (!in(l->bias[c], -room, room)) return 0;
    return 1;
}

/* From the exponent of P + bias to u's, in 32 bits: a left shift of what is clipped to `most` (beyond, u is clipped anyway, before the
   reset or after), or a right shift that rounds: with `below` added to what is below zero, or with the bit that was lost added. */
typedef struct { int32_t plain, left, most, right, below, half, one; } scale;

static scale scale_of(const edge_model *m, const edge_layer *l)
{
    const int32_t k = right_of(m, l), left = clip(-(int64_t)k, 0, 17);
    scale s = {0, left, (1 << 17) >> left, k > 0 ? k : 0, 0, 31, 0};
    if (m->membrane == EDGE_ZERO) s.below = (int32_t)((1u << s.right) - 1);
    if (m->membrane == EDGE_NEAREST && k > 0) s.half = k - 1, s.one = 1;
    s.plain = k > 0 && m->membrane == EDGE_FLOOR;
    return s;
}

static inline int32_t scaled(scale s, int32_t x)
{
    if (!s.right) return (x < -s.most ? -s.most : x > s.most ? s.most : x) * (1 << s.left);
    return ((x + ((x >> 31) & s.below)) >> s.right) + ((x >> s.half) & s.one);
}

#if defined(__ARM_FEATURE_SAT)
static inline int32_t sat16(int32_t x) { return __ssat(x, 16); }
#else
static inline int32_t sat16(int32_t x) { return x < -32768 ? -32768 : x > 32767 ? 32767 : x; }
#endif

/* u and the next r of P + bias; `clipped` counts u that met the end of their word. */
static inline int32_t fire(const edge_model *m, int32_t current, int32_t *r, uint32_t *clipped)
{
    const int32_t x = current - ((m->rho * *r) >> 12), u = sat16(x);
    *clipped += u != x;
    *r = (m->gamma * *r + (u >= m->threshold ? (UNITY - m->gamma) << 12 : 0)) >> 12;
    return u;
}

/* One step of the neurons of one site, n = 4 fours(l), one of every channel: u of the state as it stands, then the state takes V.
   Returns how many u were clipped. */
#ifndef EDGE_SHORT
APART static uint32_t step(const edge_model *m, const edge_layer *l, uint32_t t, const int32_t *restrict V, uint32_t *state,
                           int32_t *restrict u)
{
    const edge_model fixed = *m;
    const uint32_t n = 4 * fours(l);
    const int32_t *restrict bias = l->bias;
    int32_t *restrict P = (int32_t *)state, *restrict Q = P + n, *restrict r = Q + n;
    const scale s = scale_of(m, l);
    uint32_t c, clipped = 0;
    (void)t;
    if (s.plain)
        for (c = 0; c < n; c++) u[c] = fire(&fixed, (P[c] + bias[c]) >> s.right, r + c, &clipped);
    else
        for (c = 0; c < n; c++) u[c] = fire(&fixed, scaled(s, P[c] + bias[c]), r + c, &clipped);
    for (c = (uint32_t)l->outputs; c < n; c++) r[c] = 0;                /* what only fills up is never clipped */
    if (m->traces == EDGE_FLOOR && m->alpha > 2048 && m->beta > 2048 && reach(m, l) < 1 << 30) {
        /* x + (((4096 - a) (y - x)) >> 12), the same number, by the upper half of one product of 32 bits by 32 */
        const int32_t A = (UNITY - m->alpha) * (1 << 20), B = (UNITY - m->beta) * (1 << 20), unit = 1 << m->fraction;
        for (c = 0; c < n; c++) {
            const int32_t p = P[c], q = Q[c];
            P[c] = p + (int32_t)((int64_t)(q - p) * A >> 32);
            Q[c] = q + (int32_t)((int64_t)(V[c] * unit - q) * B >> 32);
        }
    } else {
        const int32_t plus = m->traces == EDGE_NEAREST ? 2048 : 0, minus = m->traces == EDGE_FLOOR ? 0 : plus ? 2048 : 4095;
        for (c = 0; c < n; c++) {
            P[c] = mix(P[c], Q[c], m->alpha, plus, minus);
            Q[c] = mix(Q[c], V[c] * (1 << m->fraction), m->beta, plus, minus);
        }
    }
    return clipped;
}
#else
/* P and Q in 16 bits, rounded to nearest and saturating, in one word; two r in another. */
static inline int32_t low(uint32_t word) { return (int32_t)((word & 0xFFFF) ^ 0x8000) - 0x8000; }
static inline int32_t high(uint32_t word) { return (int32_t)((word >> 16) ^ 0x8000) - 0x8000; }

APART static uint32_t step(const edge_model *m, const edge_layer *l, uint32_t t, const int32_t *restrict V, uint32_t *state,
                           int32_t *restrict u)
{
    const edge_model fixed = *m;
    const int32_t A = UNITY - m->alpha, B = (UNITY - m->beta) * (1 << 20), fraction = short_fraction(m, l);
    const int32_t up = m->fraction - fraction, unit = 1 << fraction;
    const scale s = scale_of(m, l);
    const uint32_t n = 4 * fours(l);
    const int32_t *restrict bias = l->bias;
    uint32_t *restrict PQ = state, *restrict R = state + n;
    uint32_t c, clipped = 0;
    (void)t;
    for (c = 0; c < n; c += 2) {
        int32_t even = (int32_t)(R[c / 2] & 0xFFFF), odd = (int32_t)(R[c / 2] >> 16);
        const int32_t one = low(PQ[c]) * (1 << up) + bias[c], two = low(PQ[c + 1]) * (1 << up) + bias[c + 1];
        u[c] = fire(&fixed, s.plain ? one >> s.right : scaled(s, one), &even, &clipped);
        u[c + 1] = fire(&fixed, s.plain ? two >> s.right : scaled(s, two), &odd, &clipped);
        R[c / 2] = (uint32_t)even | (uint32_t)odd << 16;
    }
    for (c = (uint32_t)l->outputs; c < n; c++) R[c / 2] &= c % 2 ? 0xFFFFu : 0xFFFF0000u;       /* what only fills up is never clipped */
    for (c = 0; c < n; c++) {
        const int32_t p = low(PQ[c]), q = high(PQ[c]);
        const int32_t next = sat16(q + (int32_t)(((int64_t)(V[c] * unit - q) * B + ((int64_t)1 << 31)) >> 32));
        PQ[c] = ((uint32_t)(p + ((A * (q - p) + 2048) >> 12)) & 0xFFFF) | (uint32_t)next << 16;
    }
    return clipped;
}
#endif

static uint32_t advance(const edge_model *m, uint32_t pq, int s)
{
    const uint32_t addend = m->traces == EDGE_NEAREST ? 2048 : 0, p = pq & 0xFFFF, q = pq >> 16;
    return trace(p, q, m->alpha, addend) | trace(q, s ? UNITY : 0, m->beta, addend) << 16;
}

static void traces(const edge_model *m, uint32_t *traces, const uint32_t *spikes, edge_noise *noise)
{
    const edge_layer *l = last(m);
    const uint32_t row = columns_out(l) * (uint32_t)l->outputs;
    uint32_t y, i;
    (void)noise;
    for (y = 0; y < rows_out(l); y++, traces += row, spikes += plane_out(l))
        for (i = 0; i < row; i++) {
            const int s = spikes[i / 32] >> i % 32 & 1;
            if (s || traces[i]) traces[i] = advance(m, traces[i], s);
        }
}

#ifdef EDGE_SHORT
const edge_neuron edge_lif = {0, 1, 6, model_fits, layer_fits, step, traces};
#else
const edge_neuron edge_lif = {0, 1, 12, model_fits, layer_fits, step, traces};
#endif
