/* What was learned, as bytes; every number is stored lowest byte first:

     "msnn"  version 2  the model's id  sequence  kind  inputs  classes  next id  noise  noise of the next traces        ten words
     kind 0, readout:   biases (32 bits each), weights (inputs, classes)
     kind 1, means:     of every class id, shots, slack, then its mean (inputs)
     kind 2:            the same, and after its mean its residuals (inputs)
     CRC-32 of all before it

   A state is made and read in pieces, so that no copy of it needs room. Kinds 1 and 2 are read for each other. */
#include "minisnn_edge_neuron.h"

#include <string.h>

enum { VERSION = 2, HEAD = 40, READOUT = 0, MEANS = 1, RESIDUALS = 2, OF_CLASS = 12, PIECE = 64, NO_SLOT = -1 };
enum { AT_VERSION = 4, AT_ID = 8, AT_SEQUENCE = 12, AT_KIND = 16, AT_INPUTS = 20 };
enum { AT_CLASSES = 24, AT_NEXT = 28, AT_NOISE = 32, AT_TRACES = 36 };
enum { RESIDUAL = 256, MOST = 255 };

/* ---- bytes */

static void put_word(uint8_t *to, uint32_t x)
{
    int n;
    for (n = 0; n < 4; n++, x >>= 8) to[n] = (uint8_t)(x & 255);
}

static uint32_t get(const uint8_t *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static int32_t get_signed(const uint8_t *from)
{
    const uint32_t x = get(from);
    return x >> 31 ? -(int32_t)~x - 1 : (int32_t)x;
}

static int32_t get_byte(uint8_t x) { return x < 128 ? x : x - 256; }

static uint32_t crc_on(uint32_t crc, const uint8_t *bytes, size_t n)
{
    int k;
    for (; n; n--, bytes++)
        for (crc ^= *bytes, k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    return crc;
}

/* A state on its way out or in: into or out of memory, or a slot of a store. */
typedef struct {
    const edge_store *store;
    uint8_t *to;
    const uint8_t *from;
    int slot, failed, ended;            /* failed: the store did; ended: more was asked for than there is */
    size_t at, held, bytes;             /* bytes: of memory, at most */
    uint32_t crc;
    uint8_t piece[PIECE];
} pipe;

static pipe pipe_of(const edge_store *store, int slot, uint8_t *to, const uint8_t *from, size_t bytes)
{
    pipe p;
    memset(&p, 0, sizeof p);
    p.store = store, p.slot = slot, p.to = to, p.from = from, p.bytes = bytes;
    p.crc = ~0u;
    return p;
}

static void flush(pipe *p)
{
    if (!p->failed && p->held) p->failed = p->store->write(p->store->context, p->slot, p->at - p->held, p->piece, p->held);
    p->held = 0;
}

static void out(pipe *p, const uint8_t *bytes, size_t n)
{
    p->crc = crc_on(p->crc, bytes, n);
    if (p->to) {
        memcpy(p->to + p->at, bytes, n);
        p->at += n;
        return;
    }
    while (n) {
        const size_t room = PIECE - p->held, more = n < room ? n : room;
        memcpy(p->piece + p->held, bytes, more);
        p->held += more, p->at += more, bytes += more, n -= more;
        if (p->held == PIECE) flush(p);
    }
}

static void out_word(pipe *p, uint32_t x)
{
    uint8_t bytes[4];
    put_word(bytes, x);
    out(p, bytes, 4);
}

static void fetch(pipe *p, uint8_t *to, size_t n)
{
    if (n > p->bytes - p->at) p->ended = 1;
    else if (p->from) memcpy(to, p->from + p->at, n);
    else if (!p->failed) p->failed = p->store->read(p->store->context, p->slot, p->at, to, n);
    if (p->ended || p->failed) memset(to, 0, n);
    else p->at += n;
    p->crc = crc_on(p->crc, to, n);
}

static uint32_t fetch_word(pipe *p)
{
    uint8_t bytes[4];
    fetch(p, bytes, 4);
    return get(bytes);
}

/* ---- out */

static uint32_t kind_of(const edge *e) { return by_means(e->model) ? e->residual ? RESIDUALS : MEANS : READOUT; }

static size_t size_of(uint32_t kind, size_t inputs, size_t classes)
{
    const size_t each = kind == READOUT ? 4 + inputs : OF_CLASS + (kind == RESIDUALS ? 2 : 1) * inputs;
    return HEAD + classes * each + 4;
}

size_t edge_saved_bytes(const edge *e) { return e && e->model ? size_of(kind_of(e), (size_t)e->model->inputs, e->classes) : 0; }

static void write_state(const edge *e, pipe *p, uint32_t sequence)
{
    const edge_model *m = e->model;
    const size_t inputs = (size_t)m->inputs;
    const uint32_t head[] = {VERSION, m->id, sequence, kind_of(e), (uint32_t)m->inputs, e->classes, e->next, e->noise,
                             noisy(m) ? edge_begin(e) : 0};
    uint32_t i, k;
    out(p, (const uint8_t *)"msnn", 4);
    for (i = 0; i < sizeof head / sizeof *head; i++) out_word(p, head[i]);
    if (by_means(m))
        for (k = 0; k < e->classes; k++) {
            const edge_class *c = e->known + k;
            out_word(p, c->id), out_word(p, c->shots), out_word(p, c->slack);
            out(p, e->mean + k * inputs, inputs);
            for (i = 0; i < inputs && e->residual; i++) {
                const uint8_t byte = (uint8_t)(e->residual[k * inputs + i] & 255);
                out(p, &byte, 1);
            }
        }
    else {
        for (k = 0; k < e->classes; k++) out_word(p, (uint32_t)e->bias[k]);
        for (i = 0; i < inputs; i++)
            for (k = 0; k < e->classes; k++) {
                const uint8_t byte = (uint8_t)(e->weight[(size_t)i * e->room.classes + k] & 255);
                out(p, &byte, 1);
            }
    }
    out_word(p, ~p->crc);
    if (p->store) flush(p);
}

edge_error edge_save(const edge *e, uint8_t *to, size_t bytes)
{
    pipe p;
    if (!e || !e->model || !to) return EDGE_ARGUMENT;
    if (e->pending) return EDGE_PENDING;
    if (bytes < edge_saved_bytes(e)) return EDGE_MEMORY;
    p = pipe_of(NULL, NO_SLOT, to, NULL, bytes);
    write_state(e, &p, 0);
    return EDGE_OK;
}

/* ---- in: once to judge, and once more to take */

typedef struct { uint8_t head[HEAD]; uint32_t kind, classes; } seen;

/* Whether a state that comes through the pipe is one of this network's, and whole; its head. */
static edge_error judge(const edge *e, pipe *p, seen *found)
{
    const edge_model *m = e->model;
    const int32_t high = (1 << (m->bits - 1)) - 1;
    const size_t inputs = (size_t)m->inputs;
    uint32_t crc, next, last = 0, i, k;
    int good = 1;
    fetch(p, found->head, HEAD);
    if (p->failed) return EDGE_STORE;
    if (p->ended || memcmp(found->head, "msnn", 4)) return EDGE_SAVED;
    if (get(found->head + AT_VERSION) != VERSION)                       /* of a save that was cut short, it is none at all */
        return in(get_signed(found->head + AT_VERSION), 1, 255) ? EDGE_VERSION : EDGE_SAVED;
    if (get(found->head + AT_ID) != m->id || get(found->head + AT_INPUTS) != (uint32_t)inputs) return EDGE_SAVED;
    found->kind = get(found->head + AT_KIND);
    found->classes = get(found->head + AT_CLASSES);
    next = get(found->head + AT_NEXT);
    if (found->kind > RESIDUALS || found->classes > 4096 || next > (uint32_t)INT32_MAX + 1) return EDGE_SAVED;
    if ((found->kind == READOUT) == by_means(m)) return EDGE_VERSION;
    if (found->kind == READOUT && !found->classes) return EDGE_SAVED;
    if (!get(found->head + AT_NOISE) || (noisy(m) && !get(found->head + AT_TRACES))) return EDGE_SAVED;
    if (size_of(found->kind, inputs, found->classes) > p->bytes) return EDGE_SAVED;
    if (p->from && size_of(found->kind, inputs, found->classes) != p->bytes) return EDGE_SAVED;
    for (k = 0; k < found->classes; k++) {
        if (found->kind == READOUT) {
            uint8_t bias[4];
            fetch(p, bias, 4);
            good &= in(get_signed(bias), -m->bias_room, m->bias_room);
            continue;
        } else {
            const uint32_t id = fetch_word(p), shots = fetch_word(p);
            uint32_t slack = fetch_word(p);
            good &= id < next && (!k || id > last) && shots <= EDGE_MOST_SHOTS && (shots || !slack);
            last = id;
            for (i = 0; i < (found->kind == RESIDUALS ? 2 : 1) * inputs; i++) {
                uint8_t byte;
                fetch(p, &byte, 1);
                good &= shots || !byte;
            }
        }
    }
    for (i = 0; found->kind == READOUT && i < inputs * found->classes; i++) {
        uint8_t byte;
        fetch(p, &byte, 1);
        good &= in(get_byte(byte), -high - 1, high);
    }
    crc = ~p->crc;
    if (fetch_word(p) != crc || !good) return p->failed ? EDGE_STORE : EDGE_SAVED;
    return found->classes > e->room.classes ? EDGE_FULL : EDGE_OK;
}

/* A class out of the pipe. Without residuals that were saved, the mean is the nearest of what it was: slack grows by its shots. */
static void read_class(edge *e, pipe *p, uint32_t kind, uint32_t place)
{
    const size_t inputs = (size_t)e->model->inputs;
    edge_class *const c = e->known + place;
    uint8_t *const mean = e->mean + place * inputs, byte;
    uint64_t slack;
    uint32_t i;
    c->id = fetch_word(p), c->shots = fetch_word(p), c->slack = fetch_word(p), c->square = 0;
    fetch(p, mean, inputs);
    for (i = 0; i < inputs; i++) c->square += (uint32_t)mean[i] * mean[i];
    for (i = 0; i < inputs && kind == RESIDUALS; i++) {
        fetch(p, &byte, 1);
        if (e->residual) e->residual[place * inputs + i] = (int8_t)get_byte(byte);
    }
    if (c->slack == UINT32_MAX || (kind == RESIDUALS) == (e->residual != NULL)) return;
    slack = e->residual ? (uint64_t)c->slack * RESIDUAL : ((uint64_t)c->slack + RESIDUAL - 1) / RESIDUAL + c->shots;
    c->slack = slack > UINT32_MAX ? UINT32_MAX : (uint32_t)slack;
}

static edge_error take(edge *e, pipe *p, const seen *found)
{
    uint8_t head[HEAD], byte;
    uint32_t i, k;
    edge_forget(e);
    fetch(p, head, HEAD);
    if (!by_means(e->model)) {
        memset(e->weight, 0, (size_t)e->model->inputs * e->room.classes);
        memset(e->bias, 0, e->room.classes * sizeof *e->bias);
        for (k = 0; k < found->classes; k++) {
            fetch(p, head, 4);
            e->bias[k] = get_signed(head);
        }
        for (i = 0; i < (uint32_t)e->model->inputs; i++)
            for (k = 0; k < found->classes; k++) {
                fetch(p, &byte, 1);
                e->weight[(size_t)i * e->room.classes + k] = (int8_t)get_byte(byte);
            }
    } else
        for (k = 0; k < found->classes; k++) read_class(e, p, found->kind, k);
    if (p->failed) {
        edge_forget(e);
        return EDGE_STORE;
    }
    e->classes = found->classes;
    e->next = get(found->head + AT_NEXT);
    e->noise = get(found->head + AT_NOISE);
    if (noisy(e->model)) e->afresh = get(found->head + AT_TRACES);
    return EDGE_OK;
}

edge_error edge_load(edge *e, const uint8_t *from, size_t bytes)
{
    pipe p;
    seen found;
    edge_error error;
    if (!e || !e->model || !from) return EDGE_ARGUMENT;
    p = pipe_of(NULL, NO_SLOT, NULL, from, bytes);
    error = judge(e, &p, &found);
    if (error != EDGE_OK) return error;
    p = pipe_of(NULL, NO_SLOT, NULL, from, bytes);
    return take(e, &p, &found);
}

/* ---- two slots, of which the older one is written */

/* What is in the two slots: the errors that their states have, and which is the newest whole one, or NO_SLOT. */
static int newest(const edge *e, const edge_store *store, edge_error *errors, seen *found)
{
    int slot, best = NO_SLOT;
    for (slot = 0; slot < 2; slot++) {
        pipe p = pipe_of(store, slot, NULL, NULL, store->bytes);
        seen one;
        errors[slot] = judge(e, &p, &one);
        if (errors[slot] != EDGE_OK && errors[slot] != EDGE_FULL) {
            if (errors[slot] == EDGE_SAVED && memcmp(one.head, "msnn", 4)) errors[slot] = EDGE_EMPTY;
            continue;
        }
        if (best == NO_SLOT || (get(one.head + AT_SEQUENCE) - get(found->head + AT_SEQUENCE)) - 1 < INT32_MAX) best = slot, *found = one;
    }
    return best;
}

static int store_fits(const edge *e, const edge_store *store) { return e && e->model && store && store->read && store->write; }

edge_error edge_save_to(edge *e, const edge_store *store)
{
    edge_error errors[2];
    seen found;
    pipe p;
    uint32_t sequence;
    int slot;
    if (!store_fits(e, store)) return EDGE_ARGUMENT;
    if (e->pending) return EDGE_PENDING;
    if (store->bytes < edge_saved_bytes(e)) return EDGE_MEMORY;
    slot = newest(e, store, errors, &found);
    if (errors[0] == EDGE_STORE || errors[1] == EDGE_STORE) return EDGE_STORE;
    sequence = slot == NO_SLOT ? 1 : get(found.head + AT_SEQUENCE) + 1;
    slot = slot == 0 ? 1 : 0;
    p = pipe_of(store, slot, NULL, NULL, store->bytes);
    write_state(e, &p, sequence);
    if (p.failed) return EDGE_STORE;
    p = pipe_of(store, slot, NULL, NULL, store->bytes);
    if (judge(e, &p, &found) != EDGE_OK || get(found.head + AT_SEQUENCE) != sequence) return EDGE_STORE;
    e->sequence = sequence;
    return EDGE_OK;
}

edge_error edge_load_from(edge *e, const edge_store *store, int *cut)
{
    edge_error errors[2], error;
    seen found;
    pipe p;
    int slot;
    if (!store_fits(e, store)) return EDGE_ARGUMENT;
    slot = newest(e, store, errors, &found);
    if (errors[0] == EDGE_STORE || errors[1] == EDGE_STORE) return EDGE_STORE;
    if (slot == NO_SLOT) {
        if (errors[0] == EDGE_VERSION || errors[1] == EDGE_VERSION) return EDGE_VERSION;
        return errors[0] == EDGE_SAVED && errors[1] == EDGE_SAVED ? EDGE_SAVED : EDGE_EMPTY;
    }
    if (errors[slot] != EDGE_OK) return errors[slot];
    p = pipe_of(store, slot, NULL, NULL, store->bytes);
    error = take(e, &p, &found);
    if (error != EDGE_OK) return error;
    e->sequence = get(found.head + AT_SEQUENCE);
    if (cut) *cut = errors[!slot] != EDGE_OK && errors[!slot] != EDGE_EMPTY;
    return EDGE_OK;
}
