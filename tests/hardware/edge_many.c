/* Many networks, one after the other: edge_many < records > numbers, all int32, lowest byte first.

   A record: bytes of a model.bin, the model (hardware/c/export.py, `packed`); steps, classes, window of the room; samples, of which
   support, and steps of each; labels of the support; counts, a byte a cell. The support is presented and learned, then one update,
   then the rest. By class means, all classes are there from the start. Found: the error of edge_init; where it is none, the scores
   of every step (small build: of the last) of every sample, the weights and biases or the means (classes, inputs), the six counts. Memory is on the heap and just as long as asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "minisnn_edge.h"

enum { HEAD = 3, NUMBERS = 38, SIZES = 8, MOST = 64 };

static void fail(const char *what)
{
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

static void *taken(size_t bytes)
{
    void *found = malloc(bytes + !bytes);
    if (!found || fread(found, 1, bytes, stdin) != bytes) fail("the record ends early");
    return found;
}

static void put(int32_t x)
{
    if (fwrite(&x, 4, 1, stdout) != 1) fail("writing");
}

static void good(edge_error error)
{
    if (error != EDGE_OK) fail(edge_message(error));
}

static void unpack(const uint32_t *words, size_t bytes, edge_model *m, edge_layer *layers)
{
    const int32_t *n = (const int32_t *)(words + HEAD), *at = n + NUMBERS;
    int32_t k;
    const edge_model found = {n[36] ? &edge_cuba : &edge_lif, n[0], n[1], n[2], n[3], n[4], n[5], n[27], n[28], n[6], n[7], n[8], n[29],
                              n[9], n[10], layers, n[11], n[12], n[13], n[14], n[15], NULL, NULL, NULL, NULL,
                              {n[16], n[17], n[18], n[19], n[20], n[21], n[22], n[23], n[24], (uint32_t)n[25], (uint32_t)n[30], n[31]}, (uint32_t)n[26],
                              n[32], n[33], n[34], n[35], n[37], NULL};
    memcpy(m, &found, sizeof found);
    if (m->layers > MOST) fail("too many layers");
    for (k = 0; k < m->layers; k++) {
        const int32_t *s = at, four = (s[3] + 3) / 4;
        const edge_layer l = {s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], (const uint32_t *)(s + SIZES),
                              s + SIZES + s[4] * s[4] * s[2] * four};
        layers[k] = l;
        at = l.bias + 4 * four;
    }
    m->weight = (const int8_t *)at;
    m->bias = at + (m->inputs * m->ways + 3) / 4;
    m->exponential = m->bias + m->ways;
    m->reciprocal = m->exponential + 256;
    m->nothing = (const uint8_t *)(m->reciprocal + 16);
    if ((const char *)(m->reciprocal + 16 + (m->inputs * m->nothings + 3) / 4) != (const char *)words + bytes) fail("a model of another length");
}

static void present(edge *e, const uint8_t *x, uint32_t steps, size_t cells, int16_t *scores)
{
    uint32_t t, k;
    good(edge_start(e));
    for (t = 0; t < steps; t++, x += cells) {
        uint8_t *own = malloc(cells);                                   /* so that a look beyond it is seen */
        if (!own) fail("memory");
        memcpy(own, x, cells);
        good(edge_step_counts(e, own));
        free(own);
#ifndef EDGE_STEPWISE
        if (t + 1 < steps) continue;
#endif
        good(edge_scores(e, scores, NULL));
        for (k = 0; k < e->classes; k++) put(scores[k]);
    }
}

int main(void)
{
    uint32_t bytes, n, k;
    while (fread(&bytes, 4, 1, stdin) == 1) {
        uint32_t *model_bin = taken(bytes), *sizes = taken(24);
        int32_t *labels = taken(4 * sizes[4]);
        const uint32_t samples = sizes[3], support = sizes[4], steps = sizes[5];
        const edge_room room = {sizes[0], sizes[1], sizes[2]};
        edge_layer layers[MOST];
        edge_model m;
        edge e;
        edge_error found;
        size_t words, cells;
        uint32_t *memory;
        uint8_t *x;
        unpack(model_bin, bytes, &m, layers);
        cells = (size_t)(layers[0].height * layers[0].width * layers[0].inputs);
        x = taken(samples * steps * cells);
        words = edge_words(&m, room);
        memory = malloc(4 * words + !words);
        if (!memory) fail("memory");
        memset(memory, 0xA5, 4 * words);
        found = edge_init(&e, &m, room, memory, words);
        put((int32_t)found);
        if (found == EDGE_OK) {
            int16_t *scores = malloc(2 * room.classes);
            if (!scores) fail("memory");
            for (k = 0; e.known && k < room.classes; k++) good(edge_add_class(&e, NULL));
            for (n = 0; n < samples; n++) {
                present(&e, x + n * steps * cells, steps, cells, scores);
                if (n < support) good(edge_learn(&e, labels[n]));
                if (n + 1 == support) good(edge_update(&e));
            }
            for (n = 0; e.known && n < (uint32_t)m.inputs * e.classes; n++) put(e.mean[n]);
            for (n = 0; e.weight && n < (uint32_t)m.inputs; n++)
                for (k = 0; k < e.classes; k++) put(e.weight[n * e.room.classes + k]);
            for (k = 0; e.weight && k < e.classes; k++) put(e.bias[k]);
            put((int32_t)e.counts.input_clipped), put((int32_t)e.counts.membrane_clipped), put((int32_t)e.counts.written);
            put((int32_t)e.counts.gated), put((int32_t)e.counts.clipped), put((int32_t)e.counts.gradient_saturated);
            free(scores);
        }
        free(memory), free(x), free(labels), free(sizes), free(model_bin);
    }
    return 0;
}
