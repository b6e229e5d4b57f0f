/* Lives of a device that keeps class means: edge_lives < record > numbers, all int32, lowest byte first; with BOARD, the record lies
   in flash (board_episode.s), and the CRC-32 of the numbers is written.

   A record: bytes of a model.bin, the model; steps and classes of the room; bytes of a slot; samples and their counts, a byte
   a cell; lives; of each the number of events, then four numbers an event: what, a, b, and the sample that is shown before (-1: none).

     0 add   1 learn a   2 correct a to b   3 remove a   4 forget   5 ask   6 save and load in memory
     7 save in the store, the power going before byte a (-1: not), of which b is left   8 power off, then load
     9 add a class and teach it

   Found, of every event: its error; of 5 also label, classes, scores, distances; of 6 the CRC-32 of what was saved; of 8 whether a
   save was cut; of 9 both errors; of 0 to 4, 6 and 8 the classes: how many, and of each id, shots, slack, mean. */
#include <stdlib.h>
#include <string.h>

#include "minisnn_edge.h"

#ifndef WORDS                           /* of memory, cells of a step, bytes of a slot, classes: a full network has more */
#define WORDS 6000
#define CELLS 512
#define SLOT 4096
#define CLASSES 16
#endif

enum { HEAD = 3, NUMBERS = 38, SIZES = 8 };
enum { ADD, LEARN, CORRECT, REMOVE, FORGET, ASK, MEMORY, SAVE, POWER, TEACH };

static uint32_t crc_of_all = ~0u;
static uint32_t memory[WORDS];
static uint8_t slots[2][SLOT], bytes[SLOT];
static int32_t left, torn;              /* bytes until the power goes; what it leaves of the next */
static size_t slot_bytes;

static uint32_t crc_on(uint32_t crc, const uint8_t *at, size_t n)
{
    int k;
    for (; n; n--, at++)
        for (crc ^= *at, k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    return crc;
}

#ifdef BOARD
extern const uint8_t episode_start[], episode_end[];
void board_write(const char *text);
void board_exit(int code);

static void finish(int code)
{
    char text[] = "crc 00000000\n";
    int n;
    for (n = 0; n < 8; n++) text[11 - n] = "0123456789abcdef"[~crc_of_all >> 4 * n & 15];
    board_write(text);
    board_exit(code);
}

static const uint32_t *record(void) { return (const uint32_t *)(const void *)episode_start; }
static void hand_out(int32_t x) { (void)x; }
#else
#include <stdio.h>

static void finish(int code) { exit(code); }

static const uint32_t *record(void)
{
    static uint32_t all[1 << 20];
    if (!fread(all, 1, sizeof all, stdin)) exit(2);
    return all;
}

static void hand_out(int32_t x)
{
    if (fwrite(&x, 4, 1, stdout) != 1) exit(2);
}
#endif

static void put(int32_t x)
{
    uint8_t little[4];
    int n;
    for (n = 0; n < 4; n++) little[n] = (uint8_t)((uint32_t)x >> 8 * n);
    crc_of_all = crc_on(crc_of_all, little, 4);
    hand_out(x);
}

static int read_slot(void *context, int slot, size_t at, uint8_t *to, size_t n)
{
    (void)context;
    memcpy(to, slots[slot] + at, n);
    return 0;
}

static int write_slot(void *context, int slot, size_t at, const uint8_t *from, size_t n)
{
    (void)context;
    if (at == 0) memset(slots[slot], 0xFF, slot_bytes);
    for (; n; n--, at++, left--) {
        if (left == 0) {
            slots[slot][at] = (uint8_t)torn;
            return 1;
        }
        slots[slot][at] = *from++;
    }
    return 0;
}

static void unpack(const uint32_t *words, edge_model *m, edge_layer *layers)
{
    const int32_t *n = (const int32_t *)(words + HEAD), *at = n + NUMBERS;
    int32_t k;
    const edge_model found = {n[36] ? &edge_cuba : &edge_lif, n[0], n[1], n[2], n[3], n[4], n[5], n[27], n[28], n[6], n[7], n[8], n[29],
                              n[9], n[10], layers, n[11], n[12], n[13], n[14], n[15], NULL, NULL, NULL, NULL,
                              {n[16], n[17], n[18], n[19], n[20], n[21], n[22], n[23], n[24], (uint32_t)n[25], (uint32_t)n[30], n[31]}, (uint32_t)n[26],
                              n[32], n[33], n[34], n[35], n[37], NULL};
    memcpy(m, &found, sizeof found);
    for (k = 0; k < m->layers; k++) {
        const int32_t *s = at;
        const edge_layer l = {s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], (const uint32_t *)(s + SIZES),
                              s + SIZES + s[4] * s[4] * s[2] * ((s[3] + 3) / 4)};
        layers[k] = l;
        at = l.bias + 4 * ((s[3] + 3) / 4);
    }
    m->weight = (const int8_t *)at;
    m->bias = at + (m->inputs * m->ways + 3) / 4;
    m->exponential = m->bias + m->ways;
    m->reciprocal = m->exponential + 256;
    m->nothing = (const uint8_t *)(m->reciprocal + 16);
}

static void tell(const edge *e)
{
    uint32_t k;
    int32_t i;
    put((int32_t)e->classes);
    for (k = 0; k < e->classes; k++) {
        edge_class c;
        if (edge_class_at(e, k, &c) != EDGE_OK) finish(3);
        put((int32_t)c.id), put((int32_t)c.shots), put((int32_t)c.slack);
        for (i = 0; i < e->model->inputs; i++) {
            const size_t at = k * (size_t)e->model->inputs + (size_t)i;
            put(e->residual ? e->mean[at] * 256 + e->residual[at] : e->mean[at]);
        }
    }
}

static void ready(edge *e, const edge_model *m, edge_room room)
{
    const size_t words = edge_words(m, room);
    memset(memory, 0xA5, sizeof memory);
    if (!words || words > WORDS || edge_init(e, m, room, memory, words) != EDGE_OK) finish(4);
}

static void show(edge *e, const uint8_t *x, uint32_t steps, size_t cells)
{
    uint32_t t;
    if (edge_start(e) != EDGE_OK) finish(5);
    for (t = 0; t < steps; t++)
        if (edge_step_counts(e, x + t * cells) != EDGE_OK) finish(5);
}

static void live(edge *e, const edge_model *m, edge_room room, const int32_t *event)
{
    const edge_store store = {NULL, slot_bytes, read_slot, write_slot};
    static int16_t scores[CLASSES];
    static uint32_t distances[CLASSES];
    uint32_t k;
    int label = 0, cut = 0;
    size_t n;
    edge_error error;
    switch (event[0]) {
    case ADD: put((int32_t)edge_add_class(e, &label)), put(label); break;
    case LEARN: put((int32_t)edge_learn(e, event[1])); break;
    case CORRECT: put((int32_t)edge_correct(e, event[1], event[2])); break;
    case REMOVE: put((int32_t)edge_remove_class(e, event[1])); break;
    case FORGET: put((int32_t)edge_forget(e)); break;
    case ASK:
        error = edge_scores(e, scores, &label);
        put((int32_t)error);
        if (error != EDGE_OK) return;
        if (edge_distances(e, distances) != EDGE_OK) finish(6);
        put(label), put((int32_t)e->classes);
        for (k = 0; k < e->classes; k++) put(scores[k]), put((int32_t)distances[k]);
        return;
    case MEMORY:
        n = edge_saved_bytes(e);
        if (edge_save(e, bytes, n) != EDGE_OK) finish(7);
        ready(e, m, room);
        put((int32_t)edge_load(e, bytes, n)), put((int32_t)~crc_on(~0u, bytes, n));
        break;
    case TEACH:
        put((int32_t)edge_add_class(e, &label)), put((int32_t)edge_learn(e, label));
        return;
    case SAVE:
        left = event[1], torn = event[2];
        put((int32_t)edge_save_to(e, &store));
        return;
    default:
        ready(e, m, room);
        put((int32_t)edge_load_from(e, &store, &cut)), put(cut);
    }
    tell(e);
}

int main(void)
{
    static edge e;
    static edge_layer layers[8];
    edge_model m;
    const uint32_t *at = record(), *sizes = at + 1 + at[0] / 4;
    const edge_room room = {sizes[0], sizes[1], 1};
    const uint8_t *x = (const uint8_t *)(sizes + 4);
    size_t cells, sample;
    const int32_t *event;
    int32_t lives, n;
    slot_bytes = sizes[2];
    unpack(at + 1, &m, layers);
    cells = (size_t)(layers[0].height * layers[0].width * layers[0].inputs), sample = room.steps * cells;
    if (cells > CELLS || slot_bytes > SLOT || room.classes > CLASSES) finish(8);
    event = (const int32_t *)(const void *)(x + (sizes[3] * sample + 3) / 4 * 4);
    for (lives = *event++; lives; lives--) {
        memset(slots, 0xFF, sizeof slots);
        ready(&e, &m, room);
        for (n = *event++; n; n--, event += 4) {
            if (event[3] >= 0) show(&e, x + (size_t)event[3] * sample, room.steps, cells);
            live(&e, &m, room, event);
        }
    }
    finish(0);
    return 0;
}
