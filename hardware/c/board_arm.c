/* Start-up of a Cortex-M: vectors, data, painted stack; semihosting; SysTick as QEMU's clock. CLOCK is the core's in Hz. */
#include <stdint.h>

extern uint32_t data_load[], ram_start[], data_end[], ram_used[], ram_end[];

int main(void);
uint64_t board_instructions(void);
void board_write(const char *text);
void board_exit(int code);
void reset(void);
void tick(void);
void fault(void);

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)

static volatile uint32_t turns;

void tick(void) { turns++; }

static void semihost(int what, const void *argument)
{
    register int r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void board_write(const char *text) { semihost(0x04, text); }

void board_exit(int code)
{
    const uint32_t block[2] = {0x20026u, (uint32_t)code};               /* ADP_Stopped_ApplicationExit */
    semihost(0x20, block);
    for (;;) {}
}

void fault(void)
{
    board_write("a fault\n");
    board_exit(3);
}

/* With -icount shift=0 an instruction takes a nanosecond, and SysTick counts CLOCK of them down in a second. */
uint64_t board_instructions(void)
{
    uint32_t high, low;
    do high = turns, low = (0u - SYST_CVR) & 0xFFFFFFu;                 /* it stands at 0 as a turn ends, and before the first */
    while (high != turns);
    return (((uint64_t)high << 24) + low) * 1000000000u / CLOCK;
}

void reset(void)
{
    uint32_t *to = ram_start;
    const uint32_t *from = data_load;
    while (to < data_end) *to++ = *from++;
    while (to < ram_used) *to++ = 0;
    for (; to < (uint32_t *)__builtin_frame_address(0) - 32; to++) *to = 0xA5A5A5A5u;
    SYST_RVR = 0xFFFFFFu;
    SYST_CVR = 0;
    SYST_CSR = 7;
    main();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    ram_end, reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, tick,
};
