/* What a test asks of the library through ctypes and cannot see from outside. */
#include <string.h>

#include "minisnn_edge.h"
#include "chip.h"

size_t shim_edge(void) { return sizeof(edge); }
const edge_model *shim_model(void) { return &chip_model; }
size_t shim_words(uint32_t steps, uint32_t classes, uint32_t window) { return CHIP_WORDS(steps, classes, window); }
void shim_counts(const edge *e, uint32_t *to) { memcpy(to, &e->counts, sizeof e->counts); }

void shim_readout(const edge *e, int32_t *weight, int32_t *bias)
{
    uint32_t i, k;
    for (i = 0; i < (uint32_t)e->model->inputs; i++)
        for (k = 0; k < e->classes; k++) *weight++ = e->weight[i * e->room.classes + k];
    for (k = 0; k < e->classes; k++) *bias++ = e->bias[k];
}

/* Of a class mean: id, shots, slack, then its mean, and its residuals where there are some. */
void shim_class(const edge *e, uint32_t place, int32_t *to)
{
    const size_t inputs = (size_t)e->model->inputs;
    edge_class c = {0, 0, 0, 0};
    size_t i;
    if (edge_class_at(e, place, &c) != EDGE_OK) return;
    *to++ = (int32_t)c.id, *to++ = (int32_t)c.shots, *to++ = (int32_t)c.slack;
    for (i = 0; i < inputs; i++) to[i] = e->mean[place * inputs + i] * (e->residual ? 256 : 1) + (e->residual ? e->residual[place * inputs + i] : 0);
}

static edge_stream stream;
static edge_timed timed[64];

int shim_stream_open(edge *e, uint32_t room, uint32_t window, uint32_t least, uint32_t factor)
{
    const edge_onset onset = {window, least, factor};
    return edge_stream_open(&stream, e, timed, room, &onset);
}

int shim_stream_event(uint32_t t, int x, int y, int polarity, int *whole)
{
    const edge_timed event = {t, (uint8_t)x, (uint8_t)y, (uint8_t)polarity};
    return edge_stream_event(&stream, event, whole);
}

int shim_stream_time(uint32_t t, int *whole) { return edge_stream_time(&stream, t, whole); }
int32_t shim_stream(int what) { return (int32_t[]){(int32_t)stream.noise, (int32_t)stream.lost, stream.right, stream.down}[what]; }

int shim_learner(edge *e, const int32_t *numbers, uint32_t noise)
{
    edge_learner l;
    memcpy(&l, numbers, 9 * sizeof *numbers);
    l.noise = noise;
    l.refuse = (uint32_t)numbers[9];
    l.residuals = numbers[10];
    return edge_set_learner(e, &l);
}
