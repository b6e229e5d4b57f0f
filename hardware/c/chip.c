/* Inference and learning of the integer network in chip.h, and a self-test:
   cc -O2 -o selftest chip.c && ./selftest selftest.bin

   Plain C99. Bit for bit what hardware/chip/reference.py computes; every >> of a number that may be negative goes through sra(),
   since C leaves it to the compiler. Per step: events spread their weights into V; then, for every neuron,

     u = sat16(shift(P + bias) - ((rho r) >> 12))         r = (G r + (4096 - G) 4096 s) >> 12,  s = u >= threshold
     P = (A P + (4096 - A) Q) >> 12                       Q = (B Q + (4096 - B) (V << F)) >> 12       P reads the old Q
*/
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "chip.h"

enum { FLOOR, ZERO, NEAREST, STOCHASTIC };
#define FEATURES (CHIP_READOUT_INPUTS)
#define K CHIP_WAYS

static int64_t sra(int64_t x, int k) { return x < 0 ? ~(~x >> k) : x >> k; }
static int64_t clip(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

static int64_t shift(int64_t x, int k, int mode, int64_t noise) {
    if (k <= 0) return x * ((int64_t)1 << -k);
    if (mode == ZERO) return x < 0 ? -(-x >> k) : x >> k;
    return sra(x + (mode == NEAREST ? (int64_t)1 << (k - 1) : mode == STOCHASTIC ? noise : 0), k);
}

static uint32_t xorshift32(uint32_t x) { x ^= x << 13; x ^= x >> 17; return x ^ x << 5; }

static void *zeros(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    if (!p) { fprintf(stderr, "out of memory\n"); exit(2); }
    return p;
}

static int64_t reset(int64_t *r, int64_t current) {                     /* u of a current, and r one step on */
    int64_t u = clip(current - sra(CHIP_RHO * *r, 12), -32768, 32767);
    *r = (CHIP_GAMMA * *r + (4096 - CHIP_GAMMA) * 4096 * (u >= CHIP_THRESHOLD)) >> 12;
    return u;
}

/* spikes (T, H', W', C_out) of a layer from counts x (T, H, W, C_in), sizes as in chip.h */
static uint8_t *conv(const chip_layer *l, const uint8_t *x, int T) {
    int H = l->height, W = l->width, C = l->inputs, N = l->outputs, k = l->kernel, p = k / 2, none = l->pool == 0;
    int h2 = none ? H : H / 2, w2 = none ? W : W / 2;
    size_t sites = (size_t)H * W * N;
    int64_t *P = zeros(sites, 8), *Q = zeros(sites, 8), *r = zeros(sites, 8), *V = zeros(sites, 8), *u = zeros(sites, 8);
    uint8_t *out = zeros((size_t)T * h2 * w2 * N, 1);
    for (int t = 0; t < T; t++) {
        memset(V, 0, sites * 8);
        for (int y = 0; y < H; y++) for (int z = 0; z < W; z++) for (int c = 0; c < C; c++) {
            int n = x[(((size_t)t * H + y) * W + z) * C + c];
            if (!n) continue;
            for (int i = 0; i < k; i++) for (int j = 0; j < k; j++) {
                int a = y + p - i, b = z + p - j;
                if (a < 0 || a >= H || b < 0 || b >= W) continue;
                const int8_t *w = l->weight + ((size_t)(i * k + j) * C + c) * N;
                int64_t *to = V + ((size_t)a * W + b) * N;
                for (int o = 0; o < N; o++) to[o] += n * w[o];
            }
        }
        for (size_t s = 0; s < sites; s++) {
            u[s] = reset(&r[s], shift(P[s] + l->bias[s % N], CHIP_FRACTION - l->exponent - 10, CHIP_MEMBRANE_ROUNDING, 0));
            P[s] = shift(CHIP_ALPHA * P[s] + (4096 - CHIP_ALPHA) * Q[s], 12, CHIP_TRACES_ROUNDING, 0);
            V[s] *= (int64_t)1 << CHIP_FRACTION;
            Q[s] = shift(CHIP_BETA * Q[s] + (4096 - CHIP_BETA) * V[s], 12, CHIP_TRACES_ROUNDING, 0);
        }
        for (int y = 0; y < h2; y++) for (int z = 0; z < w2; z++) for (int o = 0; o < N; o++) {
            const int64_t *at = u + ((size_t)(none ? y : 2 * y) * W + (none ? z : 2 * z)) * N + o;
            int64_t a = at[0], s = a >= CHIP_THRESHOLD;
            if (!none) {
                int64_t b = at[N], c = at[(size_t)W * N], d = at[(size_t)W * N + N];
                s = l->pool == 1 ? s | (b >= CHIP_THRESHOLD) | (c >= CHIP_THRESHOLD) | (d >= CHIP_THRESHOLD)
                                 : a + b + c + d >= 4 * (int64_t)CHIP_THRESHOLD;
            }
            out[(((size_t)t * h2 + y) * w2 + z) * N + o] = (uint8_t)s;
        }
    }
    free(P); free(Q); free(r); free(V); free(u);
    return out;
}

/* presynaptic traces p (T, FEATURES) of counts x (T, H, W, C) through every layer */
static int32_t *traces(const uint8_t *x, int T) {
    const uint8_t *spikes = x;
    for (int n = 0; n < CHIP_LAYERS; n++) {
        uint8_t *next = conv(&chip_layers[n], spikes, T);
        if (spikes != x) free((void *)spikes);
        spikes = next;
    }
    int32_t *p = zeros((size_t)T * FEATURES, 4);
    int64_t *q = zeros(FEATURES, 8);
    for (int t = 0; t < T; t++) for (int i = 0; i < FEATURES; i++) {
        size_t at = (size_t)t * FEATURES + i;
        int64_t next = shift(CHIP_ALPHA * (int64_t)p[at] + (4096 - CHIP_ALPHA) * q[i], 12, CHIP_TRACES_ROUNDING, 0);
        if (t + 1 < T) p[at + FEATURES] = (int32_t)next;
        q[i] = shift(CHIP_BETA * q[i] + (4096 - CHIP_BETA) * (int64_t)4096 * spikes[at], 12, CHIP_TRACES_ROUNDING, 0);
    }
    free(q);
    if (spikes != x) free((void *)spikes);
    return p;
}

/* membranes u (T, K) of the readout */
static void membranes(const int32_t *p, int T, const int32_t *weight, const int32_t *bias, int64_t *u) {
    int64_t r[K] = {0};
    for (int t = 0; t < T; t++) for (int k = 0; k < K; k++) {
        int64_t sum = bias[k];
        for (int i = 0; i < FEATURES; i++) sum += (int64_t)weight[i * K + k] * p[(size_t)t * FEATURES + i];
        u[t * K + k] = reset(&r[k], shift(sum, 2 - CHIP_READOUT_EXPONENT, CHIP_MEMBRANE_ROUNDING, 0));
    }
}

static void error(const int64_t *u, int label, int64_t *e) {
    int64_t top = u[0], sum = 0;
    for (int k = 0; k < K; k++) {
        e[k] = clip(clip(u[k], 0, 1024) / 8 - (k == label ? 128 : 0), -128, 127);
        if (u[k] > top) top = u[k];
    }
    if (CHIP_ERROR == 1) return;
    for (int k = 0; k < K; k++) sum += e[k] = (top - u[k]) >> 6 < 256 ? chip_exponential[(top - u[k]) >> 6] : 0;
    for (int k = 0; k < K; k++) {
        e[k] = clip((256 * e[k] + sum) / (2 * sum) - (k == label ? 128 : 0), -128, 127);
        if (CHIP_ERROR == 2) e[k] = e[k] > CHIP_TRIGGER ? 127 : e[k] < -CHIP_TRIGGER ? -127 : 0;
    }
}

static int64_t surrogate(int64_t u) {
    int64_t x = 16384 + (u < CHIP_THRESHOLD ? CHIP_THRESHOLD - u : u - CHIP_THRESHOLD) * CHIP_SLOPE;
    int n = 0;
    while (x >> (n + 15)) n++;
    if (n >= 16) return 0;
    return clip(shift(chip_reciprocal[(x >> (n + 10)) & 15], 2 * n, NEAREST, 0), 0, 255);
}

enum { H_ROUNDING = CHIP_LEARN_ROUNDING == STOCHASTIC ? FLOOR : CHIP_LEARN_ROUNDING };
enum { HIGHEST = (1 << (CHIP_READOUT_BITS - 1)) - 1 };

static void add(int64_t *G, int64_t x) { *G = clip(*G + x, -2147483647 - 1, 2147483647); }

static uint32_t update(int32_t *W, int64_t *G, int n, int k, int64_t low, int64_t high, uint32_t state) {
    int64_t most = 0;
    for (int i = 0; i < n; i++) if (llabs(G[i]) > most) most = llabs(G[i]);
    most = most * CHIP_LEARN_THRESHOLD >> 8;
    for (int i = 0; i < n; i++) {
        state = xorshift32(state);
        if (llabs(G[i]) > most)
            W[i] = (int32_t)clip(W[i] - shift(G[i], k, CHIP_LEARN_ROUNDING, k > 0 ? (int64_t)state >> (32 - k) : 0), low, high);
        G[i] = 0;
    }
    return state;
}

/* one presentation of n support samples: traces p[n] (T, FEATURES), labels; weight and bias change */
static void learn(int32_t **p, const int32_t *label, int n, int T, int32_t *weight, int32_t *bias) {
    int64_t *G = zeros((size_t)FEATURES * K, 8), Gb[K] = {0}, *u = zeros((size_t)T * K, 8), e[K];
    int first = CHIP_THREE_FACTOR ? (T > CHIP_WINDOW ? T - CHIP_WINDOW : 0) : T - 1;
    uint32_t state = CHIP_SEED_STATE;
    for (int b = 0; b < n; b++) {
        membranes(p[b], T, weight, bias, u);
        for (int t = first; t < T; t++) {
            error(u + t * K, label[b], e);
            for (int k = 0; k < K && CHIP_THREE_FACTOR; k++)
                e[k] = shift(e[k] * surrogate(u[t * K + k]), 8, H_ROUNDING, 0);
            const int32_t *now = p[b] + (size_t)t * FEATURES;
            for (int i = 0; i < FEATURES; i++) for (int k = 0; k < K; k++) add(&G[i * K + k], e[k] * now[i]);
            for (int k = 0; k < K; k++) add(&Gb[k], 4096 * e[k]);
        }
        if (!CHIP_ONLINE && b < n - 1) continue;
        state = update(weight, G, FEATURES * K, CHIP_SHIFT_WEIGHT, -HIGHEST - 1, HIGHEST, state);
        state = update(bias, Gb, K, CHIP_SHIFT_BIAS, -(int64_t)CHIP_BIAS_ROOM, CHIP_BIAS_ROOM, state);
    }
    free(G); free(u);
}

/* ---- self-test: int32 (support, query, T), labels, counts (uint8), then what is expected as int32: u of the support before
   learning, weight and bias after, u of the query after */

static void take(void *to, size_t size, FILE *file) {
    if (fread(to, 1, size, file) != size) { fprintf(stderr, "the file of test vectors is too short\n"); exit(2); }
}

static long wrong;

static void expect(int64_t found, FILE *file) { int32_t x; take(&x, 4, file); wrong += x != found; }

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!file) { fprintf(stderr, "usage: selftest selftest.bin\n"); return 2; }
    int32_t n[3];
    take(n, sizeof n, file);
    int S = n[0], B = n[0] + n[1], T = n[2];
    int32_t *label = zeros(S, 4), **p = zeros(B, sizeof *p), *weight = zeros((size_t)FEATURES * K, 4), *bias = zeros(K, 4);
    take(label, 4 * (size_t)S, file);
    uint8_t *x = zeros((size_t)T * CHIP_INPUTS, 1);
    for (int b = 0; b < B; b++) {
        take(x, (size_t)T * CHIP_INPUTS, file);
        for (size_t i = 0; i < (size_t)T * CHIP_INPUTS; i++) if (x[i] > CHIP_MOST_COUNT) x[i] = CHIP_MOST_COUNT;
        p[b] = traces(x, T);
    }
    for (int i = 0; i < FEATURES * K; i++) weight[i] = readout_weight[i];
    for (int k = 0; k < K; k++) bias[k] = readout_bias[k];
    int64_t *u = zeros((size_t)T * K, 8);
    for (int b = 0; b < S; b++) { membranes(p[b], T, weight, bias, u); for (int i = 0; i < T * K; i++) expect(u[i], file); }
    learn(p, label, S, T, weight, bias);
    for (int i = 0; i < FEATURES * K; i++) expect(weight[i], file);
    for (int k = 0; k < K; k++) expect(bias[k], file);
    for (int b = S; b < B; b++) { membranes(p[b], T, weight, bias, u); for (int i = 0; i < T * K; i++) expect(u[i], file); }
    printf(wrong ? "%ld numbers differ\n" : "all numbers agree\n", wrong);
    return wrong != 0;
}
