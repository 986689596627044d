/* Turning in plain C. */
#include <stdint.h>

enum { SIDE = 4 };

static inline void turn_square(const uint32_t *x, int64_t x_row, uint32_t *y, int64_t y_row)
{
    for (int64_t j = 0; j < SIDE; j++)
        for (int64_t i = 0; i < SIDE; i++)
            y[j * y_row + i] = x[i * x_row + j];
}

#include "kernel/relayout/turn_impl.h"

const sg_turn_table sg_turn_any = {turn_32};
