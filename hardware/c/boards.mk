# The episode of selftest.bin on bare boards in QEMU:  make -f boards.mk                           all of them
#                                                      make -f boards.mk m4 EDGE=-DEDGE_STEPWISE   one, in another build
# Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm; gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc
EDGE ?=
OPTIMISE ?= -O2
BOARDS = m3 m4 m4-128k m7 m33 rv32

all: $(BOARDS)

FLAGS = -std=c99 -Wall -Wextra $(OPTIMISE) -ffreestanding -ffunction-sections -fdata-sections -nostartfiles $(EDGE)
FILES = board.c board_episode.s episode.c $(wildcard minisnn_edge*.c)
PLACE = -Wl,--defsym=FLASH=$(1),--defsym=FLASH_SIZE=$(2),--defsym=RAM=$(3),--defsym=RAM_SIZE=$(4) -Wl,--gc-sections -T board.ld
QEMU = -icount shift=0 -nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel

# core, machine of QEMU, its clock in Hz, flash and its size, RAM and its size
m3:      board = cortex-m3 mps2-an385 25000000 0 0x400000 0x20000000 0x400000
m4:      board = cortex-m4 mps2-an386 25000000 0 0x400000 0x20000000 0x400000
m4-128k: board = cortex-m4 olimex-stm32-h405 168000000 0x08000000 0x100000 0x20000000 0x20000
m7:      board = cortex-m7 mps2-an500 25000000 0 0x400000 0x20000000 0x400000
m33:     board = cortex-m33 mps2-an505 20000000 0x10000000 0x400000 0x38000000 0x400000

m3 m4 m4-128k m7 m33: selftest.bin
	arm-none-eabi-gcc $(FLAGS) -mcpu=$(word 1,$(board)) -mthumb -mfloat-abi=soft -DCLOCK=$(word 3,$(board))u \
	    $(call PLACE,$(word 4,$(board)),$(word 5,$(board)),$(word 6,$(board)),$(word 7,$(board))) board_arm.c $(FILES) -o $@.elf
	qemu-system-arm -M $(word 2,$(board)) $(QEMU) $@.elf

rv32: selftest.bin
	riscv64-unknown-elf-gcc $(FLAGS) -march=rv32imc_zicsr -mabi=ilp32 --specs=picolibc.specs \
	    $(call PLACE,0x80000000,0x400000,0x80400000,0x400000) board_riscv.c $(FILES) -o $@.elf
	qemu-system-riscv32 -M virt -bios none $(QEMU) $@.elf

clean:
	rm -f $(BOARDS:=.elf)

.PHONY: all clean $(BOARDS)
