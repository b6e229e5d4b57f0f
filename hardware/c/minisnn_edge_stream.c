/* Events with timestamps: a recording's beginning is found, its events are moved where the model wants them, and binned.

   While nothing happens, events of the last `window` microseconds are kept, and the number n of a window is averaged, in 256ths:
   noise += (256 n - noise) / k, rounded down, k being the number of windows so far, 16 at most. A recording begins with the oldest
   event kept as soon as there are `least` of them and 256 n >= factor noise; not within the first 8 windows, unless factor is 0. It
   lasts as long as the model says. Another can begin when a window has had fewer than that.

   Of 32 bits of time a step of 2^31 or more is one back. A camera that was silent for 36 minutes, or one stamp far ahead, would
   have every later event refused until the clock came round: after EDGE_REFUSALS of more than a window, time begins again. */
#include "minisnn_edge_neuron.h"

#include <string.h>

enum { IDLE, SEEING, RESTING, WINDOWS = 256, HEARD = 16, LEAST_HEARD = 8 };

static const edge_onset USUAL = {20000, 30, 3};

edge_error edge_stream_open(edge_stream *s, edge *e, edge_timed *events, size_t room, const edge_onset *onset)
{
    const edge_onset how = onset ? *onset : USUAL;
    const edge_model *m = e ? e->model : NULL;
    if (!s || !m || !events) return EDGE_ARGUMENT;
    if (!in(m->bin, 1, 1000000) || !in(m->steps, 1, 2000) || !in(m->centred, 0, 1)) return EDGE_MODEL;
    if (!in(m->cell, 1, 256) || m->layer->width * m->cell > 256 || m->layer->height * m->cell > 256) return EDGE_MODEL;
    if (how.window < 1 || how.window > 1000000 || how.least < 1 || how.factor > 65535) return EDGE_OPTION;
    if (room < how.least || room > 1u << 20) return EDGE_MEMORY;
#ifndef EDGE_STEPWISE
    if (e->room.steps < (uint32_t)m->steps) return EDGE_MEMORY;
#endif
    memset(s, 0, sizeof *s);
    s->network = e, s->events = events, s->room = (uint32_t)room, s->onset = how;
    return EDGE_OK;
}

static void drop_first(edge_stream *s, uint32_t n)
{
    s->held -= n;
    memmove(s->events, s->events + n, s->held * sizeof *s->events);
}

static int loud(const edge_stream *s, uint32_t n)
{
    if (s->onset.factor && s->heard < LEAST_HEARD) return 0;
    return n >= s->onset.least && (uint64_t)256 * n >= (uint64_t)s->onset.factor * s->noise;
}

/* round((size - 1) / 2 - M / A), ties to even: the pixels that bring the mean of A events at places of the sum M to the middle. */
static int32_t shift_of(int64_t size, int64_t M, int64_t A)
{
    const int64_t twice = (size - 1) * A - 2 * M + A, whole = twice >= 0 ? twice / (2 * A) : -((2 * A - 1 - twice) / (2 * A));
    return A ? (int32_t)(whole - (twice == 2 * A * whole && whole % 2 != 0)) : 0;
}

static void centre(edge_stream *s)
{
    const edge_layer *l = s->network->model->layer;
    const int32_t cell = s->network->model->cell;
    int64_t x = 0, y = 0;
    uint32_t i;
    for (i = 0; i < s->held; i++) x += s->events[i].x, y += s->events[i].y;
    s->right = s->held ? shift_of(l->width * cell, x, s->held) : 0;
    s->down = s->held ? shift_of(l->height * cell, y, s->held) : 0;
}

/* The network takes the steps before `until`; events of one step are put together at the front of the buffer, where they lay. */
static edge_error feed(edge_stream *s, uint32_t until)
{
    const edge_model *m = s->network->model;
    const int32_t width = m->layer->width * m->cell, height = m->layer->height * m->cell;
    edge_event *const step = (edge_event *)(void *)s->events;
    for (; s->step < until; s->step++) {
        uint32_t n = 0, i;
        edge_error error;
        for (i = 0; i < s->held && (s->events[i].t - s->begin) / (uint32_t)m->bin == s->step; i++) {
            const edge_timed one = s->events[i];
            const int32_t x = one.x + s->right, y = one.y + s->down;
            if (x < 0 || x >= width || y < 0 || y >= height) continue;
            step[n].x = (uint8_t)(x / m->cell), step[n].y = (uint8_t)(y / m->cell), step[n].polarity = one.polarity;
            n++;
        }
        error = edge_step(s->network, step, n);
        if (error != EDGE_OK) return error;
        drop_first(s, i);
    }
    return EDGE_OK;
}

/* A window is over after the other, up to t. */
static void windows(edge_stream *s, uint32_t t)
{
    uint32_t n = 0;
    for (; t - s->mark >= s->onset.window && n < WINDOWS; n++, s->mark += s->onset.window, s->count = 0) {
        if (s->state == IDLE) {
            const int64_t away = 256 * (int64_t)s->count - (int64_t)s->noise;
            if (s->heard < HEARD) s->heard++;
            s->noise = (uint32_t)(s->noise + away / s->heard - (away % s->heard < 0));
            if (!s->count) s->held = 0;                                 /* too old, and of another round of the clock by and by */
        } else if (!loud(s, s->count)) s->state = IDLE;
    }
    if (n == WINDOWS) s->mark = t;
}

/* Time has come to t. */
static edge_error pass(edge_stream *s, uint32_t t, int *whole)
{
    const edge_model *m = s->network->model;
    const uint32_t length = (uint32_t)m->bin * (uint32_t)m->steps;
    edge_error error = EDGE_OK;
    if (!s->begun) s->begun = 1, s->mark = s->last = t;
    if (t - s->last > INT32_MAX) {                                      /* back in time */
        const int late = s->last - t < s->onset.window;                 /* an event out of order: time is soon there again */
        if (late || s->refused < EDGE_REFUSALS) {
            s->refused += !late;
            return EDGE_INPUT;
        }
        s->state = IDLE;
        s->held = s->count = 0;
        s->mark = t;
    }
    s->refused = 0;
    s->last = t;
    if (s->state == SEEING) {
        const int over = t - s->begin >= length;
        if (over && m->centred) centre(s);
        if (over || !m->centred) error = feed(s, over ? (uint32_t)m->steps : (t - s->begin) / (uint32_t)m->bin);
        if (!over && error == EDGE_OK) return EDGE_OK;
        s->state = RESTING;
        s->held = s->count = 0;
        s->mark = t;
        if (whole) *whole = error == EDGE_OK;
        return error;
    }
    windows(s, t);
    return EDGE_OK;
}

edge_error edge_stream_time(edge_stream *s, uint32_t t, int *whole)
{
    if (!s || !s->network) return EDGE_ARGUMENT;
    if (whole) *whole = 0;
    return pass(s, t, whole);
}

edge_error edge_stream_event(edge_stream *s, edge_timed event, int *whole)
{
    const edge_model *m;
    edge_error error;
    uint32_t old = 0;
    if (!s || !s->network) return EDGE_ARGUMENT;
    m = s->network->model;
    if (event.x >= m->layer->width * m->cell || event.y >= m->layer->height * m->cell) return EDGE_INPUT;
    if (event.polarity >= m->layer->inputs) return EDGE_INPUT;
    if (whole) *whole = 0;
    error = pass(s, event.t, whole);
    if (error != EDGE_OK) return error;
    s->count++;
    if (s->state == RESTING) return EDGE_OK;
    if (s->state == IDLE) {
        while (old < s->held && event.t - s->events[old].t >= s->onset.window) old++;
        if (old == 0 && s->held == s->room) old = 1;
        drop_first(s, old);
    } else if (s->held == s->room) {
        if (s->lost < UINT32_MAX) s->lost++;
        return EDGE_OK;
    }
    s->events[s->held++] = event;
    if (s->state == IDLE && loud(s, s->held)) {
        s->state = SEEING;
        s->begin = s->events[0].t;
        s->step = 0;
        s->lost = 0;
        s->right = s->down = 0;
        return edge_start(s->network);
    }
    return EDGE_OK;
}
