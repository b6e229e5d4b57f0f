/* Learning by class means with counts (minisnn_edge.h). A mean c is in 256ths, as x = p / 16 does, p being clipped at 4080; with
   residuals in 65536ths, of which `mean` has the nearest 256th, and `residual` what is left, -128 .. 127. In its last place,

     c += floor((x - c) / n + 1/2)        a shot that is taught, n of them with it;  stochastic: + a number in [0, 1) in place of 1/2
     c -= floor(...) likewise             one that is taken back, n of them without it, and kept within 0 .. 255

   are off by half at most (stochastic: one), so that n c is off the exact sum by half the sum of all n so far: `slack` has that sum.

     squared distance = (sum p^2 - 32 sum m p + 256 sum m^2) >> 8          m: the mean in 256ths; distances in 65536ths */
#include "minisnn_edge_neuron.h"

#include <string.h>

enum { LAST = 16, MOST = 255, RESIDUAL = 256, BLOCK = 4096 };           /* BLOCK products of 255 and 4096 fit 32 bits */

static uint8_t *mean_at(const edge *e, uint32_t place) { return e->mean + (size_t)place * (size_t)e->model->inputs; }

/* The place of a class, or the number of them where there is none of this id. */
static uint32_t place_of(const edge *e, int id)
{
    uint32_t low = 0, high = e->classes;
    if (id < 0) return e->classes;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (e->known[middle].id < (uint32_t)id) low = middle + 1;
        else high = middle;
    }
    return low < e->classes && e->known[low].id == (uint32_t)id ? low : e->classes;
}

/* ---- answers */

static uint64_t square_of_traces(const edge *e)
{
    uint64_t sum = 0;
    int32_t i;
    for (i = 0; i < e->model->inputs; i++) {
        const uint32_t p = (uint32_t)trace_of(e->model, e->now[i]);
        sum += p * p;
    }
    return sum;
}

static uint32_t distance_to(const edge *e, const uint8_t *m, uint32_t square, uint64_t own)
{
    uint64_t across = 0;
    int32_t i, end;
    for (i = 0; i < e->model->inputs;) {
        uint32_t sum = 0;
        end = e->model->inputs - i < BLOCK ? e->model->inputs : i + BLOCK;
        for (; i < end; i++) sum += m[i] * (uint32_t)trace_of(e->model, e->now[i]);
        across += sum;
    }
    return (uint32_t)((own + 256 * (uint64_t)square - 32 * across) >> 8);
}

static uint32_t distance(const edge *e, uint32_t place, uint64_t own)
{
    const edge_class *c = e->known + place;
    return c->shots ? distance_to(e, mean_at(e, place), c->square, own) : UINT32_MAX;
}

/* Whether one of the means that are no class is nearer than this, and not beyond refuse. */
static int is_nothing(const edge *e, uint32_t least, uint64_t own)
{
    const size_t inputs = (size_t)e->model->inputs;
    const uint8_t *m = e->model->nothing;
    int32_t k;
    size_t i;
    for (k = 0; k < e->model->nothings; k++, m += inputs) {
        uint32_t square = 0, far;
        for (i = 0; i < inputs; i++) square += (uint32_t)m[i] * m[i];
        far = distance_to(e, m, square, own);
        if (far < least && (!e->learner.refuse || far <= e->learner.refuse)) return 1;
    }
    return 0;
}

edge_error edge_distances(edge *e, uint32_t *distances)
{
    edge_error found;
    uint64_t own;
    uint32_t k;
    if (!e || !e->model || !distances) return EDGE_ARGUMENT;
    if (!by_means(e->model)) return EDGE_OPTION;
    found = edge_settle(e);
    if (found != EDGE_OK) return found;
    own = square_of_traces(e);
    for (k = 0; k < e->classes; k++) distances[k] = distance(e, k, own);
    return EDGE_OK;
}

edge_error edge_means_scores(edge *e, int16_t *scores, int *label)
{
    const uint64_t own = square_of_traces(e), refuse = e->learner.refuse;
    uint32_t k, best = 0, least = UINT32_MAX;
    for (k = 0; k < e->classes; k++) {
        const uint32_t far = distance(e, k, own);
        if (scores) scores[k] = (int16_t)(e->known[k].shots ? -clip(far >> 7, 0, INT16_MAX) : INT16_MIN);
        if (far < least) least = far, best = k;
    }
    if (!label) return EDGE_OK;
    *label = EDGE_NONE;
    if (least == UINT32_MAX || (refuse && least > refuse + refuse / e->known[best].shots)) return EDGE_OK;
    if (is_nothing(e, least, own)) return EDGE_OK;
    *label = (int)e->known[best].id;
    return EDGE_OK;
}

/* ---- lessons */

/* a / b, rounded down; b > 0. */
static int32_t quotient(int32_t a, int32_t b) { return a / b - (a % b < 0); }

/* The shot that was given is taken into a class's mean, or back out of it. */
static void shot(edge *e, uint32_t place, int taught)
{
    edge_class *const c = e->known + place;
    uint8_t *const m = mean_at(e, place);
    int8_t *const rest = e->residual ? e->residual + (m - e->mean) : NULL;
    const uint32_t inputs = (uint32_t)e->model->inputs, n = taught ? c->shots + 1 : c->shots - 1;
    const int32_t unit = rest ? RESIDUAL : 1, by = (int32_t)(LAST * n);
    uint32_t i;
    c->shots = n;
    c->slack = n > UINT32_MAX - c->slack ? UINT32_MAX : c->slack + n;
    c->square = 0;
    if (!n) {
        c->slack = 0;
        memset(m, 0, inputs);
        if (rest) memset(rest, 0, inputs);
        return;
    }
    for (i = 0; i < inputs; i++) {
        const int32_t p = trace_of(e->model, e->now[i]), old = m[i] * unit + (rest ? rest[i] : 0);
        const int32_t away = (p > LAST * MOST ? LAST * MOST : p) * unit - LAST * old;
        int32_t half = by / 2, new;
        if (e->learner.rounding == EDGE_STOCHASTIC) {
            e->noise = xorshift32(e->noise);
            half = (int32_t)((uint64_t)e->noise * (uint32_t)by >> 32);
        }
        new = clip(old + (int64_t)quotient((taught ? away : -away) + half, by), 0, MOST * unit);
        tally(&e->counts.clipped, p > LAST * MOST);
        tally(&e->counts.written, new != old);
        m[i] = (uint8_t)((new + unit / 2) / unit);
        if (rest) rest[i] = (int8_t)(new - unit * m[i]);
        c->square += (uint32_t)m[i] * m[i];
    }
}

edge_error edge_means_learn(edge *e, int label)
{
    const uint32_t place = place_of(e, label);
    edge_error found;
    if (place == e->classes) return EDGE_LABEL;
    if (e->known[place].shots == EDGE_MOST_SHOTS) return EDGE_FULL;
    found = edge_settle(e);
    if (found == EDGE_OK) shot(e, place, 1);
    return found;
}

edge_error edge_correct(edge *e, int from, int to)
{
    edge_error found;
    uint32_t old, new;
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (!by_means(e->model)) return EDGE_OPTION;
    old = place_of(e, from);
    new = place_of(e, to);
    if (old == e->classes || !e->known[old].shots || (new == e->classes && to != EDGE_NONE)) return EDGE_LABEL;
    if (old != new && to != EDGE_NONE && e->known[new].shots == EDGE_MOST_SHOTS) return EDGE_FULL;
    found = edge_settle(e);
    if (found != EDGE_OK || old == new) return found;
    shot(e, old, 0);
    if (to != EDGE_NONE) shot(e, new, 1);
    return EDGE_OK;
}

edge_error edge_remove_class(edge *e, int label)
{
    uint32_t place, after;
    size_t inputs;
    if (!e || !e->model) return EDGE_ARGUMENT;
    if (!by_means(e->model)) return EDGE_OPTION;
    place = place_of(e, label);
    if (place == e->classes) return EDGE_LABEL;
    inputs = (size_t)e->model->inputs;
    after = --e->classes - place;
    memmove(e->known + place, e->known + place + 1, after * sizeof *e->known);
    memmove(mean_at(e, place), mean_at(e, place + 1), after * inputs);
    memset(mean_at(e, e->classes), 0, inputs);
    if (e->residual) {
        int8_t *const rest = e->residual + place * inputs;
        memmove(rest, rest + inputs, after * inputs);
        memset(e->residual + e->classes * inputs, 0, inputs);
    }
    return EDGE_OK;
}

edge_error edge_class_at(const edge *e, uint32_t place, edge_class *to)
{
    if (!e || !e->model || !to) return EDGE_ARGUMENT;
    if (!by_means(e->model)) return EDGE_OPTION;
    if (place >= e->classes) return EDGE_LABEL;
    *to = e->known[place];
    return EDGE_OK;
}
