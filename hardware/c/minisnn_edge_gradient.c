/* Learning by gradients: the membrane rule and the three-factor rule (minisnn_edge.h). */
#include "minisnn_edge_neuron.h"

#include <string.h>

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
    tally(&e->counts.gradient_saturated, *G != wide);
}

static int64_t size_of(int32_t x) { return x < 0 ? -(int64_t)x : x; }

static int32_t put(edge *e, int32_t old, int64_t wide, int32_t low, int32_t high)
{
    const int32_t new = clip(wide, low, high);
    tally(&e->counts.clipped, new != wide);
    tally(&e->counts.written, new != old);
    return new;
}

/* W - the rounded G, within low .. high, where |G| > theta; G is zero again. A number of the noise goes to every synapse. */
static int32_t updated(edge *e, int32_t W, int32_t *G, int64_t theta, int32_t k, int32_t low, int32_t high)
{
    const int32_t g = *G;
    e->noise = xorshift32(e->noise);
    *G = 0;
    if (size_of(g) <= theta) {
        tally(&e->counts.gated, 1);
        return W;
    }
    return put(e, W, W - shift(g, k, e->learner.rounding, k > 0 ? e->noise >> (32 - k) : 0), low, high);
}

void edge_gradient_update(edge *e)
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
    e->pending = 0;
}

void edge_gradient_learn(edge *e, uint32_t label)
{
    const int32_t mode = e->learner.rounding == EDGE_STOCHASTIC ? EDGE_FLOOR : e->learner.rounding;
    const edge_model *m = e->model;
    const uint32_t room = e->room.classes, n = e->held;
    uint32_t first, i, k, t;
    int replay;
    first = e->learner.rule != EDGE_THREE_FACTOR ? n - 1 : n > (uint32_t)e->learner.window ? n - (uint32_t)e->learner.window : 0;
    for (t = first; t < n; t++) {                                       /* h of the steps that count; step t is in this slot: */
        const uint32_t slot = (e->slot + e->room.window + 1 - n + t) % e->room.window;
        int32_t *u = e->u + (size_t)slot * room, *h = e->h + (size_t)t * room;
        errors(e, u, label, h);
        if (e->learner.rule == EDGE_THREE_FACTOR)
            for (k = 0; k < e->classes; k++) h[k] = (int32_t)shift(h[k] * surrogate(m, u[k]), 8, mode, 0);
        for (k = 0; k < e->classes; k++) add(e, e->bias_gradient + k, UNITY * h[k]);
    }
    if (first < n - 1) {                                                /* traces run through the window once more, to where they are */
        memcpy(e->now, e->before, (size_t)m->inputs * sizeof *e->now);
        e->traces = e->traces_before;
        t = 0;
    } else t = n - 1;
    for (replay = t < n - 1; t < n; t++) {
        const uint32_t *spikes = e->ring + (size_t)((e->slot + e->room.window + 1 - n + t) % e->room.window) * features(m);
        if (replay && !m->neuron->late) m->neuron->traces(m, e->now, spikes, &e->traces);
        for (i = 0; i < (uint32_t)m->inputs && t >= first; i++) {
            const int32_t p = trace_of(m, e->now[i]);
            for (k = 0; k < e->classes && p; k++) add(e, e->gradient + (size_t)i * room + k, e->h[(size_t)t * room + k] * p);
        }
        if (replay && m->neuron->late && t + 1 < n) m->neuron->traces(m, e->now, spikes, &e->traces);
    }
    e->pending++;
    if (e->learner.online) edge_gradient_update(e);
}
