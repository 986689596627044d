/* The limits of this machine, measured, and the kernels in use. */
#include "sedge/cpu.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/threads.h"
#include "kernel/binary/binary_f32.h"
#include "kernel/conv/wino_f32.h"
#include "kernel/dwconv/dwconv_f32.h"
#include "kernel/gemm/tile_f32.h"
#include "kernel/limits/limits.h"
#include "kernel/norm/norm_f32.h"
#include "kernel/pool/pool_f32.h"
#include "kernel/q8/q8.h"
#include "kernel/quant/quant8.h"
#include "kernel/relayout/relayout.h"
#include "kernel/resize/resize.h"
#include "kernel/unary/unary_f32.h"

/* ---- the kernels in use ---- */

/* What tells the levels of a family apart: the table that is filled, or where it stands. */
typedef union any_table {
    const void *at;
#define FAMILY(name, type, init) type init##_table;
#define FAMILY_OF(name, of)
#include "kernel/families.def"
#undef FAMILY
#undef FAMILY_OF
} any_table;

#define FAMILY(name, type, init)                      \
    static void fill_##init(any_table *t, uint32_t c) \
    {                                                 \
        init(&t->init##_table, c);                    \
    }
#define FAMILY_OF(name, of)                         \
    static void fill_##of(any_table *t, uint32_t c) \
    {                                               \
        t->at = of(c);                              \
    }
#include "kernel/families.def"
#undef FAMILY
#undef FAMILY_OF

static const struct family {
    const char *name;
    void (*fill)(any_table *t, uint32_t cpu);
} families[] = {
#define FAMILY(name, type, init) {name, fill_##init},
#define FAMILY_OF(name, of)      {name, fill_##of},
#include "kernel/families.def"
#undef FAMILY
#undef FAMILY_OF
};

/* The level that last changes the table. */
static const char *level_of(const struct family *f)
{
    any_table below, t;
    const char *level = "scalar";
    uint32_t cpu = sg_cpu();
    memset(&below, 0, sizeof below);
    f->fill(&below, 0);
    for (int bit = 0; bit < SG_CPU_BITS; bit++) {
        if (!(cpu >> bit & 1))
            continue;
        memset(&t, 0, sizeof t);
        f->fill(&t, cpu & ((2u << bit) - 1));
        if (memcmp(&t, &below, sizeof t) != 0)
            level = sg_cpu_name(bit);
        below = t;
    }
    return level;
}

int sedge_cpu_kernels(int i, const char **family, const char **level)
{
    if (i < 0 || i >= (int)(sizeof families / sizeof *families))
        return 0;
    *family = families[i].name;
    *level = level_of(&families[i]);
    return 1;
}

/* ---- the system ---- */

/* The first line of a file, without its end; "" when there is none. */
static void first_line(const char *path, const char *key, char *text, size_t size)
{
    char line[256];
    FILE *f = fopen(path, "r");
    *text = 0;
    while (f && fgets(line, sizeof line, f)) {
        char *value = key ? strchr(line, ':') : line;
        if (key && (strncmp(line, key, strlen(key)) != 0 || !value))
            continue;
        value += key ? 1 + strspn(value + 1, " \t") : 0;
        value[strcspn(value, "\n")] = 0;
        snprintf(text, size, "%.*s", (int)size - 1, value);
        break;
    }
    if (f)
        fclose(f);
}

/* Bytes of the data cache of a level; 0: unknown. */
static int64_t cache_bytes(int level)
{
    for (int i = 0; i < 8; i++) {
        char path[80], text[32], unit = 0;
        long long n = 0;
        int of;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/level", i);
        first_line(path, NULL, text, sizeof text);
        if (sscanf(text, "%d", &of) != 1 || of != level)
            continue;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/type", i);
        first_line(path, NULL, text, sizeof text);
        if (strcmp(text, "Instruction") == 0)
            continue;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        first_line(path, NULL, text, sizeof text);
        if (sscanf(text, "%lld%c", &n, &unit) >= 1)
            return unit == 'K' ? n * 1024 : unit == 'M' ? n * 1024 * 1024 : n;
    }
    return 0;
}

/* ---- measuring ---- */

#define SECONDS 0.1

typedef struct work {
    sg_limits l;
    int64_t n;
    const float *p;
    volatile float sink;
} work;

static void fma_once(work *w)
{
    w->sink = w->l.fma(w->n);
}

static void dot_once(work *w)
{
    w->sink = (float)w->l.dot(w->n);
}

static void read_once(work *w)
{
    w->sink = w->l.read(w->p, w->n);
}

/* Seconds of the fastest of the calls that fit into SECONDS. */
static double fastest(void (*once)(work *w), work *w)
{
    double end = sg_now() + SECONDS, least = 1e9;
    for (int i = 0; i < 3 || sg_now() < end; i++) {
        double t = sg_now();
        once(w);
        t = sg_now() - t;
        least = t < least ? t : least;
    }
    return least;
}

/* ---- fork and join ---- */

typedef struct meeting {
    int64_t threads;
    atomic_llong arrived;
} meeting;

#define MEET_SECONDS 1e-4

/* Waits for the other threads, though not for ever: there may be fewer. */
static void meet(void *ctx, int64_t task)
{
    meeting *m = ctx;
    (void)task;
    atomic_fetch_add(&m->arrived, 1);
    for (double end = sg_now() + MEET_SECONDS; atomic_load(&m->arrived) < m->threads && sg_now() < end;)
        ;
}

enum { MEETINGS = 501 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median, in microseconds; -1: the others mostly did not come. */
static double fork_join(int threads)
{
    double t[MEETINGS];
    for (int i = 0; i < MEETINGS; i++) {
        meeting m = {.threads = threads};
        atomic_init(&m.arrived, 0);
        t[i] = sg_now();
        sg_parallel(threads, threads, meet, &m);
        t[i] = sg_now() - t[i];
    }
    qsort(t, MEETINGS, sizeof *t, by_value);
    return t[MEETINGS / 2] < MEET_SECONDS ? 1e6 * t[MEETINGS / 2] : -1;
}

/* ---- memory ---- */

static void read_memory(sedge_cpu *out, work *w, const char *name, int64_t bytes, int64_t span)
{
    sedge_cpu_memory *m = &out->memory[out->memories++];
    snprintf(m->name, sizeof m->name, "%s", name);
    m->bytes = bytes;
    w->n = span / (int64_t)sizeof *w->p / SG_LIMITS_BLOCK * SG_LIMITS_BLOCK;
    m->read_gb_s = 1e-9 * (double)w->n * (double)sizeof *w->p / fastest(read_once, w);
}

#define DRAM_MAX ((int64_t)256 << 20)

static sedge_status read_memories(sedge_cpu *out, work *w, sg_err *err)
{
    sg_mem mem = {0};
    int64_t largest = (int64_t)8 << 20, room = DRAM_MAX;
    for (int level = 1; level <= 3; level++)
        largest = cache_bytes(level) > largest ? cache_bytes(level) : largest;
    room = 8 * largest < room ? 8 * largest : room;
    float *p = sg_alloc_aligned(&mem, (size_t)room);
    if (!p)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for %lld bytes to read", (long long)room);
    memset(p, 0, (size_t)room);
    w->p = p;
    for (int level = 1; level <= 3; level++) {
        const char *const name[] = {"", "L1", "L2", "L3"};
        int64_t bytes = cache_bytes(level);
        if (bytes >= 4096)
            read_memory(out, w, name[level], bytes, bytes / 2 < room ? bytes / 2 : room);
    }
    read_memory(out, w, "DRAM", 0, room);
    sg_free_aligned(&mem, p, (size_t)room);
    return SEDGE_OK;
}

sedge_status sedge_cpu_measure(sedge_cpu *out, sedge_error *err)
{
    work w = {0};
    uint32_t cpu = sg_cpu();
    memset(out, 0, sizeof *out);
    sg_limits_init(&w.l, cpu);
    first_line("/proc/cpuinfo", "model name", out->name, sizeof out->name);
    out->level = sg_cpu_best(cpu);
    out->threads = (uint32_t)sg_cpu_count();
    w.n = 20000;
    out->f32_gops = 1e-9 * (double)w.n * (double)w.l.fma_ops / fastest(fma_once, &w);
    out->i8_gops = 1e-9 * (double)w.n * (double)w.l.dot_ops / fastest(dot_once, &w);
    out->fork_join_us = out->threads > 1 ? fork_join((int)out->threads) : 0;
    return read_memories(out, &w, err);
}
