/* The network for a page: one `edge` in memory of its own, numbers in and out through two buffers. Built by `make edge.wasm`;
   every function returns an edge_error. */
#include "episode.c"            /* in one file, so that there is one chip.h */

#ifndef CLASSES
#define CLASSES 16
#endif

#define EXPORT(name) __attribute__((export_name(#name)))

static edge page;
static uint32_t page_memory[CHIP_WORDS(CHIP_STEPS, CLASSES, CHIP_ROOM_WINDOW)];
static uint8_t buffer[1 << 20];                                         /* counts, a saved state, or an episode */
static int16_t scores[CLASSES];
static int label;
static episode_result result;

EXPORT(buffer) uint8_t *wasm_buffer(void) { return buffer; }
EXPORT(buffer_bytes) size_t wasm_buffer_bytes(void) { return sizeof buffer; }
EXPORT(scores) int16_t *wasm_scores(void) { return scores; }
EXPORT(label) int wasm_label(void) { return label; }
EXPORT(classes) uint32_t wasm_classes(void) { return page.classes; }
EXPORT(written) uint32_t wasm_written(void) { return page.counts.written; }
EXPORT(height) int wasm_height(void) { return chip_layers[0].height; }
EXPORT(width) int wasm_width(void) { return chip_layers[0].width; }
EXPORT(channels) int wasm_channels(void) { return chip_layers[0].inputs; }

EXPORT(init) edge_error wasm_init(void)
{
    const edge_room room = {CHIP_STEPS, CLASSES, CHIP_ROOM_WINDOW};
    return edge_init(&page, &chip_model, room, page_memory, sizeof page_memory / sizeof *page_memory);
}

EXPORT(start) edge_error wasm_start(void) { return edge_start(&page); }
EXPORT(step) edge_error wasm_step(void) { return edge_step_counts(&page, buffer); }     /* counts (height, width, channels) */
EXPORT(read) edge_error wasm_read(void) { return edge_scores(&page, scores, &label); }
EXPORT(learn) edge_error wasm_learn(int class) { return edge_learn(&page, class); }
EXPORT(update) edge_error wasm_update(void) { return edge_update(&page); }
EXPORT(add_class) edge_error wasm_add_class(void) { return edge_add_class(&page, &label); }
EXPORT(forget) edge_error wasm_forget(void) { return edge_forget(&page); }
EXPORT(saved_bytes) size_t wasm_saved_bytes(void) { return edge_saved_bytes(&page); }
EXPORT(save) edge_error wasm_save(void) { return edge_save(&page, buffer, sizeof buffer); }
EXPORT(load) edge_error wasm_load(size_t bytes) { return edge_load(&page, buffer, bytes < sizeof buffer ? bytes : sizeof buffer); }

/* The self-test of episode.h on the bytes in the buffer: how many numbers differ, -1 at an error; then its CRC and its samples. */
EXPORT(episode) int wasm_episode(size_t bytes)
{
    result = episode(buffer, bytes < sizeof buffer ? bytes : sizeof buffer);
    return result.error ? -1 : (int)result.wrong;
}
EXPORT(episode_crc) uint32_t wasm_crc(void) { return result.crc; }
EXPORT(episode_samples) uint32_t wasm_samples(void) { return result.samples; }
