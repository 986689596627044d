/* Splits: parts are disjoint, alike in labels, the same again, and what belongs together stays together. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fit/split.h"
#include "fit/stat.h"

enum { N = 1200 };

static sedge_data *rows_of(const char *path, size_t window, size_t hop)
{
    sedge_data_opts o;
    sedge_error err = {0};
    sedge_data *d = NULL;
    sedge_data_opts_init(&o);
    o.window = window;
    o.hop = hop;
    if (sedge_data_open(&d, path, &o, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    return d;
}

static const char *table(bool groups)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/sedge-split-%ld.csv", (long)getpid());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "x,label%s\n", groups ? ",group" : "");
    for (int i = 0; i < N; i++)
        fprintf(f, groups ? "%d,%d,g%d\n" : "%d,%d\n", i, i % 4, i / 20);
    assert_int_equal(fclose(f), 0);
    return path;
}

static void count(const uint8_t *part, size_t n, size_t have[SG_PARTS + 1])
{
    memset(have, 0, (SG_PARTS + 1) * sizeof *have);
    for (size_t i = 0; i < n; i++) {
        assert_true(part[i] <= SG_DROPPED);
        have[part[i]]++;
    }
}

static void together(void **state)
{
    (void)state;
    sg_mem mem = {.fn = NULL};
    sedge_error err = {0};
    static sg_mark mark[N];
    static uint8_t part[N], again[N];
    size_t have[SG_PARTS + 1];
    uint64_t seed = 5;
    sedge_data *d = rows_of(table(false), 0, 0);
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < sizeof mark[i].digest; k++)
            mark[i].digest[k] = (uint8_t)sg_random_next(&seed);
        mark[i].look = sg_random_next(&seed);
    }
    mark[700] = mark[3];                                           /* the same bytes */
    mark[800].look = mark[10].look ^ (1u << 7) ^ (1ull << 40);     /* nearly the same look */
    mark[900].look = mark[800].look ^ (1ull << 63) ^ (1ull << 20); /* and on */
    mark[20].look = mark[21].look = 1; /* plain: says nothing */
    assert_int_equal(sg_split_assign(d, mark, 1, part, &mem, &err), SEDGE_OK);
    assert_int_equal(part[700], part[3]);
    assert_int_equal(part[800], part[10]);
    assert_int_equal(part[900], part[10]);
    count(part, N, have);
    assert_true(have[0] > 295 && have[0] < 305 && have[1] > 295 && have[1] < 305 && have[SG_DROPPED] == 0);
    size_t label0 = 0; /* parts have alike shares of each label */
    for (size_t i = 0; i < N; i += 4)
        label0 += part[i] == 2;
    assert_true(label0 > 145 && label0 < 155);
    assert_int_equal(sg_split_assign(d, mark, 1, again, &mem, &err), SEDGE_OK);
    assert_memory_equal(part, again, N);
    assert_int_equal(sg_split_assign(d, mark, 2, again, &mem, &err), SEDGE_OK);
    assert_memory_not_equal(part, again, N);
    sedge_data_close(&d);
    d = rows_of(table(true), 0, 0);
    assert_int_equal(sg_split_assign(d, mark, 1, part, &mem, &err), SEDGE_OK);
    for (size_t i = 1; i < N; i++)
        if (i / 20 == (i - 1) / 20)
            assert_int_equal(part[i], part[i - 1]);
    sedge_data_close(&d);
    assert_int_equal(mem.used, 0);
}

/* Windows that share rows: no row is in two parts. */
static void windows(void **state)
{
    (void)state;
    sg_mem mem = {.fn = NULL};
    sedge_error err = {0};
    static sg_mark mark[N];
    static uint8_t part[N];
    size_t have[SG_PARTS + 1];
    int owner[N];
    sedge_data *d = rows_of(table(false), 50, 10);
    size_t n = sedge_data_count(d);
    assert_int_equal(sg_split_assign(d, mark, 0, part, &mem, &err), SEDGE_OK);
    memset(owner, -1, sizeof owner);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 10 * i; part[i] < SG_PARTS && r < 10 * i + 50; r++) {
            assert_true(owner[r] < 0 || owner[r] == part[i]);
            owner[r] = part[i];
        }
    count(part, n, have);
    assert_true(have[0] > 20 && have[1] > 20 && have[2] > 50 && have[SG_DROPPED] <= 10);
    sedge_data_close(&d);
}

static void manifests(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/sedge-split-%ld.txt", (long)getpid());
    static const char *const bad[] = {"", "sedge.split/2\n", "sedge.split/1\n12 prove x\n",
                                      "sedge.split/1\n"
                                      "0000000000000000000000000000000000000000000000000000000000000000 train x\n",
                                      "sedge.split/1\n"
                                      "0000000000000000000000000000000000000000000000000000000000000000 prove x\n"
                                      "0000000000000000000000000000000000000000000000000000000000000000 choose x\n"};
    sedge_error err = {0};
    sedge_split *s = NULL;
    int made;
    const size_t *a, *b;
    sedge_data *d = rows_of(table(false), 0, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(bad[i], f);
        assert_int_equal(fclose(f), 0);
        err = (sedge_error){0};
        assert_int_not_equal(sedge_split_open(&s, d, 0, path, 0, &made, &err), SEDGE_OK);
        assert_null(s);
        assert_non_null(strstr(err.msg, path));
    }
    unlink(path);
    assert_int_equal(sedge_split_open(&s, d, 0, path, 0, &made, &err), SEDGE_OK);
    assert_int_equal(made, 1);
    size_t n = sedge_split_part(s, "prove", &a);
    size_t first = a[0], last = a[n - 1];
    sedge_split_close(&s);
    assert_int_equal(sedge_split_open(&s, d, 0, path, 99, &made, &err), SEDGE_OK); /* the seed says nothing now */
    assert_int_equal(made, 0);
    assert_int_equal(sedge_split_part(s, "prove", &b), n);
    assert_true(b[0] == first && b[n - 1] == last);
    assert_int_equal(sedge_split_unknown(s), 0);
    assert_int_equal(sedge_split_part(s, "train", &b), 0);
    sedge_split_close(&s);
    sedge_data_close(&d);
    unlink(path);
    unlink(table(false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(together), cmocka_unit_test(windows), cmocka_unit_test(manifests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
