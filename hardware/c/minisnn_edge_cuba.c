/* CubaLIF in Loihi's words (Davies et al. 2018), which the Python chip has neuron for neuron. At every step, events spread their
   weights into V; then, with tr(x, f) = sign(x) (|x| f >> 12),

     a = (2 V + 2 b_t) 2^exponent                         b_t: the bias, whole, and one more as its 16ths say
     u = wrap24(tr(u, U) + 64 a)                          the current
     v = clip24(tr(v, W) + u),  s = v > 64 vth            the membrane, zero after a spike

   and the readout's presynaptic traces, of `trace_bits`, rounded with noise of their own,

     q = (B q + (4096 - B) 2^trace_bits s + noise) >> 12  p = (A p + (4096 - A) q + noise) >> 12      p reads the new q

   Mean pooling hands on how many of four neurons spike; the mean's quarter is in the units of what follows. */
#include "minisnn_edge_neuron.h"

enum { STATE = 1 << 23 };

static int model_fits(const edge_model *m)
{
    return in(m->traces, EDGE_FLOOR, EDGE_STOCHASTIC) && in(m->trace_bits, 1, 12) && in(m->current, 0, 4095) && in(m->voltage, 0, 4095);
}

/* Whether no sum leaves 32 bits. A current beyond 24 bits is wrapped once, as on the chip: so it may grow while more arrives. */
static int layer_fits(const edge_model *m, const edge_layer *l)
{
    int64_t arrives, current = STATE;
    int32_t c, most = 0;
    if (!in(l->exponent, -8, 7) || !in(l->threshold, 1, (1 << 17) - 1)) return 0;
    for (c = 0; c < 4 * (int32_t)fours(l); c++)
        if (!in(l->bias[c], -(1 << 24), 1 << 24)) return 0;
        else if ((l->bias[c] < 0 ? -l->bias[c] : l->bias[c]) > most) most = l->bias[c] < 0 ? -l->bias[c] : l->bias[c];
    arrives = 2 * (most_of_sum(m, l) + (most >> 4) + 1);
    if (arrives > INT32_MAX >> (l->exponent > 0 ? l->exponent : 0)) return 0;
    arrives = 64 * ((l->exponent < 0 ? arrives >> -l->exponent : arrives << l->exponent) + 1);
    if (arrives > 2 * STATE) current += (arrives - 2 * STATE) * UNITY / (UNITY - m->current) + 1;
    return current + arrives + STATE <= INT32_MAX;
}

static inline int32_t decayed(int32_t x, int32_t factor)
{
    const int32_t sign = x >> 31;
    const uint32_t size = (uint32_t)((x ^ sign) - sign);
#if defined(__SSE4_1__) || defined(__ARM_NEON) || defined(__wasm_simd128__)     /* where vectors multiply 32 bits by 32 into 32 */
    const uint32_t less = (size >> 12) * (uint32_t)factor + ((size & 4095) * (uint32_t)factor >> 12);
#else
    const uint32_t less = (uint32_t)((uint64_t)size * ((uint32_t)factor << 20) >> 32);
#endif
    return ((int32_t)less ^ sign) - sign;
}

APART static uint32_t step(const edge_model *m, const edge_layer *l, uint32_t t, const int32_t *restrict V, uint32_t *state,
                           int32_t *restrict spikes)
{
    const uint32_t n = 4 * fours(l);
    const int32_t U = m->current, W = m->voltage, vth = l->threshold * 64, *restrict bias = l->bias;
    const int32_t left = 1 << (l->exponent > 0 ? l->exponent : 0), right = l->exponent < 0 ? -l->exponent : 0;
    int32_t *restrict u = (int32_t *)state, *restrict v = u + n;
    int32_t bit = 3, more = 1;                                          /* of the 16ths: every 2nd, 4th, 8th and 16th step has one */
    uint32_t c, clipped = 0;
    for (; t & 1 && bit >= 0; t >>= 1) bit--;
    if (bit < 0) bit = more = 0;
    for (c = 0; c < n; c++) {
        const int32_t a = 2 * (V[c] + (bias[c] >> 4) + (bias[c] >> bit & more)) * left >> right;
        const int32_t wide = decayed(u[c], U) + a * 64;
        const int32_t current = wide > STATE ? wide - 2 * STATE : wide <= -STATE ? wide + 2 * STATE : wide;
        const int32_t free = current + decayed(v[c], W), x = free < 1 - STATE ? 1 - STATE : free > STATE - 1 ? STATE - 1 : free;
        u[c] = current;
        clipped += (uint32_t)(wide != current) + (uint32_t)(free != x);
        spikes[c] = x > vth;
        v[c] = x > vth ? 0 : x;
    }
    return clipped;
}

static void traces(const edge_model *m, uint32_t *traces, const uint32_t *spikes, edge_noise *noise)
{
    const edge_layer *l = last(m);
    const uint32_t row = columns_out(l) * (uint32_t)l->outputs, width = plane_out(l), count = planes_out(m, l);
    const int32_t A = m->alpha, B = m->beta;
    uint32_t y, i, k, x = noise->q, z = noise->p;
    for (y = 0; y < rows_out(l); y++, traces += row, spikes += count * width)
        for (i = 0; i < row; i++) {
            int32_t p = (int32_t)(traces[i] & 0xFFFF), q = (int32_t)(traces[i] >> 16), s = 0;
            for (k = 0; k < count; k++) s |= (int32_t)(spikes[k * width + i / 32] >> i % 32 & 1) << k;
            x = xorshift32(x), z = xorshift32(xorshift32(z));           /* each synapse has a number for q, then one for p */
            q = (int32_t)shift(B * q + (UNITY - B) * (s << m->trace_bits), 12, m->traces, x >> 20);
            p = (int32_t)shift(A * p + (UNITY - A) * q, 12, m->traces, z >> 20);
            x = xorshift32(x);
            traces[i] = (uint32_t)p | (uint32_t)q << 16;
        }
    noise->q = x, noise->p = z;
}

const edge_neuron edge_cuba = {1, 0, 8, model_fits, layer_fits, step, traces};
