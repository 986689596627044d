/* Turning in tiles that stay in the first cache: a template. What includes it has defined SIDE and turn_square(x, x_row, y, y_row), which turns
 * SIDE x SIDE elements. */
#include "kernel/relayout/relayout.h"

enum { TILE = 32 };

/* Elements of which there are too few for squares. */
static inline void turn_edge(const uint32_t *x, int64_t x_row, int64_t rows, int64_t cols, uint32_t *y, int64_t y_row)
{
    for (int64_t j = 0; j < cols; j++)
        for (int64_t i = 0; i < rows; i++)
            y[j * y_row + i] = x[i * x_row + j];
}

/* At most TILE columns. */
static inline void turn_strip(const uint32_t *x, int64_t x_row, int64_t rows, int64_t cols, uint32_t *y, int64_t y_row)
{
    int64_t whole = cols / SIDE * SIDE, i = 0;
    for (; i + SIDE <= rows; i += SIDE) {
        for (int64_t j = 0; j < whole; j += SIDE)
            turn_square(x + i * x_row + j, x_row, y + j * y_row + i, y_row);
        turn_edge(x + i * x_row + whole, x_row, SIDE, cols - whole, y + whole * y_row + i, y_row);
    }
    turn_edge(x + i * x_row, x_row, rows - i, cols, y + i, y_row);
}

static void turn_32(const uint32_t *x, int64_t x_row, int64_t rows, int64_t cols, uint32_t *y, int64_t y_row)
{
    for (int64_t j = 0; j < cols; j += TILE)
        turn_strip(x + j, x_row, rows, cols - j < TILE ? cols - j : TILE, y + j * y_row, y_row);
}
