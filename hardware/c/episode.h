/* An episode that Python has played, repeated: support samples, one update, query samples. */
#ifndef EPISODE_H
#define EPISODE_H

#include "minisnn_edge.h"

typedef struct {
    uint32_t samples, compared, wrong;  /* recordings presented; numbers compared; those that differ */
    uint32_t crc;                       /* CRC-32 of the last scores of every sample, the weights and the biases, lowest byte first */
    const char *error;                  /* what went wrong, or NULL */
} episode_result;

/* Of the bytes of a selftest.bin: int32 (support, query, steps), labels of the support; of every sample uint16 events per step, then
   the events (x, y, polarity); then as int32 what is expected: membranes of the support at every step before learning, weights and
   biases after, membranes of the query after; of class means, the means (ways, inputs), then scores of the query. Every number lies
   lowest byte first. The stepwise build compares the scores of every step, the small build those of the last. */
episode_result episode(const uint8_t *bytes, size_t size);

#endif
