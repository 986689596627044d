/* The kernel check: every family, on every level of this machine one after the other, against plain loops, with guards around
 * what it writes. A family is a file here and a row of families.def. */
#ifndef SG_TESTS_KERNEL_CHECK_H
#define SG_TESTS_KERNEL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct check {
    uint32_t cpu;      /* the levels to be checked now */
    const char *level; /* the name of the highest */
    uint64_t random;
    int failed;
    double fma, dot; /* for a benchmark: operations of a second that the level reaches, in f32 and on bytes */
} check;

typedef struct check_family {
    const char *name;
    size_t table_size;
    void (*init)(void *table, uint32_t cpu); /* fills the family's table: a level that changes nothing is not checked again */
    void (*run)(check *c);
    void (*bench)(check *c);
} check_family;

#define FAMILY(name) extern const check_family check_##name;
#include "families.def"
#undef FAMILY

/* Random cases of n: all of them; on a board without an operating system, which an emulator plays, as many as take seconds. */
int check_cases(int n);
/* A number in [lo, hi]. */
int64_t check_pick(check *c, int64_t lo, int64_t hi);
/* n floats in [-1, 1), to be freed; 64-byte aligned. */
float *check_floats(check *c, int64_t n);
/* Room for n floats between guards; check_room_free fails the check if one has changed. */
float *check_room(int64_t n);
void check_room_free(check *c, float *v, int64_t n, const char *what);
void check_fail(check *c, const char *what, const char *more);
/* Least seconds of a call over about a fifth of a second. */
double check_seconds(void (*fn)(void *ctx), void *ctx);
/* Prints a rate; with its share of a limit. */
void check_rate(check *c, const char *what, double ops, double seconds);
void check_share(check *c, const char *what, double ops, double seconds, double limit);

#endif
