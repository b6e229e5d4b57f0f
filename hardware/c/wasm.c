/* The library as a WebAssembly module for any model, which comes as the bytes of model.bin (hardware/c/export.py, `packed`):

       at = reserve(bytes)                  room for them; then
       init(bytes, steps, classes, window)  an edge_error; from then on counts(), scores(), distances(), saved() and column() are
                                            places in memory

   Every function that is named like one of the library returns its edge_error. Built by `make minisnn_edge.wasm`. */
#include "minisnn_edge_neuron.h"

#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name)))
enum { PAGE = 65536, MAGIC = 0x6d6e736d, VERSION = 4, HEAD = 3, NUMBERS = 38, SIZES = 8, LAYERS = 64 };       /* "msnm" */

extern uint8_t __heap_base;
static edge network;
static edge_model model;
static edge_layer layers[LAYERS];
static uint32_t *memory;
static uint8_t *counts, *saved, *column, *fired;
static int16_t *scores;
static uint16_t *traces;
static uint32_t *distances;
static edge_class known;
static size_t room_saved;
static uint8_t *slots[2];
static size_t slot_bytes;
static int label;

/* The memory grows until it reaches `to`; whether it could. */
static int grown(const uint8_t *to)
{
    const size_t pages = ((size_t)to + PAGE - 1) / PAGE, now = __builtin_wasm_memory_size(0);
    return pages <= now || __builtin_wasm_memory_grow(0, pages - now) != (size_t)-1;
}

static uint32_t *model_at(void) { return (uint32_t *)(void *)(((size_t)&__heap_base + 15) / 16 * 16); }

/* The next n words of the model, or NULL where it ends before. */
static const void *next(const uint32_t **at, const uint32_t *end, uint64_t n)
{
    const uint32_t *found = *at;
    if (!found || n > (uint64_t)(end - found)) return *at = NULL;
    *at += n;
    return found;
}

static edge_error unpack(size_t bytes)
{
    const uint32_t *const words = model_at(), *const end = words + bytes / 4, *at = words + HEAD;
    const int32_t *n = next(&at, end, NUMBERS);
    int32_t k;
    if (!n || words[0] != MAGIC || words[1] != VERSION || words[2] != bytes || n[10] < 1 || n[10] > LAYERS || n[36] < 0 || n[36] > 1) return EDGE_MODEL;
    model = (edge_model){n[36] ? &edge_cuba : &edge_lif, n[0], n[1], n[2], n[3], n[4], n[5], n[27], n[28], n[6], n[7], n[8], n[29],
                         n[9], n[10], layers,
                         n[11], n[12], n[13], n[14], n[15], NULL, NULL, NULL, NULL,
                         {n[16], n[17], n[18], n[19], n[20], n[21], n[22], n[23], n[24], (uint32_t)n[25], (uint32_t)n[30], n[31]}, (uint32_t)n[26], n[32], n[33], n[34], n[35],
                         n[37], NULL};
    for (k = 0; k < model.layers; k++) {
        const int32_t *s = next(&at, end, SIZES);
        uint64_t fours;
        if (!s || s[2] < 1 || s[2] > 4096 || s[3] < 1 || s[3] > 4096 || s[4] < 1 || s[4] > 15) return EDGE_MODEL;
        fours = ((uint64_t)s[3] + 3) / 4;
        layers[k] = (edge_layer){s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], NULL, NULL};
        layers[k].weight = next(&at, end, (uint64_t)(s[4] * s[4]) * (uint64_t)s[2] * fours);
        layers[k].bias = next(&at, end, 4 * fours);
    }
    if (model.inputs < 1 || model.ways < 1) return EDGE_MODEL;
    model.weight = next(&at, end, ((uint64_t)model.inputs * (uint64_t)model.ways + 3) / 4);
    model.bias = next(&at, end, (uint64_t)model.ways);
    model.exponential = next(&at, end, 256);
    model.reciprocal = next(&at, end, 16);
    if (model.nothings < 0) return EDGE_MODEL;
    if (model.nothings) model.nothing = next(&at, end, ((uint64_t)model.inputs * (uint64_t)model.nothings + 3) / 4);
    return at == end ? EDGE_OK : EDGE_MODEL;
}

EXPORT(reserve) void *wasm_reserve(size_t bytes) { return grown((uint8_t *)model_at() + bytes) ? model_at() : NULL; }

EXPORT(init) edge_error wasm_init(size_t bytes, uint32_t steps, uint32_t classes, uint32_t window)
{
    const edge_room room = {steps, classes, window};
    edge_error found = unpack(bytes);
    size_t words, most = 0;
    int32_t n;
    if (found != EDGE_OK) return found;
    words = edge_words(&model, room);
    if (!words) return edge_init(&network, &model, room, model_at(), 0);    /* which says what is wrong with them */
    memory = model_at() + bytes / 4;
    distances = memory + words;
    scores = (int16_t *)(void *)(distances + classes);
    traces = (uint16_t *)(void *)(scores + classes);
    counts = (uint8_t *)(traces + model.inputs);
    column = counts + layers[0].height * layers[0].width * layers[0].inputs;
    fired = column + model.inputs;
    for (n = 0; n < model.layers; n++) {
        const size_t size = rows_out(layers + n) * columns_out(layers + n) * (size_t)layers[n].outputs;
        if (size > most) most = size;
    }
    saved = fired + most;
    room_saved = 44 + (12 + 2 * (size_t)model.inputs) * classes;
    if (!grown(saved + room_saved)) return EDGE_MEMORY;
    return edge_init(&network, &model, room, memory, words);
}

EXPORT(counts) uint8_t *wasm_counts(void) { return counts; }
EXPORT(scores) int16_t *wasm_scores(void) { return scores; }
EXPORT(saved) uint8_t *wasm_saved(void) { return saved; }
EXPORT(saved_room) size_t wasm_saved_room(void) { return room_saved; }
EXPORT(distances) uint32_t *wasm_distances(void) { return distances; }
EXPORT(label) int wasm_label(void) { return label; }
EXPORT(classes) uint32_t wasm_classes(void) { return network.classes; }
EXPORT(written) uint32_t wasm_written(void) { return network.counts.written; }
EXPORT(shape) int wasm_shape(int axis) { return axis == 0 ? layers[0].height : axis == 1 ? layers[0].width : layers[0].inputs; }
EXPORT(inputs) int wasm_inputs(void) { return model.inputs; }
EXPORT(rule) int wasm_rule(void) { return model.learner.rule; }
EXPORT(pending) uint32_t wasm_pending(void) { return edge_pending(&network); }

/* What a class has learned: its mean in 256ths, or its weights (signed), of the one at this place. */
EXPORT(column) uint8_t *wasm_column(uint32_t place)
{
    int32_t i;
    for (i = 0; i < model.inputs; i++)
        column[i] = network.known ? network.mean[place * (uint32_t)model.inputs + (uint32_t)i]
                                  : (uint8_t)network.weight[(uint32_t)i * network.room.classes + place];
    return column;
}
EXPORT(residual) int8_t *wasm_residual(uint32_t place) { return network.residual + place * (uint32_t)model.inputs; }
EXPORT(bias) int32_t wasm_bias(uint32_t place) { return network.bias ? network.bias[place] : 0; }
EXPORT(look) edge_error wasm_look(uint32_t place) { return edge_class_at(&network, place, &known); }   /* then what follows */
EXPORT(id) uint32_t wasm_id(void) { return known.id; }
EXPORT(shots) uint32_t wasm_shots(void) { return known.shots; }
EXPORT(slack) uint32_t wasm_slack(void) { return known.slack; }

/* Spikes of a conv layer in the last step, (rows, columns, channels), as the next one gets them: of neurons that are pooled by their
   mean, how many; else whether one of them did. */
EXPORT(layers) int32_t wasm_layers(void) { return model.layers; }
EXPORT(layer_shape) int32_t wasm_layer_shape(int n, int axis)
{
    const edge_layer *const l = layers + n;
    return axis == 0 ? (int32_t)rows_out(l) : axis == 1 ? (int32_t)columns_out(l) : l->outputs;
}
EXPORT(spikes) const uint8_t *wasm_spikes(int n)
{
    const edge_layer *l = layers;
    const uint32_t *row = network.spikes + rows_in(l) * row_in(&model, l);
    uint8_t *to = fired;
    uint32_t y, i, s;
    for (; l < layers + n; l++) row += rows_out(l) * row_out(&model, l);
    for (y = 0; y < rows_out(l); y++, row += row_out(&model, l))
        for (i = 0; i < columns_out(l) * (uint32_t)l->outputs; i++, to++)
            for (*to = 0, s = 0; s < planes_out(&model, l); s++) *to |= (uint8_t)((row[s * plane_out(l) + i / 32] >> i % 32 & 1) << s);
    return fired;
}

/* The readout's presynaptic traces p, in 4096ths: what a lesson takes in. */
EXPORT(traces) const uint16_t *wasm_traces(void)
{
    int32_t i;
    for (i = 0; i < model.inputs; i++) traces[i] = (uint16_t)trace_of(&model, network.now[i]);
    return traces;
}

EXPORT(start) edge_error wasm_start(void) { return edge_start(&network); }
EXPORT(step) edge_error wasm_step(void) { return edge_step_counts(&network, counts); }  /* counts (height, width, channels) */
EXPORT(read) edge_error wasm_read(void) { return edge_scores(&network, scores, &label); }
EXPORT(learn) edge_error wasm_learn(int class) { return edge_learn(&network, class); }
EXPORT(measure) edge_error wasm_measure(void) { return edge_distances(&network, distances); }
EXPORT(correct) edge_error wasm_correct(int from, int to) { return edge_correct(&network, from, to); }
EXPORT(remove_class) edge_error wasm_remove_class(int class) { return edge_remove_class(&network, class); }
EXPORT(update) edge_error wasm_update(void) { return edge_update(&network); }
EXPORT(add_class) edge_error wasm_add_class(void) { return edge_add_class(&network, &label); }
EXPORT(forget) edge_error wasm_forget(void) { return edge_forget(&network); }
EXPORT(saved_bytes) size_t wasm_saved_bytes(void) { return edge_saved_bytes(&network); }
EXPORT(save) edge_error wasm_save(void) { return edge_save(&network, saved, room_saved); }
EXPORT(load) edge_error wasm_load(size_t bytes) { return edge_load(&network, saved, bytes); }
/* A store of two slots in memory, for a page that keeps them: slots(bytes) makes them, slot(k) is where one is. */
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
    memcpy(slots[slot] + at, from, n);
    return 0;
}

EXPORT(slots) edge_error wasm_slots(size_t bytes)
{
    slots[0] = saved + room_saved, slots[1] = slots[0] + bytes;
    if (!grown(slots[1] + bytes)) return EDGE_MEMORY;
    slot_bytes = bytes;
    return EDGE_OK;
}
EXPORT(slot) uint8_t *wasm_slot(int k) { return slots[k != 0]; }
EXPORT(save_to) edge_error wasm_save_to(void)
{
    const edge_store store = {NULL, slot_bytes, read_slot, write_slot};
    return edge_save_to(&network, &store);
}
EXPORT(load_from) edge_error wasm_load_from(void)                       /* label(): whether a save was cut */
{
    const edge_store store = {NULL, slot_bytes, read_slot, write_slot};
    return edge_load_from(&network, &store, &label);
}
EXPORT(message) const char *wasm_message(edge_error error) { return edge_message(error); }
