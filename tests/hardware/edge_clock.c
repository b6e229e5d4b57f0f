/* A stream whose clock goes wrong: stamps 20 minutes ahead, silences of 40 minutes, a camera that begins at 0 again, events that come
   late. edge_clock() is the CRC-32 of what every call answers: error, whole, noise, lost (int32, lowest byte first). As
   test_hardware_stream.py has it in Python; with chip.h of an export. */
#include "chip.h"
#include "minisnn_edge.h"

uint32_t edge_clock(void);

static uint32_t memory[CHIP_WORDS(CHIP_STEPS, CHIP_WAYS, CHIP_ROOM_WINDOW)];
static uint32_t crc, state;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 16) % below;
}

static void put(uint32_t x)
{
    int n, k;
    for (n = 0; n < 4; n++)
        for (crc ^= x >> 8 * n & 255, k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
}

uint32_t edge_clock(void)
{
    static edge network;
    static edge_timed buffer[64];
    static edge_stream stream;
    const edge_room room = {CHIP_STEPS, CHIP_WAYS, CHIP_ROOM_WINDOW};
    const edge_onset onset = {2000, 5, 3};
    uint32_t t = 123, n;
    crc = ~0u, state = 1;
    put(edge_init(&network, &chip_model, room, memory, sizeof memory / sizeof *memory));
    put(edge_stream_open(&stream, &network, buffer, 64, &onset));
    for (n = 0; n < 20000; n++) {
        const uint32_t what = draw(1000);
        edge_timed event = {0, 0, 0, 0};
        int whole = 0;
        if (what == 0) t += 40 * 60000000u;
        if (what == 1) t = 0;
        t += draw(n / 300 % 3 ? 2000 : 300);
        event.t = what == 2 ? t + 20 * 60000000u : what < 20 ? t - draw(3000) : t;
        event.x = (uint8_t)draw(8), event.y = (uint8_t)draw(8), event.polarity = (uint8_t)draw(2);
        put(what % 5 ? edge_stream_event(&stream, event, &whole) : edge_stream_time(&stream, event.t, &whole));
        put((uint32_t)whole), put(stream.noise), put(stream.lost);
    }
    return ~crc;
}

#ifdef BOARD
void board_write(const char *text);
void board_exit(int code);
int main(void);

int main(void)
{
    const uint32_t found = edge_clock();
    char text[] = "crc 00000000\n";
    int n;
    for (n = 0; n < 8; n++) text[11 - n] = "0123456789abcdef"[found >> 4 * n & 15];
    board_write(text);
    board_exit(0);
    return 0;
}
#elif !defined(__wasm__)
#include <stdio.h>

int main(void)
{
    printf("crc %08lx\n", (unsigned long)edge_clock());
    return 0;
}
#endif
