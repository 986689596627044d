/* Reports: verdicts, what becomes of hostile text, files that are whole, and values for people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fit/machine.h"
#include "fit/measure.h"
#include "fit/report.h"
#include "unit.h"

static const char *verdict(double limit, double after, double low, double high, bool at_least)
{
    sg_claim c = sg_claim_new("id", "what", "ms");
    c.limit = limit;
    c.after = after;
    c.range = (sg_interval){low, high};
    c.at_least = at_least;
    return sg_claim_verdict(&c);
}

static void test_verdicts(void **state)
{
    (void)state;
    assert_string_equal(verdict(NAN, 5, 4, 6, false), "MEASURED");
    assert_string_equal(verdict(10, 5, 4, 6, false), "PASS");
    assert_string_equal(verdict(5.5, 5, 4, 6, false), "NOT SHOWN");
    assert_string_equal(verdict(3, 5, 4, 6, false), "FAIL");
    assert_string_equal(verdict(0.9, 0.95, 0.92, 0.97, true), "PASS");
    assert_string_equal(verdict(0.94, 0.95, 0.92, 0.97, true), "NOT SHOWN");
    assert_string_equal(verdict(0.98, 0.95, 0.92, 0.97, true), "FAIL");
    assert_string_equal(verdict(5, 5, NAN, NAN, false), "PASS");
    assert_string_equal(verdict(5, NAN, NAN, NAN, false), "NOT SHOWN");
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    assert_non_null(f);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

static void test_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/sedge-report-XXXXXX", html[64], json[64];
    const char *const argv[] = {"sedge", "bench", "<b>.onnx", "--seed", "7"};
    static const double v[] = {1, 2, 3, 4, 100};
    const sg_bar bar[] = {{"<i>", 3, 2, 1.5, 2.5}, {"b", NAN, NAN, NAN, NAN}};
    sg_err err = {0};
    sg_report r;
    assert_non_null(mkdtemp(folder));
    snprintf(html, sizeof html, "%s/r.html", folder);
    snprintf(json, sizeof json, "%s/r.json", folder);
    assert_int_equal(sg_report_open(&r, "<script>alert(1)</script> \"x\"", 5, argv, 7, &err), SEDGE_OK);
    sg_claim c = sg_claim_new("p99", "99 of 100 <take>", "ms");
    c.limit = 10;
    c.after = 12;
    c.needs = "model machine";
    c.path = "/p99_ms";
    sg_report_claim(&r, &c);
    c.limit = NAN;
    c.id = "p50";
    sg_report_claim(&r, &c);
    json_t *h = sg_histogram(v, 5);
    assert_true(sg_json_number_at(h, "/beyond") == 1 && sg_json_number_at(h, "/counts/0") == 1);
    assert_true(isnan(sg_json_number_at(h, "/counts/99")) && isnan(sg_json_number_at(h, "/none/0")) &&
                isnan(sg_json_number_at(h, "low")));
    sg_report_histogram(&r, "spread", "five", "ms", h, 1000, "limit");
    json_decref(h);
    sg_report_bars(&r, "bars", "two", "ms", bar, 2, NAN, "");
    sg_report_curve(&r, "curve", "a line", "x", "y", v, v, 5);
    sg_report_not_tested(&r, "<nothing>");
    sg_report_energy(&r, NAN, "no meter");
    sg_report_set(&r, "flips", json_pack("[{s:s, s:s}]", "name", "<a>", "thumbnail", "javascript:alert(1)"));
    assert_int_equal(sg_report_file(&r, "model", "LICENSE", &err), SEDGE_OK);
    assert_int_equal(sg_report_write(&r, html, &err), SEDGE_OK);
    sg_report_free(&r);

    char *page = read_all(html);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<b>"));
    assert_null(strstr(page, "<nothing>"));
    assert_null(strstr(page, "src=\"javascript"));
    assert_non_null(strstr(page, "&lt;script&gt;"));
    assert_non_null(strstr(page, "</html>"));
    free(page);

    json_error_t e;
    json_t *root = json_load_file(json, 0, &e), *claim = json_array_get(json_object_get(root, "claims"), 0);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(json_object_get(root, "verdict"), "result")), "FAIL");
    assert_string_equal(json_string_value(json_object_get(claim, "verdict")), "FAIL");
    assert_true(json_number_value(json_object_get(claim, "margin")) == -2);
    assert_int_equal(json_array_size(json_object_get(claim, "needs")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "seed")), 7);
    json_decref(root);
    unlink(html);
    unlink(json);
    rmdir(folder);
}

static void test_refused(void **state)
{
    (void)state;
    const char *const argv[] = {"sedge"};
    sg_err err = {0};
    sg_report r;
    assert_int_equal(sg_report_open(&r, "x", 1, argv, 0, &err), SEDGE_OK);
    assert_int_equal(sg_report_write(&r, "/tmp/r.pdf", &err), SEDGE_E_ARG);
    err = (sg_err){0};
    assert_int_equal(sg_report_write(&r, "/nowhere/r.html", &err), SEDGE_E_IO);
    assert_non_null(strstr(err.msg, "/nowhere/r.json"));
    sg_report_free(&r);
}

static const char *shown(char text[48], double v, const char *unit)
{
    json_t *n = sg_json_number(v);
    sg_report_value(text, n, unit);
    json_decref(n);
    return text;
}

static void test_values(void **state)
{
    (void)state;
    char t[48];
    assert_string_equal(shown(t, 0.9131, "share"), "91.31 %");
    assert_string_equal(shown(t, 1234567, "bytes"), "1.2 MB");
    assert_string_equal(shown(t, -1234567, "bytes"), "-1.2 MB");
    assert_string_equal(shown(t, 3.14159, "ms"), "3.142 ms");
    assert_string_equal(shown(t, 12345.6, "ms"), "12346 ms");
    assert_string_equal(shown(t, NAN, "ms"), "\u2013");
}

/* 100 runs of 1 to 100 ms: the interval of the median covers the 40th to 61st, that of the 99th ends at the greatest. */
static void test_quantiles(void **state)
{
    (void)state;
    sg_times t = {0};
    for (int i = 100; i > 0; i--)
        assert_int_equal(sg_times_add(&t, i, NULL), SEDGE_OK);
    sg_times_sort(&t);
    assert_true(sg_times_quantile(&t, 0.5) == 50.5);
    assert_true(sg_times_quantile(&t, 0) == 1 && sg_times_quantile(&t, 1) == 100);
    sg_interval i = sg_times_range(&t, 0.5);
    assert_true(i.low >= 39 && i.low <= 41 && i.high >= 60 && i.high <= 62);
    i = sg_times_range(&t, 0.99);
    assert_true(i.high == 100 && i.low >= 96);
    sg_times_free(&t);
    assert_true(isnan(sg_times_quantile(&t, 0.5)) && isnan(sg_times_mean(&t)));
}

/* How often the interval of a quantile holds it, over 2000 draws of 200 runs that are evenly spread. */
static void test_coverage(void **state)
{
    (void)state;
    uint64_t rng = 3;
    int held = 0;
    for (int k = 0; k < 2000; k++) {
        sg_times t = {0};
        for (int i = 0; i < 200; i++)
            assert_int_equal(sg_times_add(&t, (double)(sg_random_next(&rng) >> 11) * 0x1p-53, NULL), SEDGE_OK);
        sg_times_sort(&t);
        sg_interval r = sg_times_range(&t, 0.9);
        held += r.low <= 0.9 && 0.9 <= r.high;
        sg_times_free(&t);
    }
    assert_true(held >= 1900 && held <= 1990);
}

static void make(const char *folder, const char *path, const char *text)
{
    char full[256], command[300];
    snprintf(full, sizeof full, "%s%s", folder, path);
    snprintf(command, sizeof command, "mkdir -p \"$(dirname %s)\"", full);
    assert_int_equal(system(command), 0);
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_machine(void **state)
{
    (void)state;
    char folder[] = "/tmp/sedge-machine-XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    make(folder, "/proc/cpuinfo", "processor\t: 0\nmodel name\t: Test CPU 9\nmicrocode\t: 0x42\ncpu MHz\t\t: 1000.5\n");
    make(folder, "/proc/sys/kernel/osrelease", "6.1.0-test\n");
    make(folder, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    make(folder, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1800000\n");
    make(folder, "/sys/class/thermal/thermal_zone0/temp", "41000\n");
    make(folder, "/sys/class/hwmon/hwmon0/temp1_input", "52500\n");
    make(folder, "/sys/class/hwmon/hwmon0/temp2_input", "-128000\n");
    json_t *m = sg_machine_json(folder);
    assert_string_equal(json_string_value(json_object_get(m, "cpu")), "Test CPU 9");
    assert_string_equal(json_string_value(json_object_get(m, "microcode")), "0x42");
    assert_string_equal(json_string_value(json_object_get(m, "kernel")), "6.1.0-test");
    assert_string_equal(json_string_value(json_object_get(m, "governor")), "performance");
    assert_true(json_is_null(json_object_get(m, "board")));
    assert_true(json_number_value(json_object_get(m, "clock_mhz")) == 1800);
    assert_true(json_number_value(json_object_get(m, "temperature_c")) == 52.5);
    json_decref(m);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    assert_true(isnan(sg_machine_clock(folder)) && isnan(sg_machine_temperature(folder)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_files),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_values),   cmocka_unit_test(test_quantiles), cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
