/* The library repeats what Python found:  cc -O2 -o selftest selftest.c minisnn_edge.c && ./selftest selftest.bin

   selftest.bin: int32 (support, query, steps), labels, counts of every sample (steps, height, width, channels) as bytes, then as
   int32 what is expected: membranes of the support before learning, weights and biases after, membranes of the query after; every
   number lowest byte first. The stepwise build compares the membranes of every step, the small build those of the last. */
#include <stdio.h>
#include <stdlib.h>

#include "minisnn_edge.h"
#include "chip.h"

enum { WAYS = CHIP_WAYS, INPUTS = CHIP_READOUT_INPUTS };

static edge e;
static unsigned long wrong;

static void quit(const char *what)
{
    fprintf(stderr, "selftest: %s\n", what);
    exit(2);
}

static void must(edge_error found)
{
    if (found != EDGE_OK) quit(edge_message(found));
}

static int32_t number(const unsigned char *at)
{
    const uint32_t x = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    return x >> 31 ? -(int32_t)~x - 1 : (int32_t)x;
}

static void expect(int32_t found, const unsigned char *at) { wrong += found != number(at); }

/* Present a sample; where `u` is given, compare its membranes (steps, ways). */
static void present(const unsigned char *x, int32_t steps, const unsigned char *u)
{
    int16_t scores[WAYS];
    int32_t t, k;
    must(edge_start(&e));
    for (t = 0; t < steps; t++, x += CHIP_INPUTS) {
        must(edge_step_counts(&e, x));
#ifndef EDGE_STEPWISE
        if (t + 1 < steps) continue;
#endif
        must(edge_scores(&e, scores, NULL));
        for (k = 0; k < WAYS && u; k++) expect(scores[k], u + 4 * ((size_t)t * WAYS + (size_t)k));
    }
}

static unsigned char *whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = NULL;
    long end = -1;
    if (file && fseek(file, 0, SEEK_END) == 0) end = ftell(file);
    if (end >= 0 && fseek(file, 0, SEEK_SET) == 0) bytes = malloc((size_t)end + 1);
    if (!bytes || fread(bytes, 1, (size_t)end, file) != (size_t)end) quit("the file of test vectors cannot be read");
    fclose(file);
    *size = (size_t)end;
    return bytes;
}

int main(int argc, char **argv)
{
    const edge_room room = {CHIP_STEPS, WAYS, CHIP_ROOM_WINDOW};
    unsigned char *bytes;
    const unsigned char *label, *x, *at;
    size_t size, sample, membranes;
    uint32_t *memory;
    int32_t support, query, steps, n;
    if (argc != 2) quit("usage: selftest selftest.bin");
    bytes = whole(argv[1], &size);
    if (size < 12) quit("the file of test vectors is too short");
    support = number(bytes), query = number(bytes + 4), steps = number(bytes + 8);
    if (support < 1 || query < 0 || support > 10000 || query > 10000 || steps < 1 || steps > CHIP_STEPS)
        quit("the file of test vectors has numbers of samples or steps that cannot be");
    sample = (size_t)steps * CHIP_INPUTS;
    membranes = 4 * (size_t)steps * WAYS;
    if (size != 12 + 4 * (size_t)support + (size_t)(support + query) * (sample + membranes) + 4 * (INPUTS + 1) * (size_t)WAYS)
        quit("the file of test vectors has not the length that it tells");
    label = bytes + 12;
    x = label + 4 * (size_t)support;
    at = x + (size_t)(support + query) * sample;
    memory = calloc(CHIP_WORDS(CHIP_STEPS, WAYS, CHIP_ROOM_WINDOW), sizeof *memory);
    if (!memory) quit("out of memory");
    must(edge_init(&e, &chip_model, room, memory, CHIP_WORDS(CHIP_STEPS, WAYS, CHIP_ROOM_WINDOW)));
    for (n = 0; n < support; n++, at += membranes) present(x + (size_t)n * sample, steps, at);
    for (n = 0; n < support; n++) {
        present(x + (size_t)n * sample, steps, NULL);
        must(edge_learn(&e, number(label + 4 * n)));
    }
    must(edge_update(&e));
    for (n = 0; n < INPUTS * WAYS; n++, at += 4) expect(e.weight[n], at);
    for (n = 0; n < WAYS; n++, at += 4) expect(e.bias[n], at);
    for (n = support; n < support + query; n++, at += membranes) present(x + (size_t)n * sample, steps, at);
    if (wrong) printf("%lu numbers differ\n", wrong);
    else printf("all numbers agree\n");
    free(memory);
    free(bytes);
    return wrong != 0;
}
