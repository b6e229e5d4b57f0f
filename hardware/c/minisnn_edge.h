/* A spiking network that infers and learns in integers on a microcontroller.

   A meta-trained network of conv layers and a readout (Stewart & Neftci, Neuromorphic Computing and Engineering 2(4), 044002, 2022)
   classifies recordings of an event camera and learns new classes from one recording of each:

       #include "minisnn_edge.h"
       #include "chip.h"                                               the model, made by `minisnn hardware export`

       static uint32_t memory[CHIP_WORDS(100, 20, 1)];                 100 steps, 20 classes at most, a window of 1 step
       static edge e;
       edge_init(&e, &chip_model, (edge_room){100, 20, 1}, memory, sizeof memory / 4);
       edge_add_class(&e, &cup);
       for each recording of a cup:   edge_recording(&e, events, per_step, 100);  edge_learn(&e, cup);
       edge_recording(&e, events, per_step, 100);  edge_scores(&e, scores, &found);

   C99 without heap, float, stdio or global state; every array is in memory of the caller's, whose size chip.h knows at compile
   time. Every function but edge_words, edge_saved_bytes, edge_pending and edge_message returns EDGE_OK or an error; where it returns
   an error it has changed nothing (edge_load_from can fail to read: see there). Not for two threads at once on the same `edge`;
   different ones are independent.

   Compile the library's files minisnn_edge.c, _means.c, _gradient.c, _save.c and _stream.c, and the file of the model's neuron,
   minisnn_edge_lif.c or minisnn_edge_cuba.c (or both: a program may hold networks of either). Two builds of one source:

       (none)          small: takes a whole recording, then computes layer by layer, one site's states at a time; spikes are bits
       EDGE_STEPWISE   as events arrive: every step is computed when it comes, and a stream may run on for ever
       EDGE_SHORT      with EDGE_STEPWISE: LIF's P and Q of the conv layers in 16 bits, half the memory; no longer bit for bit the
                       others (CubaLIF's states take less as they are, and stay exact)

   Arithmetic is bit for bit that of the Python chip; formats: hardware/README.md. Right shifts of negative numbers must be
   arithmetic (checked at compile time). */
#ifndef MINISNN_EDGE_H
#define MINISNN_EDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(EDGE_SHORT) && !defined(EDGE_STEPWISE)
#error "EDGE_SHORT is an option of the stepwise build: define EDGE_STEPWISE, too"
#endif

#define EDGE_MOST_COUNT 7               /* an input count is clipped at this: three bits */

typedef enum {
    EDGE_OK,
    EDGE_ARGUMENT,                      /* a null pointer, or an `edge` that edge_init has not made ready */
    EDGE_MODEL,                         /* the model's numbers do not fit each other or this build, or could make a sum overflow */
    EDGE_MEMORY,                        /* too few words of memory, or no room for a step, a class or the window */
    EDGE_INPUT,                         /* an event outside the picture, or before the last */
    EDGE_FULL,                          /* more steps than there is room for (small build), or the classes are used up */
    EDGE_EMPTY,                         /* no step has been given: there is nothing to read or to learn */
    EDGE_LABEL,                         /* not one of the classes */
    EDGE_OPTION,                        /* a learner that does not exist, or whose window is longer than the room for it */
    EDGE_SAVED,                         /* not a saved state, a damaged one, or one of another model */
    EDGE_VERSION,                       /* a saved state of another version, or of another rule */
    EDGE_PENDING,                       /* lessons wait for edge_update: a state saved now would lack them */
    EDGE_STORE                          /* the store could not read or write, or does not give back what was written */
} edge_error;

enum { EDGE_FLOOR, EDGE_ZERO, EDGE_NEAREST, EDGE_STOCHASTIC };          /* rounding */
enum { EDGE_SOFTMAX, EDGE_TARGET, EDGE_TERNARY };                       /* error of the readout */
enum { EDGE_MEMBRANE, EDGE_THREE_FACTOR, EDGE_CLASS_MEAN };             /* learning rule */
enum { EDGE_NO_POOL, EDGE_MAX, EDGE_MEAN };                             /* pooling */

/* An event: column, row, channel (0 OFF, 1 ON), in the network's picture. */
typedef struct { uint8_t x, y, polarity; } edge_event;

/* ---- the model, constant and in flash */

typedef struct {
    int32_t height, width, inputs, outputs, kernel, pool;
    int32_t exponent;                   /* LIF: of the weights; CubaLIF: of what a synapse delivers, Loihi's weight_exp */
    int32_t threshold;                  /* CubaLIF: vth; LIF's is one for all layers */
    const uint32_t *weight;             /* (kernel, kernel, inputs, outputs / 4): four weights + 128 in a word, the first lowest */
    const int32_t *bias;                /* (outputs), LIF: exponent - F, CubaLIF: 16ths of the weights' unit; filled up with zeros to a multiple of four */
} edge_layer;

/* EDGE_CLASS_MEAN, the rule of exports where none is named: every class has the mean c of the traces p that were taught to it, and
   how many there were. A shot is taken in at once, at any time and in any order: n counts it, c += round((p - c) / n); taken back,
   c -= round((p - c) / n) before n is less by one. The nearest mean answers. c has 8 bits, in 16ths of p's 4096ths; shot by shot, n c
   is off the exact sum by half of n at most, so that c is within `slack` / 2 n of the exact mean (edge_class). Residuals, another
   byte a synapse, make that 256 times less. It begins without a class.

   The other rules change the readout's weights: W -= D, D = |G| > Theta ? (G + noise) >> k : 0.
     membrane        e of u at the last step,                      G = sum over samples of e p
     three-factor    h = (e sigma'(u)) >> 8 in the window's steps, G = sum of h p
   They want an update after the last lesson, begin with the model's classes, and cannot tell one class from another in what they
   learned: no class can be removed, no shot taken back, and a class that comes later is learned at the cost of those before. */
typedef struct {
    int32_t rule, error, rounding;
    int32_t threshold;                  /* Theta in 256ths of the largest |G|, 0 .. 255 */
    int32_t window;                     /* steps of the three-factor rule, counted from the last one */
    int32_t shift_weight, shift_bias;   /* k, -12 .. 32 */
    int32_t trigger;                    /* of ternary errors */
    int32_t online;                     /* update after every sample */
    uint32_t noise;                     /* state of xorshift32 to begin with, not 0 */
    uint32_t refuse;                    /* class means: beyond refuse (1 + 1 / shots) the nearest does not answer; 0: it always does */
    int32_t residuals;                  /* whether class means have some: the model's, as memory is laid out for it */
} edge_learner;

typedef struct edge_neuron edge_neuron;
extern const edge_neuron edge_lif, edge_cuba;                           /* each in its file */

typedef struct {
    const edge_neuron *neuron;
    int32_t alpha, beta, gamma, rho, threshold, slope;                  /* factors of 4096, units of u, 16ths; CubaLIF: the readout's */
    int32_t current, voltage;                                           /* CubaLIF: factors of 4096 of the conv layers' decays */
    int32_t fraction, traces, membrane;                                 /* F; rounding of the filters, and on the way to u */
    int32_t trace_bits;                                                 /* fraction bits of the readout's traces */
    int32_t weight_bits, layers;                                        /* of the conv layers */
    const edge_layer *layer;
    int32_t inputs, ways, bits, exponent, bias_room;                    /* of the readout */
    const int8_t *weight;               /* (inputs, ways) */
    const int32_t *bias;
    const int32_t *exponential, *reciprocal;                            /* tables of exp(-d) and 1 / m^2 */
    edge_learner learner;
    uint32_t id;                        /* of what a saved state belongs to */
    int32_t bin, steps;                 /* what a recording must be: microseconds of a step, steps; */
    int32_t cell, centred;              /* pixels of the camera, squared, in a cell; whether its mean event is brought to the middle */
    int32_t nothings;                   /* class means: known means that are no class, such as those of a dot and of an empty picture; */
    const uint8_t *nothing;             /* (nothings, inputs): where one is nearer than every class, and within refuse, none answers */
} edge_model;

/* What there has to be room for: steps of a recording (small build only), classes, steps of the learner's window. */
typedef struct { uint32_t steps, classes, window; } edge_room;

/* A class mean. Ids are given in order and never again before edge_forget; classes lie in the order of their ids. */
typedef struct {
    uint32_t id, shots;                 /* shots: 0 .. EDGE_MOST_SHOTS */
    uint32_t slack;                     /* the mean is within slack / (2 shots) of the exact one, in its last place; stochastic
                                           rounding: within twice that. 2^32 - 1: within anything */
    uint32_t square;                    /* |c|^2 */
} edge_class;

enum { EDGE_MOST_SHOTS = 65535, EDGE_NONE = -1 };                       /* EDGE_NONE: no class at all */

/* ---- a network at work; the counts may be read and set to 0, the rest is private */

typedef struct {                        /* counts stay at 2^32 - 1 */
    uint32_t input_clipped;             /* events or counts beyond EDGE_MOST_COUNT in a cell */
    uint32_t membrane_clipped;          /* membranes that met the end of their word; CubaLIF: and currents that were wrapped at theirs */
    uint32_t written, gated, clipped;   /* synapses, by updates */
    uint32_t gradient_saturated;        /* sums that met the end of theirs */
} edge_counts;

typedef struct { uint32_t q, p; } edge_noise;                          /* states of the numbers that round the traces q and p */

typedef struct {
    const edge_model *model;
    edge_room room;
    edge_learner learner;
    edge_counts counts;
    uint32_t classes, steps, noise, slot, held;
    uint32_t pending, next, sequence;   /* lessons not yet taken in; the next class's id; of the state saved last in a store */
    edge_noise traces, traces_before;   /* of the steps that come next, and of those from the window's start on */
    uint32_t afresh;                    /* state that the next recording's traces begin with; 0: they go on from the last one's */
    int settled;                        /* whether scores belong to the steps that were given */
    size_t spike_words, state_words;
    uint32_t *spikes, *state, *list;
    int32_t *sums;
    uint32_t *now, *before, *ring;      /* readout: traces p | q << 16, those at the window's start, spikes of the window */
    int32_t *u, *h, *r;                 /* readout: membranes and errors of the window (window, classes), refractory traces */
    int32_t *gradient, *bias_gradient, *bias;
    int8_t *weight;                     /* (inputs, room.classes) */
    edge_class *known;                  /* class means: (classes), then their means and residuals, (classes, inputs) */
    uint8_t *mean;
    int8_t *residual;
} edge;

/* Words of memory that a model needs, CHIP_WORDS(steps, classes, window) of chip.h; 0 where the model or the room is none. */
size_t edge_words(const edge_model *model, edge_room room);

edge_error edge_init(edge *e, const edge_model *model, edge_room room, uint32_t *memory, size_t words);

/* Start over: every state of the network to zero, what was learned stays. Every recording begins so. (Traces that are rounded with
   noise, CubaLIF's, go on with it: another recording has other numbers.) A stream may run on instead
   (stepwise build): then what was seen before is in the traces, and fades as 0.95 to the power of the steps; nothing else is lost
   or to be paid for. The small build has no states to run on with: after its scores were read, only edge_start goes on. */
edge_error edge_start(edge *e);

/* One step (1 ms for the shipped models): its n events in any order, or counts (height, width, channels) of a whole picture. */
edge_error edge_step(edge *e, const edge_event *events, size_t n);
edge_error edge_step_counts(edge *e, const uint8_t *counts);

/* A whole recording from its start: per_step[t] events in step t, one after the other. */
edge_error edge_recording(edge *e, const edge_event *events, const uint16_t *per_step, size_t steps);

/* ---- a stream of events with timestamps, in the camera's pixels: width and height of the picture times `cell` of them

   The library finds where a recording begins, cuts the model's steps out of it, brings its mean event to the middle where the model
   was trained so, sums pixels to cells, and gives all to the network. *whole tells that a recording is over: then edge_scores, and
   edge_learn or edge_correct, until the next one begins.

   Time is in microseconds, may wrap, and does not go back: what is before the last event or time is refused (EDGE_INPUT) and changes
   nothing. When EDGE_REFUSALS calls were refused, none taken between them, that were back by a window or more, the clock itself has
   changed: the next such call is believed, and time goes on from there. So the stream recovers by itself from a stamp far ahead, from
   a camera that began again at 0, and from 36 to 71 minutes without a call, which 32 bits cannot tell from a step back. A recording
   that was under way then is dropped; what is known of the noise stays. A stamp ahead is believed at once, and ends the recording that
   is under way. */
#define EDGE_REFUSALS 64

typedef struct { uint32_t t; uint8_t x, y, polarity; } edge_timed;

/* A recording begins where there are `least` events in `window` microseconds, and `factor` times as many as in those before. The
   first 8 windows are only listened to, unless factor is 0: then noise does not count. */
typedef struct { uint32_t window, least, factor; } edge_onset;

typedef struct {                        /* `lost` may be read: events of this recording that the buffer had no room for */
    edge *network;
    edge_timed *events;
    edge_onset onset;
    uint32_t room, held, lost, count, noise, heard, mark, last, begin, step, refused;
    int32_t right, down;
    int state, begun;
} edge_stream;

/* The buffer holds the events of a window, and of a step; where recordings are centred, those of a whole one. `onset` NULL: 30 events
   in 20 ms, 3 times as many as before. Small build: the room of edge_init has the model's steps. */
edge_error edge_stream_open(edge_stream *s, edge *e, edge_timed *events, size_t room, const edge_onset *onset);
edge_error edge_stream_event(edge_stream *s, edge_timed event, int *whole);
edge_error edge_stream_time(edge_stream *s, uint32_t t, int *whole);    /* it is t now: where events stay away, too, recordings end */

/* A score of every class, in their order, at the last step, in 1024ths, and the class of the highest, the first of equal ones; either
   pointer may be NULL.
   Class means: minus half the squared distance, -32767 or more; -32768 where nothing was taught. The label is the nearest's id, or
   EDGE_NONE where that is too far (the learner's `refuse`), where one of the model's `nothing` is nearer and not as far, or nothing was taught at all.
   Gradients: the membranes by the readout that was there as the steps came (small build: as they are first asked for); start over
   after an update, edge_forget or edge_load. */
edge_error edge_scores(edge *e, int16_t *scores, int *label);

/* Class means: squared distances |p - c|^2 of every class, in 65536ths; UINT32_MAX where nothing was taught. */
edge_error edge_distances(edge *e, uint32_t *distances);

/* The recording that was given is of this class. Class means, and online learning, take it in at once, and edge_update does nothing;
   else its gradient is added, and edge_update changes the weights after the last lesson. edge_pending: lessons that wait for it. */
edge_error edge_learn(edge *e, int label);
edge_error edge_update(edge *e);
uint32_t edge_pending(const edge *e);

/* Class means: the recording that was given was taught as `from` and is of `to`, or of none of them (EDGE_NONE). The means are as if
   `from` had not met it, but for their slack. Only what was taught can be taken back; nothing here remembers it. */
edge_error edge_correct(edge *e, int from, int to);

/* Restarts the noise of updates, and from the next recording on that of traces; drops gradients not yet applied. Class means cannot
   be exchanged for another rule, nor get or lose residuals: memory is laid out for the model's. */
edge_error edge_set_learner(edge *e, const edge_learner *learner);
edge_error edge_add_class(edge *e, int *label);                         /* one more, without a shot, or of weights and bias zero */
edge_error edge_remove_class(edge *e, int label);                       /* class means; the others stay as they are, their ids too */
edge_error edge_class_at(const edge *e, uint32_t place, edge_class *to);        /* class means; places are 0 .. classes - 1 */
edge_error edge_forget(edge *e);                                        /* back to the model: class means to none at all */

/* What was learned as bytes, the same on every machine, versioned and checksummed; formats.md has them. Where lessons wait for
   edge_update, nothing is saved (EDGE_PENDING); loading drops them. */
size_t edge_saved_bytes(const edge *e);
edge_error edge_save(const edge *e, uint8_t *to, size_t bytes);
edge_error edge_load(edge *e, const uint8_t *from, size_t bytes);

/* The same in a store of two slots (two sectors of flash, two files), written in turn: power may go at any byte, and what
   edge_save_to confirmed is found again. The functions return 0 where all went well. `write` gets the bytes of a slot in order from 0
   on; at 0 the slot is to be made empty first. No buffer is needed: bytes go out as they are made. */
typedef struct {
    void *context;
    size_t bytes;                       /* of each slot, at most */
    int (*read)(void *context, int slot, size_t at, uint8_t *to, size_t n);
    int (*write)(void *context, int slot, size_t at, const uint8_t *from, size_t n);
} edge_store;

edge_error edge_save_to(edge *e, const edge_store *store);              /* EDGE_OK only after all was read back */

/* The newest state that is whole. `cut` (or NULL): whether a slot holds one that is not whole, of a save that power cut short, or
   damaged since. EDGE_EMPTY: nothing was ever confirmed; EDGE_SAVED: both are damaged. A store that fails after all was read once, and
   only then, leaves the network forgotten (EDGE_STORE). */
edge_error edge_load_from(edge *e, const edge_store *store, int *cut);

const char *edge_message(edge_error error);

#ifdef __cplusplus
}
#endif
#endif
