/* The bytes of selftest.bin, in flash. */
    .section .rodata.episode
    .global episode_start
    .global episode_end
episode_start:
    .incbin "selftest.bin"
episode_end:
