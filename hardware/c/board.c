/* An episode that is in flash, played on a bare board (QEMU's, or one with a debugger that semihosts): whether all numbers are
   Python's, how much RAM the whole program took, stack included, and, where QEMU counts (-icount shift=0), instructions a sample. */
#include "episode.h"

extern const uint8_t episode_start[], episode_end[];                   /* board_episode.s: the bytes of a selftest.bin */
extern uint32_t ram_start[], ram_used[], ram_end[];                     /* the linker's: data and bss, then what is left for the stack */

uint64_t board_instructions(void);
void board_write(const char *text);
void board_exit(int code);
int main(void);

static void write_number(const char *before, uint64_t x, const char *after)
{
    char digits[24], *at = digits + 23;
    *at = 0;
    do *--at = (char)('0' + x % 10);
    while (x /= 10);
    board_write(before);
    board_write(at);
    board_write(after);
}

int main(void)
{
    const uint64_t start = board_instructions();
    const episode_result found = episode(episode_start, (size_t)(episode_end - episode_start));
    const uint64_t took = board_instructions() - start;
    const uint32_t *deepest = ram_used;
    while (deepest < ram_end && *deepest == 0xA5A5A5A5u) deepest++;     /* start-up has painted what the stack has not met */
    if (found.error) {
        board_write(found.error);
        board_write("\n");
        board_exit(2);
    }
    write_number("", found.compared, " numbers, ");
    write_number("", found.wrong, " differ, ");
    write_number("crc ", found.crc, "\n");
    write_number("RAM ", (uint64_t)(ram_used - ram_start + ram_end - deepest) * 4, " bytes, of them ");
    write_number("stack ", (uint64_t)(ram_end - deepest) * 4, "\n");
    write_number("instructions a sample ", took / (found.samples ? found.samples : 1), "\n");
    board_exit(found.wrong != 0);
    return 0;
}
