/* Series from CSV: separators, columns, times, gaps, rates, refusals, failing memory. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>

#include "failing.h"
#include "sedge/media.h"

static sedge_series_opts opts(double rate, int missing)
{
    sedge_series_opts o;
    sedge_series_opts_init(&o);
    o.rate = rate;
    o.missing = missing;
    return o;
}

static void gives(const char *text, const sedge_series_opts *o, size_t rows, int columns, size_t filled, const float *want)
{
    sedge_series s;
    sedge_error err = {0};
    if (sedge_series_csv(&s, text, strlen(text), o, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(s.rows, rows);
    assert_int_equal(s.columns, columns);
    assert_int_equal(s.filled, filled);
    for (size_t i = 0; i < rows * (size_t)columns; i++)
        if (!(fabsf(s.data[i] - want[i]) <= 1e-6f * fabsf(want[i])))
            fail_msg("\"%s\": number %zu is %g, not %g", text, i, (double)s.data[i], (double)want[i]);
    sedge_series_free(&s);
    assert_null(s.data);
}

static void test_shapes(void **state)
{
    (void)state;
    static const float want[] = {1, -2.5f, 3e3f, 0.25f};
    static const float swapped[] = {-2.5f, 1, 0.25f, 3e3f};
    static const char *const names[] = {"b \"x\"", "a"};
    static const char *const numbers[] = {"1", "0"};
    sedge_series_opts o = opts(1, SEDGE_MISSING_FAIL);
    gives("1,-2.5\n3e3,.25\n", &o, 2, 2, 0, want);
    gives("1;-2.5\r\n\r\n+3000.0 ; 25E-2", &o, 2, 2, 0, want);
    gives("\xef\xbb\xbf\"a, b\"\tc\n1\t\"-2.5\"\n3000\t0.25000000000000000000001\n", &o, 2, 2, 0, want);
    o.column = names;
    o.n_column = 2;
    gives("a,\"b \"\"x\"\"\",\"more\nlines\"\n1,-2.5,0\n3000,0.25,0\n", &o, 2, 2, 0, swapped);
    o.column = numbers;
    gives("1,-2.5\n3e3,.25\n", &o, 2, 2, 0, swapped);
    gives("p,q\n1,-2.5\n3e3,.25\n", &o, 2, 2, 0, swapped);
}

static void test_missing(void **state)
{
    (void)state;
    static const char text[] = "a\n1\nNaN\n\"\"\n4\nNA\n";
    static const float hold[] = {1, 1, 1, 4, 4}, line[] = {1, 2, 3, 4, 4}, zero[] = {1, 0, 0, 4, 0};
    sedge_series_opts o = opts(1, SEDGE_MISSING_HOLD);
    gives(text, &o, 5, 1, 3, hold);
    o.max_gap = 2;
    gives(text, &o, 5, 1, 3, hold);
    o.missing = SEDGE_MISSING_LINEAR;
    gives(text, &o, 5, 1, 3, line);
    o.missing = SEDGE_MISSING_ZERO;
    gives(text, &o, 5, 1, 3, zero);
    o.missing = SEDGE_MISSING_KEEP;
    sedge_series s;
    assert_int_equal(sedge_series_csv(&s, text, strlen(text), &o, NULL, NULL), SEDGE_OK);
    assert_int_equal(s.filled, 3);
    for (int i = 0; i < 5; i++)
        assert_true(isnan(s.data[i]) || s.data[i] == hold[i]);
    assert_true(isnan(s.data[0]) + isnan(s.data[1]) + isnan(s.data[2]) + isnan(s.data[3]) + isnan(s.data[4]) == 3);
    sedge_series_free(&s);
}

static void test_times(void **state)
{
    (void)state;
    static const float hold[] = {1, 2, 2, 2, 6, 8}, line[] = {1, 2, 3.3333333f, 4.6666667f, 6, 8};
    sedge_series_opts o = opts(10, SEDGE_MISSING_HOLD);
    o.time = "t";
    static const char seconds[] = "t,v\n5,1\n5.1,2\n5.4,6\n5.5001,8\n";
    gives(seconds, &o, 6, 1, 2, hold);
    o.missing = SEDGE_MISSING_LINEAR;
    gives(seconds, &o, 6, 1, 2, line);
    gives(
        "v;t\n1;2024-02-29T23:59:59.800Z\n2;2024-02-29 23:59:59.9\n6;2024-03-01T01:00:00.2+01:00\n8;2024-02-29T19:00:00.3-0500\n",
        &o, 6, 1, 2, line);
    sedge_series s;
    assert_int_equal(sedge_series_csv(&s, "t,v\n2001-09-09T01:46:40,1\n", 26, &o, NULL, NULL), SEDGE_OK);
    assert_true(s.t0 == 1e9 && s.rate == 10 && s.rows == 1);
    sedge_series_free(&s);
}

static void test_rates(void **state)
{
    (void)state;
    static const float up[] = {0, 1, 2, 3, 4, 5, 6}, down[] = {0, 6}, hole[] = {0, 0, 0, 0, 4, 5, 6};
    sedge_series_opts o = opts(4, SEDGE_MISSING_FAIL);
    o.source_rate = 2;
    gives("0\n2\n4\n6\n", &o, 7, 1, 0, up);
    o.missing = SEDGE_MISSING_HOLD;
    gives("0\n\"\"\n4\n6\n", &o, 7, 1, 3, hole);
    o.source_rate = 3;
    o.rate = 1;
    gives("0\n2\n4\n6\n", &o, 2, 1, 0, down);
}

static void refuses(const char *text, const sedge_series_opts *o, sedge_status want, const char *says)
{
    sedge_series s;
    sedge_error err = {0};
    assert_int_equal(sedge_series_csv(&s, text, strlen(text), o, NULL, &err), want);
    assert_null(s.data);
    if (!strstr(err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, says);
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const b[] = {"b"}, *const seven[] = {"7"};
    sedge_series_opts o = opts(1, SEDGE_MISSING_FAIL);
    refuses("", &o, SEDGE_E_FORMAT, "csv: no rows");
    refuses("a,b\n", &o, SEDGE_E_FORMAT, "no rows behind the header");
    refuses("1,2\n3\n", &o, SEDGE_E_FORMAT, "line 2: 1 columns, the first line has 2");
    refuses("1,2\n3,x\n", &o, SEDGE_E_FORMAT, "line 2, column 1: no number");
    refuses("1,2\n3,0x10\n", &o, SEDGE_E_FORMAT, "line 2, column 1: no number");
    refuses("1,2\n3,1e999\n", &o, SEDGE_E_VALUE, "line 2, column 1: too great a number");
    refuses("1,2\n\n3,\"4\n", &o, SEDGE_E_FORMAT, "line 3, column 1: a quote without end");
    refuses("1,2\n\"3\"4,4\n", &o, SEDGE_E_FORMAT, "line 2, column 0: text behind a closing quote");
    refuses("1,2\n3,\n", &o, SEDGE_E_VALUE, "line 2, column 1: a sample is missing");
    o.missing = SEDGE_MISSING_HOLD;
    o.max_gap = 2;
    refuses("1,2\n1,\n1,\n1,\n1,2\n", &o, SEDGE_E_VALUE, "line 2, column 1: more than 2 samples in a row are missing");
    refuses("1,\n1,\n", &o, SEDGE_E_VALUE, "column 1 has no value");
    o.column = b;
    o.n_column = 1;
    refuses("a\n1\n", &o, SEDGE_E_NOT_FOUND, "line 1: no column \"b\"");
    refuses("1\n", &o, SEDGE_E_NOT_FOUND, "no column \"b\", and no header");
    o.column = seven;
    refuses("1\n", &o, SEDGE_E_NOT_FOUND, "no column 7, there are 1");
    o.n_column = 0;
    o.time = "0";
    refuses("1,2\n1,2\n", &o, SEDGE_E_VALUE, "line 2, column 0: not later than the row before");
    refuses("2023-02-29,2\n", &o, SEDGE_E_FORMAT, "");
    refuses("2024-02-29,2\n2024-13-01,2\n", &o, SEDGE_E_FORMAT, "line 2, column 0: no time");
    o.max_gap = 0;
    refuses("0,2\n9e14,2\n", &o, SEDGE_E_NOMEM, "no memory for 900000000000001 rows");
    o.rate = NAN;
    refuses("0,2\n", &o, SEDGE_E_ARG, "rates of");
}

static void test_no_memory(void **state)
{
    (void)state;
    static const char text[] = "t,a,b\n0,1,2\n1,2,3\n2,3,4\n3,1,2\n4,5,6\n5,5,5\n6,7,8\n7,1,2\n8,9,9\n9,1,1\n";
    bool done = false;
    for (long k = 0; !done; k++) {
        failing f = {.left = k};
        sedge_media_opts m = {.alloc = failing_alloc, .alloc_ctx = &f};
        sedge_series_opts o = opts(2, SEDGE_MISSING_LINEAR);
        sedge_series s;
        o.time = "t";
        sedge_status st = sedge_series_csv(&s, text, sizeof text - 1, &o, &m, NULL);
        assert_true(st == SEDGE_OK || st == SEDGE_E_NOMEM);
        done = st == SEDGE_OK;
        sedge_series_free(&s);
        assert_int_equal(f.held, 0);
        assert_true(k < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes), cmocka_unit_test(test_missing), cmocka_unit_test(test_times),
        cmocka_unit_test(test_rates),  cmocka_unit_test(test_refuses), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
