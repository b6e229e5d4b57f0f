/* What the library's files share; not for programs that use it. */
#ifndef MINISNN_EDGE_NEURON_H
#define MINISNN_EDGE_NEURON_H

#include "minisnn_edge.h"

typedef char edge_shifts_are_arithmetic[(-1 >> 1) == -1 ? 1 : -1];

enum { PLANES = 3, UNITY = 4096, SHIFT = 31 };          /* SHIFT: bits from a sum to u, either way, at most */

#if defined(__GNUC__)
#define APART __attribute__((noinline))         /* merged into one function, the inner loops run out of registers */
#else
#define APART
#endif

/* A neuron: what conv layers of it keep and do, and how its spikes reach the readout's traces. */
struct edge_neuron {
    int spikes;                 /* step gives spikes, and a mean of four is their number; else membranes, compared when pooled */
    int late;                   /* a spike is in the traces from the next step on, else at once */
    uint32_t state;             /* words of the states of four neurons */
    int (*model_fits)(const edge_model *m);
    int (*layer_fits)(const edge_model *m, const edge_layer *l);
    /* Step t of the neurons of one site, n = 4 fours(l), one of every channel: V in, u (or spikes) out, in order.
       Returns how many u were clipped. */
    uint32_t (*step)(const edge_model *m, const edge_layer *l, uint32_t t, const int32_t *restrict V, uint32_t *state, int32_t *restrict u);
    /* All traces p | q << 16 of the readout one step on, with the spikes of that step. */
    void (*traces)(const edge_model *m, uint32_t *traces, const uint32_t *spikes, edge_noise *noise);
};

/* ---- numbers */

static inline int32_t clip(int64_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : (int32_t)x; }

/* Counts that stay at their end, and do not start again. */
static inline void tally(uint32_t *count, uint32_t more) { *count = more > UINT32_MAX - *count ? UINT32_MAX : *count + more; }

static inline int64_t shift(int64_t x, int32_t k, int32_t mode, uint32_t noise)
{
    if (k <= 0) return x * ((int64_t)1 << -k);
    if (mode == EDGE_ZERO) return x < 0 ? -(-x >> k) : x >> k;
    return (x + (mode == EDGE_NEAREST ? (int64_t)1 << (k - 1) : mode == EDGE_STOCHASTIC ? (int64_t)noise : 0)) >> k;
}

static inline uint32_t xorshift32(uint32_t x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}

/* ---- how large everything is */

static inline uint32_t words_of(uint32_t bits) { return (bits + 31) / 32; }
static inline uint32_t fours(const edge_layer *l) { return ((uint32_t)l->outputs + 3) / 4; }
static inline uint32_t rows_in(const edge_layer *l) { return (uint32_t)l->height; }
static inline uint32_t rows_out(const edge_layer *l) { return (uint32_t)(l->pool ? l->height / 2 : l->height); }
static inline uint32_t columns_out(const edge_layer *l) { return (uint32_t)(l->pool ? l->width / 2 : l->width); }

/* Bit planes of a layer's output, and of its input: counts have some. */
static inline uint32_t planes_out(const edge_model *m, const edge_layer *l)
{
    return m->neuron->spikes && l->pool == EDGE_MEAN ? PLANES : 1;
}
static inline uint32_t planes(const edge_model *m, const edge_layer *l) { return l == m->layer ? PLANES : planes_out(m, l - 1); }
static inline uint32_t plane_out(const edge_layer *l) { return words_of(columns_out(l) * (uint32_t)l->outputs); }
static inline uint32_t row_out(const edge_model *m, const edge_layer *l) { return planes_out(m, l) * plane_out(l); }
static inline uint32_t plane(const edge_layer *l) { return words_of((uint32_t)(l->width * l->inputs)); }
static inline uint32_t row_in(const edge_model *m, const edge_layer *l) { return planes(m, l) * plane(l); }
static inline uint32_t window_of(const edge_layer *l) { return l->pool ? 4 : 1; }     /* neurons a channel behind one site of the output */
static inline const edge_layer *last(const edge_model *m) { return m->layer + m->layers - 1; }
static inline uint32_t features(const edge_model *m) { return rows_out(last(m)) * row_out(m, last(m)); }

static inline int in(int32_t x, int32_t low, int32_t high) { return low <= x && x <= high; }

static inline int by_means(const edge_model *m) { return m->learner.rule == EDGE_CLASS_MEAN; }

/* p in uQ1.12 of a trace's word; of numbers of spikes it is the mean of four. */
static inline int32_t trace_of(const edge_model *m, uint32_t pq)
{
    return (int32_t)((pq & 0xFFFF) << (12 - m->trace_bits) >> (planes_out(m, last(m)) > 1 ? 2 : 0));
}

/* The most that the weights under the events of a step can come to, whatever they are. */
static inline int64_t most_of_sum(const edge_model *m, const edge_layer *l)
{
    const int64_t inputs = (int64_t)(l->kernel * l->kernel) * l->inputs;
    return inputs * (l == m->layer ? EDGE_MOST_COUNT : planes(m, l) > 1 ? 4 : 1) * ((int64_t)1 << (m->weight_bits - 1));
}

/* ---- between the files */

edge_error edge_settle(edge *e);                                        /* all steps that were given are computed */
uint32_t edge_begin(const edge *e);                                     /* the noise that the next recording's traces begin with */
static inline int noisy(const edge_model *m) { return m->traces == EDGE_STOCHASTIC; }
void edge_gradient_learn(edge *e, uint32_t label);
void edge_gradient_update(edge *e);
edge_error edge_means_learn(edge *e, int label);
edge_error edge_means_scores(edge *e, int16_t *scores, int *label);

#endif
