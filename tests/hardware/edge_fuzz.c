/* Malformed calls: edge_fuzz TRIES SEED. Every call must return one of the errors, and where it does, nothing may have changed;
   the sanitizers that this is compiled with watch for the rest. Memory is on the heap and just as long as asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "minisnn_edge.h"
#include "chip.h"

static uint32_t state;
static unsigned long calls, refused[EDGE_STORE + 1];

static uint32_t next(uint32_t below)
{
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state % below;
}

static int32_t odd(void)            /* a number that nobody expects */
{
    static const int32_t known[] = {0, 1, -1, 2, 5, 7, 8, 127, 128, 255, 256, 65535, 65536, INT32_MAX, INT32_MIN, 4095, 4096, -13, 33};
    return next(4) ? known[next(sizeof known / sizeof *known)] : (int32_t)(next(0xFFFFFFFFu) - 0x7FFFFFFF);
}

static void fail(const char *what)
{
    printf("failed: %s\n", what);
    exit(1);
}

typedef struct { edge e; uint32_t *memory, *copy; size_t words; edge kept; } network;

static void before(network *n)
{
    n->kept = n->e;
    memcpy(n->copy, n->memory, n->words * 4);
}

static edge_error after(network *n, edge_error found)
{
    calls++;
    if ((int)found < EDGE_OK || found > EDGE_STORE || !*edge_message(found)) fail("not an error of the list");
    refused[found]++;
    if (found != EDGE_OK && (memcmp(&n->kept, &n->e, sizeof n->e) || memcmp(n->copy, n->memory, n->words * 4)))
        fail("an error was returned, and something has changed");
    return found;
}

static uint32_t crc32(const uint8_t *bytes, size_t n)
{
    uint32_t crc = ~0u;
    for (; n; n--, bytes++) {
        int k;
        for (crc ^= *bytes, k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static edge_learner learner(void)
{
    edge_learner l = chip_model.learner;
    int32_t *field[] = {&l.rule, &l.error, &l.rounding, &l.threshold, &l.window, &l.shift_weight, &l.shift_bias, &l.trigger, &l.online};
    l.rule = (int32_t)next(3), l.error = (int32_t)next(3), l.rounding = (int32_t)next(4), l.online = (int32_t)next(2);
    l.window = 1 + (int32_t)next(6), l.threshold = (int32_t)next(256);
    if (l.rule == EDGE_CLASS_MEAN) l.threshold = l.online = 0, l.rounding = EDGE_NEAREST + (int32_t)next(2);
    l.residuals = (int32_t)next(2);
    if (next(40) == 0) l.residuals = odd();
    l.refuse = next(2) ? 0 : next(1u << 31);
    if (next(9) == 0) l.refuse = (uint32_t)odd();
    if (next(3) == 0) *field[next(9)] = odd();
    if (next(20) == 0) l.noise = 0;
    return l;
}

/* A model with a number or two that are wrong, or merely unusual: that is told, or it works. */
static edge_model model(edge_layer *layers)
{
    edge_model m = chip_model;
    int32_t *field[] = {&m.alpha, &m.beta, &m.gamma, &m.rho, &m.threshold, &m.slope, &m.fraction, &m.traces, &m.membrane, &m.exponent,
                        &m.bits, &m.bias_room, &m.weight_bits, &m.current, &m.voltage, &m.trace_bits, &layers[0].exponent,
                        &layers[1].exponent, &layers[0].threshold, &layers[1].threshold, &layers[1].pool, &m.nothings};
    memcpy(layers, chip_layers, sizeof chip_layers);
    m.layer = layers;
    if (next(3) == 0) *field[next(sizeof field / sizeof *field)] = odd();
    if (next(50) == 0) m.neuron = NULL;
    if (next(8) == 0) {
        int32_t *shape[] = {&layers[1].height, &layers[1].width, &layers[1].inputs, &m.inputs};
        int32_t *at = shape[next(4)], old = *at;
        *at = odd();
        if (*at == old) layers[0].kernel = 4;                           /* so that it is wrong all the same */
    }
    return m;
}

/* A store in memory, whose power or whose wires may go. */
static struct { uint8_t *slot[2]; size_t bytes; uint32_t left; int broken; } flash;

static int flash_read(void *context, int slot, size_t at, uint8_t *to, size_t n)
{
    if (context != &flash || slot < 0 || slot > 1 || n > flash.bytes || at > flash.bytes - n) fail("read outside the store");
    memcpy(to, flash.slot[slot] + at, n);
    return flash.broken;
}

static int flash_write(void *context, int slot, size_t at, const uint8_t *from, size_t n)
{
    if (context != &flash || slot < 0 || slot > 1 || n > flash.bytes || at > flash.bytes - n) fail("written outside the store");
    if (at == 0) memset(flash.slot[slot], 0xFF, flash.bytes);
    for (; n && flash.left; n--, flash.left--) flash.slot[slot][at++] = *from++;
    return n > 0;
}

static void call(network *n)
{
    uint8_t *bytes, counts[CHIP_INPUTS];
    uint16_t per_step[40];
    edge_event events[64], *none = NULL;
    static int16_t scores[4096];
    edge_learner l;
    size_t size, i, total, steps;
    int label = 0;
    for (i = 0; i < 64; i++) {
        events[i].x = (uint8_t)next(chip_layers[0].width), events[i].y = (uint8_t)next(chip_layers[0].height);
        events[i].polarity = (uint8_t)next(chip_layers[0].inputs);
    }
    if (next(3) == 0) events[next(64)].x = (uint8_t)odd();
    if (next(3) == 0) events[next(64)].y = (uint8_t)odd();
    if (next(3) == 0) events[next(64)].polarity = (uint8_t)odd();
    before(n);
    if (next(4) == 0) {
        const edge_store store = {&flash, flash.bytes, next(20) ? flash_read : NULL, flash_write};
        edge_class known;
        static uint32_t distances[4096];
        int cut;
        flash.left = next(6) ? UINT32_MAX : next((uint32_t)flash.bytes + 1);
        flash.broken = next(9) == 0;
        switch (next(7)) {
        case 0: after(n, edge_save_to(&n->e, next(20) ? &store : NULL)); break;
        case 1: after(n, edge_load_from(&n->e, &store, next(2) ? &cut : NULL)); break;
        case 2: flash.slot[next(2)][next(2) ? next(40) : next((uint32_t)flash.bytes)] = (uint8_t)odd(); break;
        case 3: after(n, edge_correct(&n->e, next(3) ? (int)next(4) : (int)odd(), (int)next(5) - 1)); break;
        case 4: if (next(3) == 0) after(n, edge_remove_class(&n->e, next(3) ? (int)next(6) : (int)odd())); break;
        case 5: after(n, edge_class_at(&n->e, next(6), next(9) ? &known : NULL)); break;
        default: after(n, edge_distances(&n->e, next(9) ? distances : NULL));
        }
        return;
    }
    switch (next(12)) {
    case 0: after(n, edge_start(&n->e)); break;
    case 1: after(n, edge_step(&n->e, next(9) ? events : none, next(65))); break;
    case 2:
        for (i = 0; i < CHIP_INPUTS; i++) counts[i] = (uint8_t)(next(4) ? 0 : next(256));
        after(n, edge_step_counts(&n->e, next(9) ? counts : NULL));
        break;
    case 3:                                                             /* no step, too many, events outside, no array */
        steps = next(40);
        for (total = 0, i = 0; i < steps; i++) total += per_step[i] = (uint16_t)(total < 50 ? next(9) : 0);
        after(n, edge_recording(&n->e, next(9) ? events : none, next(9) ? per_step : NULL, steps));
        break;
    case 4: after(n, next(2) ? edge_scores(&n->e, scores, &label) : edge_scores(&n->e, NULL, NULL)); break;
    case 5: case 6: after(n, edge_learn(&n->e, next(3) ? (int)next(4) : (int)odd())); break;
    case 7: after(n, edge_update(&n->e)); break;
    case 8: after(n, edge_add_class(&n->e, next(2) ? &label : NULL)); break;
    case 9: l = learner(), after(n, edge_set_learner(&n->e, next(9) ? &l : NULL)); break;
    case 10: if (next(4) == 0) after(n, edge_forget(&n->e)); break;
    default:
        size = edge_saved_bytes(&n->e);
        total = next(4) ? size : next((uint32_t)size + 9);              /* cut off, or longer than it should be */
        bytes = malloc(total + !total);
        if (after(n, edge_save(&n->e, bytes, total)) != EDGE_OK) {
            for (i = 0; i < total; i++) bytes[i] = (uint8_t)next(256);
        } else if (next(2) && size > 30) {
            uint32_t crc, places = next(4);
            for (i = 0; i < places; i++) bytes[next(2) ? next(30) : next((uint32_t)size)] = (uint8_t)odd();
            if (next(4) == 0) bytes[4] = (uint8_t)next(5);               /* of another version, as a rule */
            crc = crc32(bytes, size - 4);
            for (i = 0; i < 4 && next(9); i++) bytes[size - 4 + i] = (uint8_t)(crc >> (8 * i));
            if (next(6) == 0) total = next((uint32_t)size);
        }
        before(n);
        after(n, edge_load(&n->e, next(20) ? bytes : NULL, total));
        free(bytes);
    }
}

int main(int argc, char **argv)
{
    unsigned long tries = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000, n, k;
    flash.bytes = 2000;
    for (k = 0; k < 2; k++) flash.slot[k] = calloc(flash.bytes, 1);
    state = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
    if (!state) state = 1;
    memset(refused, 0, sizeof refused);
    if (edge_scores(NULL, NULL, NULL) != EDGE_ARGUMENT || edge_learn(NULL, 0) != EDGE_ARGUMENT || edge_saved_bytes(NULL)) fail("NULL");
    for (n = 0; n < tries; n++) {
        edge_layer layers[CHIP_LAYERS];
        edge_model m = model(layers);
        edge_room room = {1 + next(20), CHIP_WAYS + next(4), 1 + next(6)};
        network net;
        edge_error found;
        memset(&net, 0, sizeof net);
        if (next(5) == 0) room.steps = (uint32_t)odd();
        if (next(9) == 0) room.classes = (uint32_t)odd();
        if (next(9) == 0) room.window = (uint32_t)odd();
        if (next(2)) m.learner = learner();
        net.words = edge_words(&m, room);
        if (net.words > 1u << 20) continue;                             /* steps of minutes: nothing wrong, only large */
        if (net.words && next(9) == 0) net.words -= 1 + next((uint32_t)net.words);
        net.memory = malloc(net.words * 4 + !net.words), net.copy = malloc(net.words * 4 + !net.words);
        if (net.words) memset(net.memory, 0xA5, net.words * 4);
        found = edge_init(&net.e, next(20) ? &m : NULL, room, next(20) ? net.memory : NULL, net.words);
        calls++;
        refused[found]++;
        if (found != EDGE_OK && edge_start(&net.e) != EDGE_ARGUMENT) fail("a network that is not ready was taken");
        for (k = found == EDGE_OK ? 6 + next(30) : 0; k; k--) call(&net);
        free(net.memory);
        free(net.copy);
    }
    free(flash.slot[0]);
    free(flash.slot[1]);
    for (n = 0; n <= EDGE_STORE; n++) printf("%lu %s\n", refused[n], edge_message((edge_error)n));
    printf("%lu calls\n", calls);
    return 0;
}
