/* kernel [--family F] [--cpu LEVEL] [--seed N] [--bench]: checks, or times, the kernels. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "kernel/limits/limits.h"

static const check_family *const families[] = {
#define FAMILY(name) &check_##name,
#include "families.def"
#undef FAMILY
};
enum { FAMILIES = sizeof families / sizeof families[0], GUARD = 64, TABLE_MAX = 1024 };

/* No operating system, no such clock. */
#ifdef CLOCK_MONOTONIC
enum { OF_CASES = 1 };
#else
enum { OF_CASES = 16 };
#endif

int check_cases(int n)
{
    return n / OF_CASES;
}

int64_t check_pick(check *c, int64_t lo, int64_t hi)
{
    c->random = c->random * 6364136223846793005u + 1442695040888963407u;
    return lo + (int64_t)(c->random >> 33) % (hi - lo + 1);
}

static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 127) & ~(size_t)63);
    if (!p) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return p;
}

float *check_floats(check *c, int64_t n)
{
    float *v = room((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)check_pick(c, -32768, 32767) / 32768.0f;
    return v;
}

static const float guard = -12345.0f;

float *check_room(int64_t n)
{
    float *v = room((size_t)(n + 2 * GUARD) * sizeof *v);
    for (int64_t i = 0; i < n + 2 * GUARD; i++)
        v[i] = guard;
    return v + GUARD;
}

void check_room_free(check *c, float *v, int64_t n, const char *what)
{
    for (int i = 1; i <= GUARD; i++)
        if (v[-i] != guard || v[n + i - 1] != guard) {
            check_fail(c, what, "wrote outside its output");
            break;
        }
    free(v - GUARD);
}

void check_fail(check *c, const char *what, const char *more)
{
    if (c->failed++ < 10)
        printf("FAIL %s, %s: %s\n", what, c->level, more);
}

static double now(void)
{
#ifdef CLOCK_MONOTONIC
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#else /* no operating system */
    return (double)clock() / CLOCKS_PER_SEC;
#endif
}

double check_seconds(void (*fn)(void *ctx), void *ctx)
{
    double end = now() + 0.2, least = 1e9;
    for (int i = 0; i < 3 || now() < end; i++) {
        double t = now();
        fn(ctx);
        t = now() - t;
        least = t < least ? t : least;
    }
    return least;
}

void check_share(check *c, const char *what, double ops, double seconds, double limit)
{
    printf("%-10s %-40s %9.1f us %8.1f Gop/s", c->level, what, seconds * 1e6, ops / seconds * 1e-9);
    if (limit > 0)
        printf(" %6.1f %%", 100 * ops / seconds / limit);
    printf("\n");
}

void check_rate(check *c, const char *what, double ops, double seconds)
{
    check_share(c, what, ops, seconds, 0);
}

enum { ROUNDS = 100000 };
static sg_limits limits;
static volatile float kept; /* so that the loops are not left out */

static void fma_rounds(void *ctx)
{
    (void)ctx;
    kept = limits.fma(ROUNDS);
}

static void dot_rounds(void *ctx)
{
    (void)ctx;
    kept = (float)limits.dot(ROUNDS);
}

static void measure_limits(check *c)
{
    sg_limits_init(&limits, c->cpu);
    c->fma = (double)(limits.fma_ops * ROUNDS) / check_seconds(fma_rounds, NULL);
    c->dot = (double)(limits.dot_ops * ROUNDS) / check_seconds(dot_rounds, NULL);
    printf("%-10s limits: %.1f GFLOP/s, %.1f Gop/s on bytes\n", c->level, c->fma * 1e-9, c->dot * 1e-9);
}

static void run_family(const check_family *f, const char *level, uint64_t seed, bool bench, int *failed)
{
    static unsigned char table[2][TABLE_MAX];
    uint32_t machine = sg_cpu_machine();
    for (int bit = -1; bit < SG_CPU_BITS; bit++) {
        uint32_t cpu = bit < 0 ? 0 : machine & ((2u << bit) - 1);
        const char *name = bit < 0 ? "scalar" : sg_cpu_name(bit);
        if ((bit >= 0 && !(machine >> bit & 1)) || (level && strcmp(level, name) != 0))
            continue;
        memset(table[0], 0, sizeof table[0]);
        f->init(table[0], cpu);
        if (bit >= 0 && !level && memcmp(table[0], table[1], f->table_size) == 0)
            continue;
        memcpy(table[1], table[0], sizeof table[0]);
        check c = {.cpu = cpu, .level = name, .random = seed};
        if (bench)
            measure_limits(&c);
        (bench ? f->bench : f->run)(&c);
        if (!bench)
            printf("%s %s, %s\n", c.failed ? "FAIL" : "ok  ", f->name, name);
        *failed += c.failed != 0;
    }
}

int main(int argc, char **argv)
{
    const char *family = NULL, *level = NULL;
    uint64_t seed = 1;
    bool bench = false;
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bench") == 0) {
            bench = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--family") == 0) {
            family = argv[++i];
        } else if (i + 1 < argc && strcmp(argv[i], "--cpu") == 0) {
            level = argv[++i];
        } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            seed = strtoull(argv[++i], NULL, 10);
        } else {
            fputs("usage: kernel [--family F] [--cpu LEVEL] [--seed N] [--bench]\n", stderr);
            return 2;
        }
    }
    for (int i = 0; i < FAMILIES; i++)
        if (!family || strcmp(family, families[i]->name) == 0)
            run_family(families[i], level, seed, bench, &failed);
    if (failed)
        printf("seed %llu\n", (unsigned long long)seed);
    return failed != 0;
}
