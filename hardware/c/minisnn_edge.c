/* Inference of the integer network; minisnn_edge.h describes interface and builds. Neurons, learning rules and saved states
   have files of their own.

   At every step, events spread their weights into V, of which the conv layers' neurons make spikes; of the presynaptic traces p of
   the last layer's, which it needs to learn, the readout makes

     u = sat16(shift(sum w p + bias) - ((rho r) >> 12))         r = (G r + (4096 - G) 4096 s) >> 12,  s = u >= threshold

   V is gathered, not scattered: the spikes in a neuron's window are listed once, and their rows of weights are summed for all
   output channels. Four weights a, b, c, d lie in a word, 128 added to each, lowest first; sums of w & 0x00FF00FF hold those of a
   and c in 16 bits each, sums of w >> 8 those of b + 2^8 c + 2^16 d, so that four additions cost two, and no byte order is met
   with; 256 rows fit before the sums are handed on (256 x 255 (1 + 2^8 + 2^16) < 2^32). */
#include "minisnn_edge_neuron.h"

#include <string.h>

enum { LIST = 256, CLASS_WORDS = sizeof(edge_class) / 4 };
static const uint32_t EVEN = 0x00FF00FFu;

#if defined(__GNUC__) && (defined(__SSE2__) || defined(__ARM_NEON) || defined(__wasm_simd128__))
#define EDGE_VECTORS                    /* of GCC and clang, where the machine has some; the same numbers without */
typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));
#endif

#if defined(__GNUC__)
#define LOWEST_BIT(x) ((uint32_t)__builtin_ctz(x))
#else
static uint32_t LOWEST_BIT(uint32_t x)
{
    uint32_t n = 0;
    for (; !(x & 1); x >>= 1) n++;
    return n;
}
#endif

/* ---- how large everything is */

static uint32_t state_of(const edge_model *m, const edge_layer *l) { return m->neuron->state * fours(l); }

static int layer_fits(const edge_model *m, const edge_layer *l)
{
    const edge_layer *before = l == m->layer ? NULL : l - 1;
    if (!l->weight || !l->bias || !in(l->pool, EDGE_NO_POOL, EDGE_MEAN) || !in(l->kernel, 1, 15) || l->kernel % 2 == 0) return 0;
    if (!in(l->height, l->pool ? 2 : 1, 256) || !in(l->width, l->pool ? 2 : 1, 256)) return 0;
    if (!in(l->inputs, 1, 4096) || !in(l->outputs, 1, 4096)) return 0;
    if (before && (l->height != (int32_t)rows_out(before) || l->width != (int32_t)columns_out(before))) return 0;
    return (!before || l->inputs == before->outputs) && m->neuron->layer_fits(m, l);
}

static int learner_fits(const edge_learner *l, uint32_t window)
{
    if (l->refuse > INT32_MAX) return 0;                                /* for twice as much in 32 bits */
    if (!in(l->residuals, 0, 1)) return 0;
    if (l->rule == EDGE_CLASS_MEAN && (l->threshold || l->online || l->rounding < EDGE_NEAREST)) return 0;
    return in(l->rule, EDGE_MEMBRANE, EDGE_CLASS_MEAN) &&
           in(l->error, EDGE_SOFTMAX, EDGE_TERNARY) && in(l->rounding, EDGE_FLOOR, EDGE_STOCHASTIC) && in(l->threshold, 0, 255) &&
           in(l->shift_weight, -12, 32) && in(l->shift_bias, -12, 32) && in(l->trigger, 0, 127) && l->noise != 0 &&
           (l->rule != EDGE_THREE_FACTOR || (l->window >= 1 && (uint32_t)l->window <= window));
}

static int model_fits(const edge_model *m)
{
    int64_t room;
    int32_t n;
    if (!in(m->alpha, 0, 4095) || !in(m->beta, 0, 4095) || !in(m->gamma, 0, 4095) || !in(m->rho, -32768, 32767)) return 0;
    if (!in(m->threshold, -32768, 32767) || !in(m->slope, 0, 32767) || !in(m->fraction, 0, 16) || !in(m->weight_bits, 2, 8)) return 0;
    if (!in(m->membrane, EDGE_FLOOR, EDGE_NEAREST) || !m->neuron || !m->neuron->model_fits(m)) return 0;
    if (!in(m->layers, 1, 64) || !m->layer || !m->weight || !m->bias || !m->exponential || !m->reciprocal) return 0;
    for (n = 0; n < m->layers; n++)
        if (!layer_fits(m, m->layer + n)) return 0;
    if (m->inputs != (int32_t)(rows_out(last(m)) * columns_out(last(m))) * last(m)->outputs) return 0;
    if (!in(m->ways, 1, 4096) || !in(m->bits, 2, 8) || !in(m->exponent, 2 - SHIFT, 2 + SHIFT) || m->bias_room < 0) return 0;
    room = INT32_MAX - ((int64_t)m->inputs * UNITY << (m->bits - 1));
    if (m->bias_room > room) return 0;
    if (by_means(m) && (m->inputs > 65535 || !in(m->learner.residuals, 0, 1))) return 0;       /* squared distances have 32 bits */
    if (!in(m->nothings, 0, 255) || (m->nothings && !m->nothing)) return 0;
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
        uint64_t site = (uint64_t)window_of(l) * state_of(m, l), sums = (uint64_t)(window_of(l) + 1) * 4 * fours(l);
#ifdef EDGE_STEPWISE
        p.spikes += (uint64_t)rows_out(l) * row_out(m, l);
        p.state += rows_out(l) * columns_out(l) * site;
#else
        /* A layer's output grows from the bottom while its input is at the top and goes away row by row. */
        uint32_t y;
        for (y = 0; y < rows_out(l); y++) {
            uint32_t first = (l->pool ? 2 : 1) * y, rim = (uint32_t)l->kernel / 2, gone = first > rim ? first - rim : 0;
            uint64_t rows = (uint64_t)(y + 1) * row_out(m, l) + (uint64_t)(rows_in(l) - gone) * row_in(m, l);
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
    if (!model || !model_fits(model) || room.classes < (by_means(model) ? 1 : (uint32_t)model->ways) || room.classes > 4096) return 0;
    if (room.window < 1 || room.window > 65535) return 0;
#ifndef EDGE_STEPWISE
    if (room.steps < 1 || room.steps > 65535) return 0;
#endif
    p = plan_of(model, room);
    total = p.spikes + p.state + p.sums + LIST + (uint64_t)model->inputs * (room.window > 1 ? 2 : 1);
    total += (uint64_t)room.window * features(model);
    if (by_means(model)) {
        total += CLASS_WORDS * (uint64_t)room.classes;
        total += (1 + (uint64_t)model->learner.residuals) * weight_words(model, room.classes);
    } else {
        total += (2 * (uint64_t)room.window + 3) * room.classes;
        total += (uint64_t)model->inputs * room.classes + weight_words(model, room.classes);
    }
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
    if (by_means(model)) {
        e->known = take(&memory, CLASS_WORDS * (uint64_t)room.classes);
        e->mean = take(&memory, weight_words(model, room.classes));
        if (model->learner.residuals) e->residual = take(&memory, weight_words(model, room.classes));
    } else {
        e->u = take(&memory, (uint64_t)room.window * room.classes);
        e->h = take(&memory, (uint64_t)room.window * room.classes);
        e->r = take(&memory, room.classes);
        e->gradient = take(&memory, (uint64_t)model->inputs * room.classes);
        e->bias_gradient = take(&memory, room.classes);
        e->bias = take(&memory, room.classes);
        e->weight = take(&memory, weight_words(model, room.classes));
    }
    e->learner = model->learner;
    e->noise = e->afresh = e->learner.noise;
    edge_forget(e);
    return edge_start(e);
}

/* The state after the numbers of so many steps of all traces, two each a step. */
static uint32_t skip(const edge *e, uint32_t x, uint32_t steps)
{
    uint32_t n;
    for (; steps; steps--)
        for (n = 2 * (uint32_t)e->model->inputs; n; n--) x = xorshift32(x);
    return x;
}

/* What the next recording's traces begin with: two steps more than there were had their numbers, in which the last spikes reach p. */
uint32_t edge_begin(const edge *e)
{
    if (e->afresh || !noisy(e->model)) return e->afresh;
    if (!e->steps) return e->traces.q;
    return e->settled ? skip(e, e->traces.p, 1) : skip(e, e->traces.q, e->steps + 2);
}

edge_error edge_start(edge *e)
{
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (noisy(e->model)) {                                              /* p is a step ahead of q */
        e->traces.q = edge_begin(e);
        e->traces.p = skip(e, e->traces.q, 1);
        e->traces_before = e->traces;
        e->afresh = 0;
    }
    memset(e->spikes, 0, e->spike_words * sizeof *e->spikes);
    memset(e->state, 0, e->state_words * sizeof *e->state);
    memset(e->now, 0, (size_t)e->model->inputs * 4);
    memset(e->before, 0, (size_t)e->model->inputs * 4);
    if (e->r) memset(e->r, 0, e->room.classes * sizeof *e->r);
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

/* One step of the neurons behind site (y, x) of a layer's output, and the site's spikes into `out`, whose bits are zero. */
APART static void site(edge *e, const edge_layer *l, const uint32_t *rows, size_t stride, uint32_t *state, uint32_t t, uint32_t y,
                       uint32_t x, uint32_t *out)
{
    const edge_model *m = e->model;
    const uint32_t n = 4 * fours(l), step = l->pool ? 2 : 1, C = (uint32_t)l->outputs, width = plane_out(l);
    const int32_t threshold = m->neuron->spikes ? 1 : m->threshold;
    int32_t *const V = e->sums;
    const int32_t *u = V + n;
    uint32_t s, c, at = x * C;
    for (s = 0; s < window_of(l); s++) {
        gather(e, l, rows, stride, (int32_t)(step * y + s / 2), (int32_t)(step * x + s % 2), V);
        tally(&e->counts.membrane_clipped, m->neuron->step(m, l, t, V, state + s * state_of(m, l), V + (s + 1) * n));
    }
    if (planes_out(m, l) > 1) {                                         /* how many of four spike */
        for (c = 0; c < C; c++, at++, u++) {
            const uint32_t number = (uint32_t)(u[0] + u[n] + u[2 * n] + u[3 * n]);
            for (s = 0; s < PLANES; s++) out[s * width + at / 32] |= (number >> s & 1) << at % 32;
        }
        return;
    }
    for (c = 0; c < C; c++, at++, u++) {
        int fires = u[0] >= threshold;
        if (l->pool == EDGE_MAX) fires |= (u[n] >= threshold) | (u[2 * n] >= threshold) | (u[3 * n] >= threshold);
        if (l->pool == EDGE_MEAN) fires = u[0] + u[n] + u[2 * n] + u[3 * n] >= 4 * threshold;
        out[at / 32] |= (uint32_t)fires << at % 32;
    }
}

/* ---- readout */

/* A step of the readout: its spikes reach the traces at once, or before the next step. The window's first traces lack its spikes. */
static void read_out(edge *e, const uint32_t *rows, size_t stride)
{
    const edge_model *m = e->model;
    const uint32_t window = e->room.window, K = e->room.classes, width = row_out(m, last(m));    /* classes to come count along */
    uint32_t *spikes, i, k, y;
    int32_t *u;
    if (m->neuron->late && e->held) m->neuron->traces(m, e->now, e->ring + (size_t)e->slot * features(m), &e->traces);
    e->slot = e->held ? (e->slot + 1) % window : 0;
    spikes = e->ring + (size_t)e->slot * features(m);
    if (e->held < window) e->held++;
    else if (window > 1) m->neuron->traces(m, e->before, spikes, &e->traces_before);
    for (y = 0; y < rows_out(last(m)); y++) memcpy(spikes + y * width, rows + y * stride, width * sizeof *spikes);
    if (!m->neuron->late) m->neuron->traces(m, e->now, spikes, &e->traces);
    if (by_means(m)) return;                                            /* distances are computed when they are asked for */
    u = e->u + (size_t)e->slot * e->room.classes;
    for (k = 0; k < K; k++) u[k] = e->bias[k];
    for (i = 0; i < (uint32_t)m->inputs; i++) {
        const int32_t p = trace_of(m, e->now[i]);
        const int8_t *w = e->weight + (size_t)i * e->room.classes;
        if (p)
            for (k = 0; k < K; k++) u[k] += w[k] * p;
    }
    for (k = 0; k < K; k++) {
        const int64_t x = shift(u[k], 2 - m->exponent, m->membrane, 0) - ((m->rho * e->r[k]) >> 12);
        u[k] = clip(x, -32768, 32767);
        tally(&e->counts.membrane_clipped, u[k] != x && k < e->classes);
        e->r[k] = (m->gamma * e->r[k] + (u[k] >= m->threshold ? (UNITY - m->gamma) << 12 : 0)) >> 12;
    }
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
        memset(out, 0, rows_out(l) * row_out(m, l) * sizeof *out);
        for (y = 0; y < rows_out(l); y++)
            for (x = 0; x < columns_out(l); x++, state += window_of(l) * state_of(m, l))
                site(e, l, rows, width, state, e->steps, y, x, out + y * row_out(m, l));
        rows = out;
        width = row_out(m, l);
    }
    read_out(e, rows, width);
    memset(e->spikes, 0, rows_in(m->layer) * row_in(m, m->layer) * sizeof *e->spikes);
    e->settled = 1;
    if (++e->steps == 0) e->steps = 16;                                 /* after 50 days; biases repeat themselves in 16 steps */
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
        tally(&e->counts.input_clipped, (uint32_t)count_up(e->model->layer, input_row(e, events[i].y), at, 1));
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
            if (*counts) tally(&e->counts.input_clipped, (uint32_t)count_up(e->model->layer, input_row(e, y), i, *counts));
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
    for (t = 0; t < steps; t++) {
        found = edge_step(e, events, per_step[t]);
        if (found != EDGE_OK) return found;
        if (per_step[t]) events += per_step[t];                         /* where there are none, events may be NULL */
    }
    return EDGE_OK;
}

/* Scores that belong to all steps that were given: in the small build, all layers are computed here, one after the other. */
edge_error edge_settle(edge *e)
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
            const size_t size = rows_out(l) * steps * row_out(m, l);
            uint32_t *out = e->spikes;
            for (y = 0; y < rows_out(l); y++, out += steps * row_out(m, l)) {
                memset(out, 0, steps * row_out(m, l) * sizeof *out);
                for (x = 0; x < columns_out(l); x++) {
                    memset(e->state, 0, window_of(l) * state_of(m, l) * sizeof *e->state);
                    for (t = 0; t < e->steps; t++)
                        site(e, l, rows + t * width, steps * width, e->state, t, y, x, out + t * row_out(m, l));
                }
            }
            width = row_out(m, l);
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
    const edge_error found = edge_settle(e);
    const int32_t *u;
    uint32_t k, best = 0;
    if (found != EDGE_OK) return found;
    if (by_means(e->model)) return edge_means_scores(e, scores, label);
    u = e->u + (size_t)e->slot * e->room.classes;
    for (k = 0; k < e->classes; k++) {
        if (scores) scores[k] = (int16_t)u[k];
        if (u[k] > u[best]) best = k;
    }
    if (label) *label = (int)best;
    return EDGE_OK;
}

/* ---- learning: the rules are in their files */

edge_error edge_learn(edge *e, int label)
{
    edge_error found;
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (by_means(e->model)) return edge_means_learn(e, label);
    if (label < 0 || (uint32_t)label >= e->classes) return EDGE_LABEL;
    found = edge_settle(e);
    if (found != EDGE_OK) return found;
    edge_gradient_learn(e, (uint32_t)label);
    return EDGE_OK;
}

edge_error edge_update(edge *e)
{
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (!by_means(e->model) && !e->learner.online) edge_gradient_update(e);
    return EDGE_OK;
}

uint32_t edge_pending(const edge *e) { return e && e->model ? e->pending : 0; }

static void drop_gradients(edge *e)
{
    e->pending = 0;
    if (by_means(e->model)) return;
    memset(e->gradient, 0, (size_t)e->model->inputs * e->room.classes * sizeof *e->gradient);
    memset(e->bias_gradient, 0, e->room.classes * sizeof *e->bias_gradient);
}

edge_error edge_set_learner(edge *e, const edge_learner *learner)
{
    if (!e || !e->model || !learner) return EDGE_ARGUMENT;
    if (!learner_fits(learner, e->room.window)) return EDGE_OPTION;
    if ((learner->rule == EDGE_CLASS_MEAN) != by_means(e->model)) return EDGE_OPTION;
    if (by_means(e->model) && learner->residuals != e->model->learner.residuals) return EDGE_OPTION;
    e->learner = *learner;
    e->noise = e->afresh = learner->noise;
    drop_gradients(e);
    return EDGE_OK;
}

edge_error edge_add_class(edge *e, int *label)
{
    const edge_class none = {0, 0, 0, 0};
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (e->classes == e->room.classes || e->next > INT32_MAX) return EDGE_FULL;
    if (by_means(e->model)) {
        e->known[e->classes] = none;
        e->known[e->classes].id = e->next;
    } else e->next = e->classes;
    if (label) *label = (int)e->next;
    e->next++;
    e->classes++;                                                       /* what is not in use is zero */
    return EDGE_OK;
}

edge_error edge_forget(edge *e)
{
    const edge_model *m;
    const size_t room = e ? (size_t)e->room.classes : 0;
    uint32_t i, k;
    if (!e || !e->model) return EDGE_ARGUMENT;
    m = e->model;
    drop_gradients(e);
    e->classes = e->next = 0;
    if (by_means(m)) {
        memset(e->known, 0, room * sizeof *e->known);
        memset(e->mean, 0, room * (size_t)m->inputs);
        if (e->residual) memset(e->residual, 0, room * (size_t)m->inputs);
        return EDGE_OK;
    }
    e->classes = e->next = (uint32_t)m->ways;
    memset(e->weight, 0, room * (size_t)m->inputs);
    memset(e->bias, 0, room * sizeof *e->bias);
    for (k = 0; k < e->classes; k++) {
        e->bias[k] = m->bias[k];
        for (i = 0; i < (uint32_t)m->inputs; i++) e->weight[i * room + k] = m->weight[i * e->classes + k];
    }
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
    case EDGE_FULL: return "no room for another step, class or shot";
    case EDGE_EMPTY: return "no step has been given, or nothing was saved";
    case EDGE_LABEL: return "not one of the classes, or one without shots";
    case EDGE_OPTION: return "no such learner, no room for its window, or not what this rule can do";
    case EDGE_SAVED: return "not a saved state of this model, or a damaged one";
    case EDGE_VERSION: return "a saved state of another version of the library, or of another rule";
    case EDGE_PENDING: return "lessons wait for an update: update first, then save";
    case EDGE_STORE: return "the store could not be read or written, or does not keep what was written";
    }
    return "unknown error";
}
