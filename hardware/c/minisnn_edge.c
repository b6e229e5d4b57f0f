/* Inference and learning of the integer network; the interface and the builds are told in minisnn_edge.h.

   At every step, events spread their weights into V; then, for every neuron of a conv layer,

     u = sat16(shift(P + bias) - ((rho r) >> 12))         r = (G r + (4096 - G) 4096 s) >> 12,  s = u >= threshold
     P = (A P + (4096 - A) Q) >> 12                       Q = (B Q + (4096 - B) (V << F)) >> 12       P reads the old Q

   and for the readout, which needs its presynaptic traces to learn,

     u = sat16(shift(sum w p + bias) - ((rho r) >> 12))   p = (A p + (4096 - A) q) >> 12,  q = (B q + (4096 - B) 4096 s) >> 12

   V is gathered, not scattered: the spikes in a neuron's window are listed once, and their rows of weights are summed for all
   output channels. Four weights a, b, c, d lie in a word, 128 added to each, lowest first; sums of w & 0x00FF00FF hold those of a
   and c in 16 bits each, sums of w >> 8 those of b + 2^8 c + 2^16 d, so that four additions cost two, and no byte order is met
   with; 256 rows fit before the sums are handed on (256 x 255 (1 + 2^8 + 2^16) < 2^32). */
#include "minisnn_edge.h"

#include <string.h>
#if defined(__ARM_FEATURE_SAT)
#include <arm_acle.h>
#endif

typedef char edge_shifts_are_arithmetic[(-1 >> 1) == -1 ? 1 : -1];

enum { LIST = 256, PLANES = 3, UNITY = 4096 };
static const uint32_t EVEN = 0x00FF00FFu;

#if defined(__GNUC__) && (defined(__SSE2__) || defined(__ARM_NEON) || defined(__wasm_simd128__))
#define EDGE_VECTORS                    /* of GCC and clang, where the machine has some; the same numbers without */
typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));
#endif

#if defined(__GNUC__)
#define APART __attribute__((noinline))         /* merged into one function, the inner loops run out of registers */
#define LOWEST_BIT(x) ((uint32_t)__builtin_ctz(x))
#else
#define APART
static uint32_t LOWEST_BIT(uint32_t x)
{
    uint32_t n = 0;
    for (; !(x & 1); x >>= 1) n++;
    return n;
}
#endif

/* ---- numbers */

static int32_t clip(int64_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : (int32_t)x; }

static int64_t shift(int64_t x, int32_t k, int32_t mode, uint32_t noise)
{
    if (k <= 0) return x * ((int64_t)1 << -k);
    if (mode == EDGE_ZERO) return x < 0 ? -(-x >> k) : x >> k;
    return (x + (mode == EDGE_NEAREST ? (int64_t)1 << (k - 1) : mode == EDGE_STOCHASTIC ? (int64_t)noise : 0)) >> k;
}

static uint32_t xorshift32(uint32_t x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}

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

/* ---- how large everything is */

static uint32_t words_of(uint32_t bits) { return (bits + 31) / 32; }
static uint32_t fours(const edge_layer *l) { return ((uint32_t)l->outputs + 3) / 4; }
static uint32_t rows_in(const edge_layer *l) { return (uint32_t)l->height; }
static uint32_t rows_out(const edge_layer *l) { return (uint32_t)(l->pool ? l->height / 2 : l->height); }
static uint32_t columns_out(const edge_layer *l) { return (uint32_t)(l->pool ? l->width / 2 : l->width); }
static uint32_t row_out(const edge_layer *l) { return words_of(columns_out(l) * (uint32_t)l->outputs); }
static uint32_t planes(const edge_model *m, const edge_layer *l) { return l == m->layer ? PLANES : 1; }
static uint32_t plane(const edge_layer *l) { return words_of((uint32_t)(l->width * l->inputs)); }
static uint32_t row_in(const edge_model *m, const edge_layer *l) { return planes(m, l) * plane(l); }
static uint32_t window_of(const edge_layer *l) { return l->pool ? 4 : 1; }     /* neurons a channel behind one site of the output */
static const edge_layer *last(const edge_model *m) { return m->layer + m->layers - 1; }
static uint32_t features(const edge_model *m) { return rows_out(last(m)) * row_out(last(m)); }

static uint32_t state_of(const edge_layer *l)          /* words of one neuron of every channel: P, Q, r */
{
#ifdef EDGE_SHORT
    return 6 * fours(l);
#else
    return 12 * fours(l);
#endif
}

/* From the exponent of P to the 10 fraction bits of u; of the readout's accumulator likewise. */
static int32_t right_of(const edge_model *m, const edge_layer *l) { return m->fraction - l->exponent - 10; }

#ifdef EDGE_SHORT
/* Fraction bits of P and Q in 16 bits: in their last place a 4096th of what u counts in units. */
static int32_t short_fraction(const edge_model *m, const edge_layer *l) { return clip(12 + l->exponent, 0, m->fraction); }
#endif

static int in(int32_t x, int32_t low, int32_t high) { return low <= x && x <= high; }

/* The most that V << F can come to, whatever the weights and the events. */
static int64_t reach(const edge_model *m, const edge_layer *l)
{
    const int64_t inputs = (int64_t)(l->kernel * l->kernel) * l->inputs * (l == m->layer ? EDGE_MOST_COUNT : 1);
    return inputs * ((int64_t)1 << (m->weight_bits - 1 + m->fraction));
}

static int layer_fits(const edge_model *m, const edge_layer *l)
{
    const edge_layer *before = l == m->layer ? NULL : l - 1;
    int64_t most;
    int32_t room, c;
    if (!l->weight || !l->bias || !in(l->pool, EDGE_NO_POOL, EDGE_MEAN) || !in(l->kernel, 1, 15) || l->kernel % 2 == 0) return 0;
    if (!in(l->height, l->pool ? 2 : 1, 256) || !in(l->width, l->pool ? 2 : 1, 256)) return 0;
    if (!in(l->inputs, 1, 4096) || !in(l->outputs, 1, 4096) || !in(l->exponent, -64, 64) || !in(right_of(m, l), -13, 31)) return 0;
    if (before && (l->height != (int32_t)rows_out(before) || l->width != (int32_t)columns_out(before))) return 0;
    if (before && l->inputs != before->outputs) return 0;
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

static int learner_fits(const edge_learner *l, uint32_t window)
{
    return in(l->rule, EDGE_MEMBRANE, EDGE_CLASS_MEAN) && (l->rule != EDGE_CLASS_MEAN || (!l->threshold && !l->online)) && in(l->error, EDGE_SOFTMAX, EDGE_TERNARY) &&
           in(l->rounding, EDGE_FLOOR, EDGE_STOCHASTIC) && in(l->threshold, 0, 255) && in(l->shift_weight, -12, 32) &&
           in(l->shift_bias, -12, 32) && in(l->trigger, 0, 127) && l->noise != 0 &&
           (l->rule != EDGE_THREE_FACTOR || (l->window >= 1 && (uint32_t)l->window <= window));
}

static int model_fits(const edge_model *m)
{
    int64_t room;
    int32_t n;
    if (!in(m->alpha, 0, 4095) || !in(m->beta, 0, 4095) || !in(m->gamma, 0, 4095) || !in(m->rho, -32768, 32767)) return 0;
    if (!in(m->threshold, -32768, 32767) || !in(m->slope, 0, 32767) || !in(m->fraction, 0, 16) || !in(m->weight_bits, 2, 8)) return 0;
    if (!in(m->traces, EDGE_FLOOR, EDGE_NEAREST) || !in(m->membrane, EDGE_FLOOR, EDGE_NEAREST)) return 0;
    if (!in(m->layers, 1, 64) || !m->layer || !m->weight || !m->bias || !m->exponential || !m->reciprocal) return 0;
    for (n = 0; n < m->layers; n++)
        if (!layer_fits(m, m->layer + n)) return 0;
    if (m->inputs != (int32_t)(rows_out(last(m)) * columns_out(last(m))) * last(m)->outputs) return 0;
    if (!in(m->ways, 1, 4096) || !in(m->bits, 2, 8) || !in(m->exponent, -60, 60) || m->bias_room < 0) return 0;
    room = INT32_MAX - ((int64_t)m->inputs * UNITY << (m->bits - 1));
    if (m->bias_room > room) return 0;
    for (n = 0; n < m->ways; n++)
        if (!in(m->bias[n], -m->bias_room, m->bias_room)) return 0;
    return 1;
}

typedef struct { uint64_t spikes, state, sums; } plan;

static plan plan_of(const edge_model *m, edge_room room)
{
    plan p = {0, 0, 0};
    int32_t n;
#ifdef EDGE_STEPWISE
    p.spikes = (uint64_t)rows_in(m->layer) * row_in(m, m->layer);
    (void)room;
#endif
    for (n = 0; n < m->layers; n++) {
        const edge_layer *l = m->layer + n;
        uint64_t site = (uint64_t)window_of(l) * state_of(l), sums = (uint64_t)(window_of(l) + 1) * 4 * fours(l);
#ifdef EDGE_STEPWISE
        p.spikes += (uint64_t)rows_out(l) * row_out(l);
        p.state += rows_out(l) * columns_out(l) * site;
#else
        /* A layer's output grows from the bottom while its input lies at the top and goes away row by row. */
        uint32_t y;
        for (y = 0; y < rows_out(l); y++) {
            uint32_t first = (l->pool ? 2 : 1) * y, rim = (uint32_t)l->kernel / 2, gone = first > rim ? first - rim : 0;
            uint64_t rows = (uint64_t)(y + 1) * row_out(l) + (uint64_t)(rows_in(l) - gone) * row_in(m, l);
            if (rows * room.steps > p.spikes) p.spikes = rows * room.steps;
        }
        if (site > p.state) p.state = site;
#endif
        if (sums > p.sums) p.sums = sums;
    }
    return p;
}

static uint64_t weight_words(const edge_model *m, uint32_t classes) { return ((uint64_t)m->inputs * classes + 3) / 4; }

size_t edge_words(const edge_model *model, edge_room room)
{
    plan p;
    uint64_t total;
    if (!model || !model_fits(model) || room.classes < (uint32_t)model->ways || room.classes > 4096) return 0;
    if (room.window < 1 || room.window > 65535) return 0;
#ifndef EDGE_STEPWISE
    if (room.steps < 1 || room.steps > 65535) return 0;
#endif
    p = plan_of(model, room);
    total = p.spikes + p.state + p.sums + LIST + (uint64_t)model->inputs * (room.window > 1 ? 2 : 1);
    total += (uint64_t)room.window * (features(model) + 2 * room.classes) + 3 * (uint64_t)room.classes;
    total += (uint64_t)model->inputs * room.classes + weight_words(model, room.classes);
    return total < (uint64_t)1 << 29 ? (size_t)total : 0;
}

/* ---- ready, and from the start */

static void *take(uint32_t **memory, uint64_t words)
{
    uint32_t *at = *memory;
    *memory += words;
    return at;
}

edge_error edge_init(edge *e, const edge_model *model, edge_room room, uint32_t *memory, size_t words)
{
    plan p;
    if (!e) return EDGE_ARGUMENT;
    memset(e, 0, sizeof *e);                                            /* whatever goes wrong, e is known not to be ready */
    if (!model || !memory) return EDGE_ARGUMENT;
    if (!model_fits(model)) return EDGE_MODEL;
    if (edge_words(model, room) == 0 || words < edge_words(model, room)) return EDGE_MEMORY;
    if (!learner_fits(&model->learner, room.window)) return EDGE_OPTION;
    p = plan_of(model, room);
    e->model = model;
    e->room = room;
    e->spikes = take(&memory, p.spikes);
    e->state = take(&memory, p.state);
    e->spike_words = (size_t)p.spikes;
    e->state_words = (size_t)p.state;
    e->sums = take(&memory, p.sums);
    e->list = take(&memory, LIST);
    e->now = take(&memory, (uint64_t)model->inputs);
    e->before = room.window > 1 ? take(&memory, (uint64_t)model->inputs) : e->now;
    e->ring = take(&memory, (uint64_t)room.window * features(model));
    e->u = take(&memory, (uint64_t)room.window * room.classes);
    e->h = take(&memory, (uint64_t)room.window * room.classes);
    e->r = take(&memory, room.classes);
    e->gradient = take(&memory, (uint64_t)model->inputs * room.classes);
    e->bias_gradient = take(&memory, room.classes);
    e->bias = take(&memory, room.classes);
    e->weight = take(&memory, weight_words(model, room.classes));
    e->learner = model->learner;
    e->noise = e->learner.noise;
    edge_forget(e);
    return edge_start(e);
}

edge_error edge_start(edge *e)
{
    if (!e || !e->model) return EDGE_ARGUMENT;
    memset(e->spikes, 0, e->spike_words * sizeof *e->spikes);
    memset(e->state, 0, e->state_words * sizeof *e->state);
    memset(e->now, 0, (size_t)e->model->inputs * 4);
    memset(e->before, 0, (size_t)e->model->inputs * 4);
    memset(e->r, 0, e->room.classes * sizeof *e->r);
    e->steps = e->slot = e->held = 0;
    e->settled = 0;
    return EDGE_OK;
}

/* ---- conv layers */

/* V (four sums) += those of n words of four weights + 128: even = sum of (w & EVEN), all = sum of (w >> 8). */
static inline void hand_on(int32_t *V, uint32_t even, uint32_t all, int32_t offset)
{
    const uint32_t odd = all - (even >> 16 << 8);
    V[0] += (int32_t)(even & 0xFFFF) - offset;
    V[1] += (int32_t)(odd & 0xFFFF) - offset;
    V[2] += (int32_t)(even >> 16) - offset;
    V[3] += (int32_t)(odd >> 16) - offset;
}

/* V (4 words) += the rows of weights in the list, at most LIST of them. */
APART static void add_rows(int32_t *V, const uint32_t *weight, const uint32_t *list, uint32_t n, uint32_t words)
{
    const int32_t offset = 128 * (int32_t)n;
    const uint32_t *const end = list + n, *i;
#ifdef EDGE_VECTORS
    for (; words >= 8; words -= 8, weight += 8, V += 32) {                      /* vectors hold the sums of eight words */
        four even[2] = {{0}, {0}}, all[2] = {{0}, {0}};
        uint32_t k;
        for (i = list; i < end; i++) {
            const four low = *(const four *)(weight + *i), high = *(const four *)(weight + *i + 4);
            even[0] += low & EVEN, all[0] += low >> 8;
            even[1] += high & EVEN, all[1] += high >> 8;
        }
        for (k = 0; k < 8; k++) hand_on(V + 4 * k, even[k / 4][k % 4], all[k / 4][k % 4], offset);
    }
#endif
    for (; words >= 4; words -= 4, weight += 4, V += 16) {                      /* registers hold those of four */
        uint32_t e0 = 0, e1 = 0, e2 = 0, e3 = 0, a0 = 0, a1 = 0, a2 = 0, a3 = 0;
        for (i = list; i < end; i++) {
            const uint32_t *const w = weight + *i;
            e0 += w[0] & EVEN, a0 += w[0] >> 8;
            e1 += w[1] & EVEN, a1 += w[1] >> 8;
            e2 += w[2] & EVEN, a2 += w[2] >> 8;
            e3 += w[3] & EVEN, a3 += w[3] >> 8;
        }
        hand_on(V, e0, a0, offset), hand_on(V + 4, e1, a1, offset);
        hand_on(V + 8, e2, a2, offset), hand_on(V + 12, e3, a3, offset);
    }
    for (; words; words--, weight++, V += 4) {
        uint32_t even = 0, all = 0;
        for (i = list; i < end; i++) even += weight[*i] & EVEN, all += weight[*i] >> 8;
        hand_on(V, even, all, offset);
    }
}

/* V of the neurons at (y, x): the weights under the spikes of their window. Rows of the input lie `stride` words apart. */
APART static void gather(edge *e, const edge_layer *l, const uint32_t *rows, size_t stride, int32_t y, int32_t x, int32_t *V)
{
    const int32_t rim = l->kernel / 2, C = l->inputs, left = x > rim ? x - rim : 0;
    const int32_t right = x + rim < l->width ? x + rim + 1 : l->width;
    const uint32_t start = (uint32_t)(left * C), end = (uint32_t)(right * C) - 1, words = fours(l), width = plane(l);
    const uint32_t first = start / 32, last_word = end / 32, head = ~0u << start % 32, tail = ~0u >> (31 - end % 32);
    const uint32_t count = planes(e->model, l);
    uint32_t *const list = e->list;
    uint32_t n = 0, k, at;
    int32_t i;
    memset(V, 0, 4 * words * sizeof *V);
    for (i = y < rim ? rim - y : 0; i < l->kernel && y + i - rim < l->height; i++) {
        const uint32_t *row = rows + (size_t)(y + i - rim) * stride;
        const uint32_t base = (uint32_t)((i * l->kernel + left - x + rim) * C) - start;         /* row of weights less bit */
        for (k = 0; k < count; k++, row += width)
            for (at = first; at <= last_word; at++) {
                uint32_t bits = row[at] & (at == first ? head : ~0u) & (at == last_word ? tail : ~0u);
                if (!bits) continue;
                if (n > LIST - (32u << k)) add_rows(V, l->weight, list, n, words), n = 0;
                for (; bits; bits &= bits - 1) {
                    const uint32_t to = (base + 32 * at + LOWEST_BIT(bits)) * words;
                    uint32_t more = (1u << k) - 1;
                    list[n++] = to;
                    for (; more; more--) list[n++] = to;
                }
            }
    }
    if (n) add_rows(V, l->weight, list, n, words);
}

/* From the exponent of P + bias to u's: a left shift of what is clipped, or a right shift that rounds. */
typedef struct { int32_t left, right, most, half, one; } scale;

static scale scale_of(const edge_model *m, const edge_layer *l)
{
    const int32_t k = right_of(m, l);
    scale s = {k < 0 ? -k : 0, k > 0 ? k : 0, 0, 31, 0};
    if (m->membrane == EDGE_ZERO) s.most = (int32_t)((1u << s.right) - 1);             /* added to what is below zero */
    if (m->membrane == EDGE_NEAREST && k > 0) s.half = k - 1, s.one = 1;
    return s;
}

static inline int32_t scaled(scale s, int32_t x)
{
    if (s.left) return (x < -131072 ? -131072 : x > 131072 ? 131072 : x) * (1 << s.left);       /* beyond, u is clipped anyway */
    return ((x + ((x >> 31) & s.most)) >> s.right) + ((x >> s.half) & s.one);
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
APART static uint32_t neurons(const edge_model *m, const edge_layer *l, const int32_t *restrict V, uint32_t *state, int32_t *restrict u)
{
    const edge_model fixed = *m;
    const uint32_t n = 4 * fours(l);
    const int32_t *restrict bias = l->bias;
    int32_t *restrict P = (int32_t *)state, *restrict Q = P + n, *restrict r = Q + n;
    const scale s = scale_of(m, l);
    uint32_t c, clipped = 0;
    if (s.left || s.most || s.one)
        for (c = 0; c < n; c++) u[c] = fire(&fixed, scaled(s, P[c] + bias[c]), r + c, &clipped);
    else
        for (c = 0; c < n; c++) u[c] = fire(&fixed, (P[c] + bias[c]) >> s.right, r + c, &clipped);
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

APART static uint32_t neurons(const edge_model *m, const edge_layer *l, const int32_t *restrict V, uint32_t *state, int32_t *restrict u)
{
    const edge_model fixed = *m;
    const int32_t A = UNITY - m->alpha, B = (UNITY - m->beta) * (1 << 20), fraction = short_fraction(m, l);
    const int32_t up = m->fraction - fraction, unit = 1 << fraction;
    const scale s = scale_of(m, l);
    const uint32_t n = 4 * fours(l);
    const int32_t *restrict bias = l->bias;
    const int plain = !(s.left || s.most || s.one);
    uint32_t *restrict PQ = state, *restrict R = state + n;
    uint32_t c, clipped = 0;
    for (c = 0; c < n; c += 2) {
        int32_t even = (int32_t)(R[c / 2] & 0xFFFF), odd = (int32_t)(R[c / 2] >> 16);
        const int32_t one = low(PQ[c]) * (1 << up) + bias[c], two = low(PQ[c + 1]) * (1 << up) + bias[c + 1];
        u[c] = fire(&fixed, plain ? one >> s.right : scaled(s, one), &even, &clipped);
        u[c + 1] = fire(&fixed, plain ? two >> s.right : scaled(s, two), &odd, &clipped);
        R[c / 2] = (uint32_t)even | (uint32_t)odd << 16;
    }
    for (c = 0; c < n; c++) {
        const int32_t p = low(PQ[c]), q = high(PQ[c]);
        const int32_t next = sat16(q + (int32_t)(((int64_t)(V[c] * unit - q) * B + ((int64_t)1 << 31)) >> 32));
        PQ[c] = ((uint32_t)(p + ((A * (q - p) + 2048) >> 12)) & 0xFFFF) | (uint32_t)next << 16;
    }
    return clipped;
}
#endif

/* One step of the neurons behind site (y, x) of a layer's output, and the site's spikes into `out`, whose bits are zero. */
APART static void site(edge *e, const edge_layer *l, const uint32_t *rows, size_t stride, uint32_t *state, uint32_t y, uint32_t x,
                       uint32_t *out)
{
    const uint32_t n = 4 * fours(l), step = l->pool ? 2 : 1, C = (uint32_t)l->outputs;
    const int32_t threshold = e->model->threshold;
    int32_t *const V = e->sums;
    const int32_t *u = V + n;
    uint32_t s, c, at = x * C;
    for (s = 0; s < window_of(l); s++) {
        gather(e, l, rows, stride, (int32_t)(step * y + s / 2), (int32_t)(step * x + s % 2), V);
        e->counts.membrane_clipped += neurons(e->model, l, V, state + s * state_of(l), V + (s + 1) * n);
    }
    for (c = 0; c < C; c++, at++, u++) {
        int fires = u[0] >= threshold;
        if (l->pool == EDGE_MAX) fires |= (u[n] >= threshold) | (u[2 * n] >= threshold) | (u[3 * n] >= threshold);
        if (l->pool == EDGE_MEAN) fires = u[0] + u[n] + u[2 * n] + u[3 * n] >= 4 * threshold;
        out[at / 32] |= (uint32_t)fires << at % 32;
    }
}

/* ---- readout */

static int spike(const edge_model *m, const uint32_t *spikes, uint32_t i)       /* of feature i, in (row, column, channel) order */
{
    const uint32_t row = columns_out(last(m)) * (uint32_t)last(m)->outputs, at = i % row;
    return spikes[i / row * row_out(last(m)) + at / 32] >> at % 32 & 1;
}

static uint32_t advance(const edge_model *m, uint32_t pq, int s)
{
    const uint32_t addend = m->traces == EDGE_NEAREST ? 2048 : 0, p = pq & 0xFFFF, q = pq >> 16;
    return trace(p, q, m->alpha, addend) | trace(q, s ? UNITY : 0, m->beta, addend) << 16;
}

static void advance_all(const edge_model *m, uint32_t *traces, const uint32_t *spikes)
{
    const edge_layer *l = last(m);
    const uint32_t row = columns_out(l) * (uint32_t)l->outputs;
    uint32_t y, i;
    for (y = 0; y < rows_out(l); y++, traces += row, spikes += row_out(l))
        for (i = 0; i < row; i++) {
            const int s = spikes[i / 32] >> i % 32 & 1;
            if (s || traces[i]) traces[i] = advance(m, traces[i], s);
        }
}

/* A step of the readout: u of the traces as they stand; the step's spikes reach them before the next. */
static void read_out(edge *e, const uint32_t *rows, size_t stride)
{
    const edge_model *m = e->model;
    const uint32_t window = e->room.window, K = e->room.classes, width = row_out(last(m));       /* classes to come count along */
    uint32_t *spikes, i, k, y;
    int32_t *u;
    if (e->held) advance_all(m, e->now, e->ring + (size_t)e->slot * features(m));
    e->slot = e->held ? (e->slot + 1) % window : 0;
    spikes = e->ring + (size_t)e->slot * features(m);
    if (e->held < window) e->held++;
    else if (window > 1) advance_all(m, e->before, spikes);
    u = e->u + (size_t)e->slot * e->room.classes;
    for (k = 0; k < K; k++) u[k] = e->bias[k];
    for (i = 0; i < (uint32_t)m->inputs; i++) {
        const int32_t p = (int32_t)(e->now[i] & 0xFFFF);
        const int8_t *w = e->weight + (size_t)i * e->room.classes;
        if (p)
            for (k = 0; k < K; k++) u[k] += w[k] * p;
    }
    for (k = 0; k < K; k++) {
        const int64_t x = shift(u[k], 2 - m->exponent, m->membrane, 0) - ((m->rho * e->r[k]) >> 12);
        u[k] = clip(x, -32768, 32767);
        e->counts.membrane_clipped += u[k] != x && k < e->classes;
        e->r[k] = (m->gamma * e->r[k] + (u[k] >= m->threshold ? (UNITY - m->gamma) << 12 : 0)) >> 12;
    }
    for (y = 0; y < rows_out(last(m)); y++) memcpy(spikes + y * width, rows + y * stride, width * sizeof *spikes);
}

/* ---- steps come in */

static void next_step(edge *e)
{
#ifdef EDGE_STEPWISE
    const edge_model *m = e->model;
    uint32_t *rows = e->spikes, *state = e->state, width = row_in(m, m->layer), y, x;
    int32_t n;
    for (n = 0; n < m->layers; n++) {
        const edge_layer *l = m->layer + n;
        uint32_t *out = rows + rows_in(l) * width;
        memset(out, 0, rows_out(l) * row_out(l) * sizeof *out);
        for (y = 0; y < rows_out(l); y++)
            for (x = 0; x < columns_out(l); x++, state += window_of(l) * state_of(l))
                site(e, l, rows, width, state, y, x, out + y * row_out(l));
        rows = out;
        width = row_out(l);
    }
    read_out(e, rows, width);
    memset(e->spikes, 0, rows_in(m->layer) * row_in(m, m->layer) * sizeof *e->spikes);
    e->settled = 1;
    if (e->steps < UINT32_MAX) e->steps++;
#else
    e->steps++;
#endif
}

/* The row of the input where the step's counts go. */
static uint32_t *input_row(edge *e, uint32_t y)
{
    const edge_layer *l = e->model->layer;
    const uint32_t width = row_in(e->model, l);
#ifdef EDGE_STEPWISE
    return e->spikes + y * width;
#else
    return e->spikes + e->spike_words - ((size_t)(rows_in(l) - y) * e->room.steps - e->steps) * width;
#endif
}

/* Add n to a cell's count, bit by bit in its planes; returns whether it was clipped. */
static int count_up(const edge_layer *l, uint32_t *row, uint32_t at, uint32_t n)
{
    const uint32_t bit = 1u << at % 32;
    uint32_t k, found = 0;
    int clipped;
    row += at / 32;
    for (k = 0; k < PLANES; k++) found |= (row[k * plane(l)] & bit ? 1u : 0u) << k;
    found += n;
    clipped = found > EDGE_MOST_COUNT;
    if (clipped) found = EDGE_MOST_COUNT;
    for (k = 0; k < PLANES; k++) row[k * plane(l)] = (row[k * plane(l)] & ~bit) | (found >> k & 1 ? bit : 0);
    return clipped;
}

/* Whether n events may come in. */
static edge_error check(const edge *e, const edge_event *events, size_t n)
{
    const edge_layer *l;
    size_t i;
    if (!e || !e->model || (n && !events)) return EDGE_ARGUMENT;
    l = e->model->layer;
    for (i = 0; i < n; i++)
        if (events[i].x >= l->width || events[i].y >= l->height || events[i].polarity >= l->inputs) return EDGE_INPUT;
    return EDGE_OK;
}

static edge_error room_for_step(const edge *e)
{
#ifdef EDGE_STEPWISE
    (void)e;
#else
    if (e->settled || e->steps >= e->room.steps) return EDGE_FULL;
#endif
    return EDGE_OK;
}

edge_error edge_step(edge *e, const edge_event *events, size_t n)
{
    edge_error found = check(e, events, n);
    size_t i;
    if (found == EDGE_OK) found = room_for_step(e);
    if (found != EDGE_OK) return found;
    for (i = 0; i < n; i++) {
        const uint32_t at = events[i].x * (uint32_t)e->model->layer->inputs + events[i].polarity;
        e->counts.input_clipped += (uint32_t)count_up(e->model->layer, input_row(e, events[i].y), at, 1);
    }
    next_step(e);
    return EDGE_OK;
}

edge_error edge_step_counts(edge *e, const uint8_t *counts)
{
    edge_error found = check(e, NULL, 0);
    uint32_t y, i, row;
    if (found == EDGE_OK) found = counts ? room_for_step(e) : EDGE_ARGUMENT;
    if (found != EDGE_OK) return found;
    row = (uint32_t)(e->model->layer->width * e->model->layer->inputs);
    for (y = 0; y < rows_in(e->model->layer); y++)
        for (i = 0; i < row; i++, counts++)
            if (*counts) e->counts.input_clipped += (uint32_t)count_up(e->model->layer, input_row(e, y), i, *counts);
    next_step(e);
    return EDGE_OK;
}

edge_error edge_recording(edge *e, const edge_event *events, const uint16_t *per_step, size_t steps)
{
    size_t t, total = 0;
    edge_error found;
    if (!e || !e->model || (steps && !per_step)) return EDGE_ARGUMENT;
#ifndef EDGE_STEPWISE
    if (steps > e->room.steps) return EDGE_FULL;
#endif
    for (t = 0; t < steps; t++) total += per_step[t];
    found = check(e, events, total);
    if (found != EDGE_OK) return found;
    edge_start(e);
    for (t = 0; t < steps; events += per_step[t], t++) {
        found = edge_step(e, events, per_step[t]);
        if (found != EDGE_OK) return found;
    }
    return EDGE_OK;
}

/* Scores that belong to all steps that were given: in the small build, all layers are computed here, one after the other. */
static edge_error settle(edge *e)
{
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (e->steps == 0) return EDGE_EMPTY;
#ifndef EDGE_STEPWISE
    if (!e->settled) {
        const edge_model *m = e->model;
        const size_t room = e->spike_words, steps = e->room.steps;
        uint32_t y, x, t, width = row_in(m, m->layer), *rows = e->spikes + room - rows_in(m->layer) * steps * width;
        int32_t n;
        for (n = 0; n < m->layers; n++) {
            const edge_layer *l = m->layer + n;
            const size_t size = rows_out(l) * steps * row_out(l);
            uint32_t *out = e->spikes;
            for (y = 0; y < rows_out(l); y++, out += steps * row_out(l)) {
                memset(out, 0, steps * row_out(l) * sizeof *out);
                for (x = 0; x < columns_out(l); x++) {
                    memset(e->state, 0, window_of(l) * state_of(l) * sizeof *e->state);
                    for (t = 0; t < e->steps; t++)
                        site(e, l, rows + t * width, steps * width, e->state, y, x, out + t * row_out(l));
                }
            }
            width = row_out(l);
            rows = e->spikes + room - size;
            memmove(rows, e->spikes, size * sizeof *rows);
        }
        for (t = 0; t < e->steps; t++) read_out(e, rows + t * width, steps * width);
        e->settled = 1;
    }
#endif
    return EDGE_OK;
}

edge_error edge_scores(edge *e, int16_t *scores, int *label)
{
    const edge_error found = settle(e);
    const int32_t *u;
    uint32_t k, best = 0;
    if (found != EDGE_OK) return found;
    u = e->u + (size_t)e->slot * e->room.classes;
    for (k = 0; k < e->classes; k++) {
        if (scores) scores[k] = (int16_t)u[k];
        if (u[k] > u[best]) best = k;
    }
    if (label) *label = (int)best;
    return EDGE_OK;
}

/* ---- learning */

/* e (Q0.7) of membranes u: softmax by table, target minus clipped u, or the softmax's sign where it is large. */
static void errors(const edge *e, const int32_t *u, uint32_t label, int32_t *error)
{
    const int32_t kind = e->learner.error;
    int32_t top = u[0], sum = 0;
    uint32_t k;
    for (k = 0; k < e->classes; k++) {
        if (kind == EDGE_TARGET) error[k] = clip((clip(u[k], 0, 1024) >> 3) - (k == label ? 128 : 0), -128, 127);
        if (u[k] > top) top = u[k];
    }
    if (kind == EDGE_TARGET) return;
    for (k = 0; k < e->classes; k++) {
        const int32_t place = (top - u[k]) >> 6;
        error[k] = place < 256 ? e->model->exponential[place] : 0;
        sum += error[k];
    }
    for (k = 0; k < e->classes; k++) {
        error[k] = clip((256 * error[k] + sum) / (2 * sum) - (k == label ? 128 : 0), -128, 127);
        if (kind == EDGE_TERNARY) error[k] = error[k] > e->learner.trigger ? 127 : error[k] < -e->learner.trigger ? -127 : 0;
    }
}

/* sigma'(u) = 1 / (1 + slope |u - threshold|)^2 in uQ0.8: 2^n m by a table of 1 / m^2, m in [1, 2). */
static int32_t surrogate(const edge_model *m, int32_t u)
{
    const uint32_t away = (uint32_t)(u < m->threshold ? m->threshold - u : u - m->threshold);
    const uint32_t x = 16384 + away * (uint32_t)m->slope;
    int32_t n = 0;
    while (n < 16 && x >> (n + 15)) n++;
    return n < 16 ? clip(shift(m->reciprocal[(x >> (n + 10)) & 15], 2 * n, EDGE_NEAREST, 0), 0, 255) : 0;
}

static void add(edge *e, int32_t *G, int32_t x)
{
    const int64_t wide = (int64_t)*G + x;
    *G = clip(wide, INT32_MIN, INT32_MAX);
    e->counts.gradient_saturated += *G != wide;
}

static int64_t size_of(int32_t x) { return x < 0 ? -(int64_t)x : x; }

static int32_t put(edge *e, int32_t old, int64_t wide, int32_t low, int32_t high)
{
    const int32_t new = clip(wide, low, high);
    e->counts.clipped += new != wide;
    e->counts.written += new != old;
    return new;
}

/* W - the rounded G, within low .. high, where |G| > theta; G is zero again. A number of the noise goes to every synapse. */
static int32_t updated(edge *e, int32_t W, int32_t *G, int64_t theta, int32_t k, int32_t low, int32_t high)
{
    const int32_t g = *G;
    e->noise = xorshift32(e->noise);
    *G = 0;
    if (size_of(g) <= theta) {
        e->counts.gated++;
        return W;
    }
    return put(e, W, W - shift(g, k, e->learner.rounding, k > 0 ? e->noise >> (32 - k) : 0), low, high);
}

/* gradient holds sums of p, bias_gradient the numbers of samples; both are zero again. */
static void means(edge *e)
{
    const int32_t high = (1 << (e->model->bits - 1)) - 1, room = e->model->bias_room, right = e->learner.shift_weight;
    int32_t *const square = e->h, most = 0;
    uint32_t i, k;
    memset(square, 0, e->classes * sizeof *square);
    for (i = 0; i < (uint32_t)e->model->inputs; i++)
        for (k = 0; k < e->classes; k++) {
            const size_t at = (size_t)i * e->room.classes + k;
            int8_t *const W = e->weight + at;
            e->noise = xorshift32(e->noise);
            if (e->bias_gradient[k]) {
                const int32_t mean = e->gradient[at] / e->bias_gradient[k];
                const int64_t wide = shift(mean, right, e->learner.rounding, right > 0 ? e->noise >> (32 - right) : 0);
                *W = (int8_t)put(e, *W, wide, -high - 1, high);
                e->gradient[at] = 0;
            }
            square[k] += *W * *W;
        }
    for (k = 0; k < e->classes; k++)
        if (square[k] > most) most = square[k];
    for (k = 0; k < e->classes; k++) {
        e->bias[k] = put(e, e->bias[k], -shift((int64_t)square[k] + most, 1 - right, EDGE_FLOOR, 0), -room, room);
        e->bias_gradient[k] = 0;
    }
}

static void update(edge *e)
{
    const edge_learner *l = &e->learner;
    const int32_t high = (1 << (e->model->bits - 1)) - 1, room = e->model->bias_room;
    int64_t most = 0, most_bias = 0;
    uint32_t i, k;
    for (i = 0; i < (uint32_t)e->model->inputs; i++)
        for (k = 0; k < e->classes; k++) {
            const int64_t size = size_of(e->gradient[(size_t)i * e->room.classes + k]);
            if (size > most) most = size;
        }
    for (k = 0; k < e->classes; k++)
        if (size_of(e->bias_gradient[k]) > most_bias) most_bias = size_of(e->bias_gradient[k]);
    most = most * l->threshold >> 8;
    most_bias = most_bias * l->threshold >> 8;
    for (i = 0; i < (uint32_t)e->model->inputs; i++)
        for (k = 0; k < e->classes; k++) {
            const size_t at = (size_t)i * e->room.classes + k;
            e->weight[at] = (int8_t)updated(e, e->weight[at], e->gradient + at, most, l->shift_weight, -high - 1, high);
        }
    for (k = 0; k < e->classes; k++)
        e->bias[k] = updated(e, e->bias[k], e->bias_gradient + k, most_bias, l->shift_bias, -room, room);
}

edge_error edge_learn(edge *e, int label)
{
    edge_error found = e && e->model && (label < 0 || (uint32_t)label >= e->classes) ? EDGE_LABEL : settle(e);
    const int32_t mode = e && e->learner.rounding == EDGE_STOCHASTIC ? EDGE_FLOOR : e ? e->learner.rounding : 0;
    const edge_model *m;
    uint32_t room, n, first, i, k, t;
    if (found != EDGE_OK) return found;
    m = e->model;
    room = e->room.classes;
    n = e->held;
    first = e->learner.rule != EDGE_THREE_FACTOR ? n - 1 : n > (uint32_t)e->learner.window ? n - (uint32_t)e->learner.window : 0;
    for (t = first; t < n; t++) {                                       /* h of the steps that count; step t lies in this slot: */
        const uint32_t slot = (e->slot + e->room.window + 1 - n + t) % e->room.window;
        int32_t *u = e->u + (size_t)slot * room, *h = e->h + (size_t)t * room;
        if (e->learner.rule == EDGE_CLASS_MEAN)
            for (k = 0; k < e->classes; k++) h[k] = k == (uint32_t)label;
        else errors(e, u, (uint32_t)label, h);
        if (e->learner.rule == EDGE_THREE_FACTOR)
            for (k = 0; k < e->classes; k++) h[k] = (int32_t)shift(h[k] * surrogate(m, u[k]), 8, mode, 0);
        for (k = 0; k < e->classes; k++) add(e, e->bias_gradient + k, (e->learner.rule == EDGE_CLASS_MEAN ? 1 : UNITY) * h[k]);
    }
    for (i = 0; i < (uint32_t)m->inputs; i++) {                         /* traces run through the window once more */
        uint32_t pq = e->before[i];
        for (t = 0; t < n; t++) {
            const uint32_t slot = (e->slot + e->room.window + 1 - n + t) % e->room.window;
            const int32_t p = (int32_t)(pq & 0xFFFF);
            if (t >= first && p)
                for (k = 0; k < e->classes; k++) add(e, e->gradient + (size_t)i * room + k, e->h[(size_t)t * room + k] * p);
            if (t + 1 < n) pq = advance(m, pq, spike(m, e->ring + (size_t)slot * features(m), i));
        }
    }
    if (e->learner.online) update(e);
    return EDGE_OK;
}

edge_error edge_update(edge *e)
{
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (e->learner.rule == EDGE_CLASS_MEAN) means(e);
    else if (!e->learner.online) update(e);
    return EDGE_OK;
}

static void drop_gradients(edge *e)
{
    memset(e->gradient, 0, (size_t)e->model->inputs * e->room.classes * sizeof *e->gradient);
    memset(e->bias_gradient, 0, e->room.classes * sizeof *e->bias_gradient);
}

edge_error edge_set_learner(edge *e, const edge_learner *learner)
{
    if (!e || !e->model || !learner) return EDGE_ARGUMENT;
    if (!learner_fits(learner, e->room.window)) return EDGE_OPTION;
    e->learner = *learner;
    e->noise = learner->noise;
    drop_gradients(e);
    return EDGE_OK;
}

edge_error edge_add_class(edge *e, int *label)
{
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (e->classes == e->room.classes) return EDGE_FULL;
    if (label) *label = (int)e->classes;
    e->classes++;                                                       /* columns not in use are zero */
    return EDGE_OK;
}

edge_error edge_forget(edge *e)
{
    const edge_model *m;
    uint32_t i, k;
    if (!e || !e->model) return EDGE_ARGUMENT;
    m = e->model;
    e->classes = (uint32_t)m->ways;
    memset(e->weight, 0, (size_t)m->inputs * e->room.classes);
    memset(e->bias, 0, e->room.classes * sizeof *e->bias);
    for (k = 0; k < e->classes; k++) {
        e->bias[k] = m->bias[k];
        for (i = 0; i < (uint32_t)m->inputs; i++) e->weight[(size_t)i * e->room.classes + k] = m->weight[i * e->classes + k];
    }
    drop_gradients(e);
    return EDGE_OK;
}

/* ---- what was learned, as bytes: "msnn", version, the model's id, classes, inputs, noise, biases (32 bits each, lowest byte
   first), weights (inputs, classes), CRC-32 of all before it */

enum { VERSION = 1, HEAD = 24 };

static void put_word(uint8_t *to, uint32_t x)
{
    int n;
    for (n = 0; n < 4; n++, x >>= 8) to[n] = (uint8_t)(x & 255);
}

static uint32_t get(const uint8_t *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static int32_t get_signed(const uint8_t *from)
{
    const uint32_t x = get(from);
    return x >> 31 ? -(int32_t)~x - 1 : (int32_t)x;
}

static uint32_t crc32(const uint8_t *bytes, size_t n)
{
    uint32_t crc = ~0u;
    int k;
    for (; n; n--, bytes++)
        for (crc ^= *bytes, k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    return ~crc;
}

static size_t saved_bytes(const edge_model *m, uint32_t classes) { return HEAD + (4 + (size_t)m->inputs) * classes + 4; }

size_t edge_saved_bytes(const edge *e) { return e && e->model ? saved_bytes(e->model, e->classes) : 0; }

edge_error edge_save(const edge *e, uint8_t *to, size_t bytes)
{
    const size_t size = edge_saved_bytes(e);
    uint8_t *at;
    uint32_t i, k;
    if (!size || !to) return EDGE_ARGUMENT;
    if (bytes < size) return EDGE_MEMORY;
    at = to + HEAD;
    memcpy(to, "msnn", 4);
    put_word(to + 4, VERSION), put_word(to + 8, e->model->id), put_word(to + 12, e->classes);
    put_word(to + 16, (uint32_t)e->model->inputs), put_word(to + 20, e->noise);
    for (k = 0; k < e->classes; k++, at += 4) put_word(at, (uint32_t)e->bias[k]);
    for (i = 0; i < (uint32_t)e->model->inputs; i++)
        for (k = 0; k < e->classes; k++) *at++ = (uint8_t)(e->weight[(size_t)i * e->room.classes + k] & 255);
    put_word(at, crc32(to, size - 4));
    return EDGE_OK;
}

edge_error edge_load(edge *e, const uint8_t *from, size_t bytes)
{
    const edge_model *m;
    const uint8_t *at;
    int32_t high;
    uint32_t classes, i, k;
    if (!e || !e->model || !from) return EDGE_ARGUMENT;
    m = e->model;
    high = (1 << (m->bits - 1)) - 1;
    if (bytes < HEAD || memcmp(from, "msnn", 4) || get(from + 4) != VERSION || get(from + 8) != m->id) return EDGE_SAVED;
    classes = get(from + 12);
    if (classes < 1 || classes > 4096 || get(from + 16) != (uint32_t)m->inputs || get(from + 20) == 0) return EDGE_SAVED;
    if (bytes != saved_bytes(m, classes) || get(from + bytes - 4) != crc32(from, bytes - 4)) return EDGE_SAVED;
    for (at = from + HEAD, k = 0; k < classes; k++, at += 4)
        if (!in(get_signed(at), -m->bias_room, m->bias_room)) return EDGE_SAVED;
    for (; at < from + bytes - 4; at++)
        if (!in(*at < 128 ? *at : *at - 256, -high - 1, high)) return EDGE_SAVED;
    if (classes > e->room.classes) return EDGE_FULL;
    edge_forget(e);
    memset(e->weight, 0, (size_t)m->inputs * e->room.classes);
    memset(e->bias, 0, e->room.classes * sizeof *e->bias);
    e->classes = classes;
    e->noise = get(from + 20);
    for (at = from + HEAD, k = 0; k < classes; k++, at += 4) e->bias[k] = get_signed(at);
    for (i = 0; i < (uint32_t)m->inputs; i++)
        for (k = 0; k < classes; k++, at++) e->weight[(size_t)i * e->room.classes + k] = (int8_t)(*at < 128 ? *at : *at - 256);
    return EDGE_OK;
}

const char *edge_message(edge_error error)
{
    switch (error) {
    case EDGE_OK: return "no error";
    case EDGE_ARGUMENT: return "a null pointer, or a network that was not made ready";
    case EDGE_MODEL: return "the model's numbers do not fit each other or this build";
    case EDGE_MEMORY: return "too little memory, or no room for a step, a class or the window";
    case EDGE_INPUT: return "an event outside the picture";
    case EDGE_FULL: return "no room for another step or class";
    case EDGE_EMPTY: return "no step has been given";
    case EDGE_LABEL: return "not one of the classes";
    case EDGE_OPTION: return "no such learner, or no room for its window";
    case EDGE_SAVED: return "not a saved state of this model, or a damaged one";
    }
    return "unknown error";
}
