/* Start-up of an RV32 core in machine mode: painted stack, semihosting, the instruction counter. */
#include <stdint.h>

extern uint32_t data_load[], ram_start[], data_end[], ram_used[], ram_end[];

int main(void);
uint64_t board_instructions(void);
void board_write(const char *text);
void board_exit(int code);
void start(void);

__asm__(".section .vectors\n.global reset\nreset:\n la sp, ram_end\n la t0, fault\n csrw mtvec, t0\n j start\n"
        ".align 2\nfault: li a0, 3\n call board_exit\n.text\n");

static void semihost(int what, const void *argument)
{
    register long a0 __asm__("a0") = what;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n.option norvc\n.balign 16\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                     : "+r"(a0) : "r"(a1) : "memory");
}

void board_write(const char *text) { semihost(0x04, text); }

void board_exit(int code)
{
    const uint32_t block[2] = {0x20026u, (uint32_t)code};               /* ADP_Stopped_ApplicationExit */
    semihost(0x20, block);
    for (;;) {}
}

uint64_t board_instructions(void)
{
    uint32_t high, low, again;
    do __asm__ volatile("csrr %0, minstreth\n csrr %1, minstret\n csrr %2, minstreth" : "=r"(high), "=r"(low), "=r"(again));
    while (high != again);
    return (uint64_t)high << 32 | low;
}

void start(void)
{
    uint32_t *to = ram_start;
    const uint32_t *from = data_load;
    while (to < data_end) *to++ = *from++;
    while (to < ram_used) *to++ = 0;
    for (; to < (uint32_t *)__builtin_frame_address(0) - 32; to++) *to = 0xA5A5A5A5u;
    main();
}
