/* Class means of the library on this computer: answers < record > numbers, all int32, lowest byte first.

   A record: classes, steps, recordings that are taught, recordings that are asked about; labels of the taught; of each recording its
   events in every step (16 bits each), then the events. Found: of each that is asked about the label, and its distance to every class. */
#include <stdio.h>
#include <stdlib.h>

#include "minisnn_edge.h"
#include "chip.h"

enum { CLASSES, STEPS, TAUGHT, ASKED, SIZES };

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void good(edge_error error)
{
    if (error != EDGE_OK) fail(edge_message(error));
}

static void *room(size_t n, size_t size)
{
    void *found = calloc(n + !n, size);
    if (!found) fail("no memory");
    return found;
}

static void take(void *to, size_t size, size_t n)
{
    if (fread(to, size, n, stdin) != n) fail("the record ends early");
}

static uint32_t word(void)
{
    uint8_t b[4];
    take(b, 1, 4);
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void put(uint32_t x)
{
    uint8_t b[4];
    int n;
    for (n = 0; n < 4; n++, x >>= 8) b[n] = (uint8_t)(x & 255);
    if (fwrite(b, 1, 4, stdout) != 4) fail("nothing can be written");
}

static void show(edge *e, uint16_t *per_step, uint32_t steps)
{
    uint8_t two[2];
    edge_event *events;
    size_t total = 0;
    uint32_t t;
    for (t = 0; t < steps; t++) {
        take(two, 1, 2);
        total += per_step[t] = (uint16_t)(two[0] | two[1] << 8);
    }
    events = room(total, sizeof *events);
    take(events, sizeof *events, total);
    good(edge_recording(e, events, per_step, steps));
    free(events);
}

int main(void)
{
    static edge e;
    uint32_t sizes[SIZES], n, k;
    edge_room most = {0, 0, 1};
    uint32_t *labels, *distances;
    uint16_t *per_step;
    size_t words;
    int label;
    for (n = 0; n < SIZES; n++) sizes[n] = word();
    most.steps = sizes[STEPS], most.classes = sizes[CLASSES];
    words = edge_words(&chip_model, most);
    if (!words) fail("no network of so many steps and classes");
    good(edge_init(&e, &chip_model, most, room(words, 4), words));
    labels = room(sizes[TAUGHT], sizeof *labels), distances = room(sizes[CLASSES], sizeof *distances);
    per_step = room(sizes[STEPS], sizeof *per_step);
    for (n = 0; n < sizes[TAUGHT]; n++) labels[n] = word();
    for (k = 0; k < sizes[CLASSES]; k++) good(edge_add_class(&e, NULL));
    for (n = 0; n < sizes[TAUGHT]; n++) {
        show(&e, per_step, sizes[STEPS]);
        good(edge_learn(&e, (int)labels[n]));
    }
    for (n = 0; n < sizes[ASKED]; n++) {
        show(&e, per_step, sizes[STEPS]);
        good(edge_scores(&e, NULL, &label)), good(edge_distances(&e, distances));
        put((uint32_t)label);
        for (k = 0; k < sizes[CLASSES]; k++) put(distances[k]);
    }
    return 0;
}
