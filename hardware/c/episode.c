/* See episode.h. All memory is declared here: nothing of it comes from the heap. */
#include "episode.h"
#include "chip.h"

enum { WAYS = CHIP_WAYS, INPUTS = CHIP_READOUT_INPUTS, MEANS = CHIP_RULE == EDGE_CLASS_MEAN };

static edge network;
static uint32_t memory[CHIP_WORDS(CHIP_STEPS, WAYS, CHIP_ROOM_WINDOW)];
static uint16_t per_step[CHIP_STEPS];
static episode_result found;

static int32_t number(const uint8_t *at)
{
    const uint32_t x = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    return x >> 31 ? -(int32_t)~x - 1 : (int32_t)x;
}

static void expect(int32_t x, const uint8_t *at)
{
    found.compared++;
    found.wrong += x != number(at);
}

static void sum(int32_t x)
{
    uint32_t bits = (uint32_t)x;
    int n, k;
    for (n = 0; n < 4; n++, bits >>= 8)
        for (found.crc ^= bits & 255, k = 0; k < 8; k++) found.crc = found.crc >> 1 ^ (found.crc & 1 ? 0xEDB88320u : 0);
}

static int failed(edge_error error)
{
    if (error != EDGE_OK && !found.error) found.error = edge_message(error);
    return error != EDGE_OK;
}

/* The sample at `at`, compared with the membranes u (steps, ways) where they are given; what comes after it, or NULL at an error. */
static const uint8_t *present(const uint8_t *at, const uint8_t *end, int32_t steps, const uint8_t *u)
{
    int16_t scores[WAYS];
    size_t total = 0;
    int32_t t, k;
    if (end - at < 2 * steps) return NULL;
    for (t = 0; t < steps; t++, at += 2) total += per_step[t] = (uint16_t)(at[0] | at[1] << 8);
    if ((size_t)(end - at) < 3 * total) return NULL;
#ifdef EDGE_STEPWISE
    if (failed(edge_start(&network))) return NULL;
    for (t = 0; t < steps; at += 3 * per_step[t], t++) {
        if (failed(edge_step(&network, (const edge_event *)(const void *)at, per_step[t]))) return NULL;
        if (failed(edge_scores(&network, scores, NULL))) return NULL;
        for (k = 0; k < WAYS && u; k++) expect(scores[k], u + 4 * (t * WAYS + k));
    }
#else
    if (failed(edge_recording(&network, (const edge_event *)(const void *)at, per_step, (size_t)steps))) return NULL;
    if (failed(edge_scores(&network, scores, NULL))) return NULL;
    for (k = 0; k < WAYS && u; k++) expect(scores[k], u + 4 * ((steps - 1) * WAYS + k));
    at += 3 * total;
#endif
    for (k = 0; k < WAYS && u; k++) sum(scores[k]);
    found.samples++;
    return at;
}

static void play(const uint8_t *bytes, const uint8_t *end)
{
    const edge_room room = {CHIP_STEPS, WAYS, CHIP_ROOM_WINDOW};
    const uint8_t *label, *at, *u;
    int32_t support, query, steps, n;
    int64_t expected;
    found.error = "the length of the test vectors is not the one that they tell";
    if (end - bytes < 12) return;
    support = number(bytes), query = number(bytes + 4), steps = number(bytes + 8);
    if (support < 1 || query < 0 || support > 10000 || query > 10000 || steps < 1 || steps > CHIP_STEPS) {
        found.error = "test vectors with numbers of samples or steps that cannot be";
        return;
    }
    label = bytes + 12;
    expected = 4 * ((int64_t)INPUTS * WAYS + (MEANS ? 0 : WAYS) + (int64_t)steps * WAYS * (MEANS ? query : support + query));
    if (end - bytes < 12 + 4 * support + expected) return;
    u = end - expected;
    found.error = NULL;
    if (failed(edge_init(&network, &chip_model, room, memory, sizeof memory / sizeof *memory))) return;
    for (n = 0; n < WAYS && MEANS; n++)
        if (failed(edge_add_class(&network, NULL))) return;
    for (at = label + 4 * support, n = 0; n < support; n++) {           /* before learning */
        at = present(at, end, steps, MEANS ? NULL : u + 4 * n * steps * WAYS);
        if (!at) break;
    }
    for (at = label + 4 * support, n = 0; n < support && !found.error; n++) {
        at = present(at, end, steps, NULL);
        if (!at || failed(edge_learn(&network, number(label + 4 * n)))) break;
    }
    if (!at || found.error || failed(edge_update(&network))) {
        if (!found.error) found.error = "events beyond the end of the test vectors";
        return;
    }
    if (!MEANS) u += 4 * support * steps * WAYS;
    for (n = 0; n < INPUTS * WAYS; n++, u += 4) {
        const int32_t x = MEANS ? network.mean[n] : network.weight[n];
        expect(x, u), sum(x);
    }
    for (n = 0; n < WAYS && !MEANS; n++, u += 4) expect(network.bias[n], u), sum(network.bias[n]);
    for (n = 0; n < query && at; n++, u += 4 * steps * WAYS) at = present(at, end, steps, u);
    if (!at && !found.error) found.error = "events beyond the end of the test vectors";
    if (at && end - at != expected)
        found.error = "the length of the test vectors is not the one that they tell";
}

episode_result episode(const uint8_t *bytes, size_t size)
{
    const episode_result none = {0, 0, 0, 0xFFFFFFFFu, NULL};
    found = none;
    play(bytes, bytes + size);
    found.crc = ~found.crc;
    return found;
}
