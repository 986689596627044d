/* Turning matrices moves elements: to the bit, for all sizes and steps. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/relayout/relayout.h"

static void init(void *table, uint32_t cpu)
{
    memcpy(table, sg_turn_of(cpu), sizeof(sg_turn_table));
}

static void one(check *c, int64_t rows, int64_t cols)
{
    int64_t x_row = cols + check_pick(c, 0, 3), y_row = rows + check_pick(c, 0, 3), n = (cols - 1) * y_row + rows;
    float *x = check_floats(c, rows * x_row), *y = check_room(n);
    sg_turn_of(c->cpu)->by_32((const uint32_t *)(const void *)x, x_row, rows, cols, (uint32_t *)(void *)y, y_row);
    for (int64_t i = 0; i < rows * cols; i++)
        if (memcmp(&y[i % cols * y_row + i / cols], &x[i / cols * x_row + i % cols], sizeof *x) != 0) {
            check_fail(c, "turn", "an element is not where it belongs");
            break;
        }
    check_room_free(c, y, n, "turn");
    free(x);
}

static void run(check *c)
{
    for (int i = 0; i < check_cases(600); i++)
        one(c, check_pick(c, 1, 70), check_pick(c, 1, 70));
}

typedef struct timed {
    const sg_turn_table *t;
    float *x, *y;
} timed;

enum { ROWS = 48, COLS = 484 };

static void call(void *ctx)
{
    timed *t = ctx;
    t->t->by_32((const uint32_t *)(const void *)t->x, COLS, ROWS, COLS, (uint32_t *)(void *)t->y, ROWS);
}

static void bench(check *c)
{
    timed t = {sg_turn_of(c->cpu), check_floats(c, ROWS * COLS), check_floats(c, ROWS * COLS)};
    check_rate(c, "48 x 484", ROWS * COLS, check_seconds(call, &t));
    free(t.x);
    free(t.y);
}

const check_family check_turn = {"turn", sizeof(sg_turn_table), init, run, bench};
