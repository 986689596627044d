/* Meters below a root that is made up: which is found, what it tells, and why there is none; the duty cycle and pairs on work of a known length. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "fit/duty.h"
#include "fit/energy.h"
#include "unit.h"

static char root[64];

static void make(const char *path, const char *text)
{
    char full[256], temp[300], command[400];
    snprintf(full, sizeof full, "%s%s", root, path);
    snprintf(temp, sizeof temp, "%s.new", full);
    FILE *f = fopen(temp, "w");
    if (!f) {
        snprintf(command, sizeof command, "mkdir -p \"$(dirname %s)\"", full);
        assert_int_equal(system(command), 0);
        f = fopen(temp, "w");
    }
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    rename(temp, full);
}

static int fresh_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/sedge-energy-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

/* Packages count once: not the platform that holds them, nor the parts below, nor the second way to the same counter. */
static void test_powercap(void **state)
{
    (void)state;
    sg_meter m;
    make("/sys/class/powercap/intel-rapl:0/name", "package-0\n");
    make("/sys/class/powercap/intel-rapl:0/energy_uj", "100\n");
    make("/sys/class/powercap/intel-rapl:0/max_energy_range_uj", "1000\n");
    make("/sys/class/powercap/intel-rapl:1/name", "package-1\n");
    make("/sys/class/powercap/intel-rapl:1/energy_uj", "100\n");
    make("/sys/class/powercap/intel-rapl:2/name", "psys\n");
    make("/sys/class/powercap/intel-rapl:2/energy_uj", "100\n");
    make("/sys/class/powercap/intel-rapl:0:0/name", "core\n");
    make("/sys/class/powercap/intel-rapl:0:0/energy_uj", "100\n");
    make("/sys/class/powercap/intel-rapl-mmio:0/name", "package-0\n");
    make("/sys/class/powercap/intel-rapl-mmio:0/energy_uj", "100\n");
    sg_meter_find(&m, root);
    assert_int_equal(m.kind, SG_METER_COUNTER);
    assert_int_equal(m.n, 2);
    assert_true(m.sensor[0].range == 1000);
    assert_string_equal(m.name, "powercap package-0, package-1");
}

static void test_rails(void **state)
{
    (void)state;
    sg_meter m;
    make("/sys/class/hwmon/hwmon1/name", "ina3221\n");
    make("/sys/class/hwmon/hwmon1/in1_label", "VDD_CPU_GPU_CV\n");
    make("/sys/class/hwmon/hwmon1/in1_input", "5000\n");
    make("/sys/class/hwmon/hwmon1/curr1_input", "100\n");
    make("/sys/class/hwmon/hwmon1/in2_label", "VDD_IN\n");
    make("/sys/class/hwmon/hwmon1/in2_input", "5000\n");
    make("/sys/class/hwmon/hwmon1/curr2_input", "700\n");
    sg_meter_find(&m, root);
    assert_int_equal(m.kind, SG_METER_POWER);
    assert_int_equal(m.n, 1); /* the rail that feeds the board has the others in it */
    assert_string_equal(m.name, "INA rail VDD_IN");
    make("/sys/class/hwmon/hwmon1/in2_label", "VDD_SOC\n");
    sg_meter_find(&m, root);
    assert_int_equal(m.n, 2);
}

static void test_hwmon(void **state)
{
    (void)state;
    sg_meter m;
    make("/sys/class/hwmon/hwmon0/name", "power_meter\n");
    make("/sys/class/hwmon/hwmon0/power1_input", "12000000\n");
    sg_meter_find(&m, root);
    assert_int_equal(m.kind, SG_METER_POWER);
    make("/sys/class/hwmon/hwmon3/name", "amd_energy\n");
    make("/sys/class/hwmon/hwmon3/energy1_input", "77\n");
    sg_meter_find(&m, root);
    assert_int_equal(m.kind, SG_METER_COUNTER);
    assert_string_equal(m.name, "hwmon amd_energy");
}

static void test_battery(void **state)
{
    (void)state;
    sg_meter m;
    make("/sys/class/power_supply/AC/type", "Mains\n");
    make("/sys/class/power_supply/AC/status", "Unknown\n");
    make("/sys/class/power_supply/BAT0/type", "Battery\n");
    make("/sys/class/power_supply/BAT0/status", "Charging\n");
    make("/sys/class/power_supply/BAT0/voltage_now", "12000000\n");
    make("/sys/class/power_supply/BAT0/current_now", "500000\n");
    sg_meter_find(&m, root);
    assert_int_equal(m.kind, SG_METER_NONE);
    assert_non_null(strstr(m.why, "not being discharged"));
    make("/sys/class/power_supply/BAT0/status", "Discharging\n");
    sg_meter_find(&m, root);
    assert_int_equal(m.kind, SG_METER_POWER);
    assert_true(fabs(m.sensor[0].scale * 12e6 * 5e5 - 6e6) < 1); /* 6 W in uW */
}

static sedge_status nothing(void *ctx, sg_err *err)
{
    (void)ctx;
    (void)err;
    return SEDGE_OK;
}

static void test_none(void **state)
{
    (void)state;
    sg_meter m;
    sg_energy e;
    sg_meter_find(&m, root);
    assert_int_equal(m.kind, SG_METER_NONE);
    assert_int_equal(sg_energy_measure(&m, (sg_once){nothing, NULL}, 1, 4, &e, NULL, NULL, NULL), SEDGE_OK);
    assert_false(e.measured);
    assert_non_null(strstr(e.why, "not measurable here: "));
    json_t *j = sg_energy_json(&e);
    assert_null(json_object_get(j, "inference_mj"));
    json_decref(j);
}

/* A counter that never moves is no measurement. */
static void test_stuck(void **state)
{
    (void)state;
    sg_meter m;
    sg_energy e;
    make("/sys/class/powercap/intel-rapl:0/name", "package-0\n");
    make("/sys/class/powercap/intel-rapl:0/energy_uj", "100\n");
    sg_meter_find(&m, root);
    assert_int_equal(sg_energy_measure(&m, (sg_once){nothing, NULL}, 0.1, 4, &e, NULL, NULL, NULL), SEDGE_OK);
    assert_false(e.measured);
    assert_non_null(strstr(e.why, "changed only"));
}

/* ---- a machine that takes 2 W, and 5 W at work ---- */

static _Atomic double worked_until;
static double worked;
static int runs;
static atomic_int stop;
static double longest; /* between two looks of its meter, seconds */

static sedge_status work(void *ctx, sg_err *err)
{
    (void)ctx;
    (void)err;
    double start = sg_now();
    worked_until = HUGE_VAL;
    nanosleep(&(struct timespec){.tv_nsec = 2000000},
              NULL); /* asleep, so that the meter's thread runs on a busy test machine too */
    worked_until = sg_now();
    worked += worked_until - start;
    runs++;
    return SEDGE_OK;
}

static void *burn(void *path)
{
    double joules = 99.5, last = sg_now();
    char text[64];
    while (!stop) {
        double now = sg_now(), w = now <= worked_until + 0.004 ? 5 : 2;
        joules += (now - last) * w;
        longest = fmax(longest, now - last);
        last = now;
        if (strstr(path, "energy"))
            snprintf(text, sizeof text, "%.0f\n", fmod(1e6 * joules, 1e8)); /* wraps soon */
        else
            snprintf(text, sizeof text, "%.0f\n", 1e6 * w);
        make(path, text);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    return NULL;
}

/* One measurement; what is wrong with it, or "". */
static void measure_once(const char *path, char why[200])
{
    sg_meter m;
    sg_energy e;
    sg_err err = {0};
    pthread_t t;
    stop = 0;
    worked_until = worked = longest = 0;
    runs = 0;
    assert_int_equal(pthread_create(&t, NULL, burn, (void *)(uintptr_t)path), 0);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    sg_meter_find(&m, root);
    assert_int_equal(sg_energy_measure(&m, (sg_once){work, NULL}, 3.2, 4, &e, NULL, NULL, &err), SEDGE_OK);
    stop = 1;
    pthread_join(t, NULL);
    why[0] = 0;
    double want = 3 * 1e3 * worked / runs; /* 6 mJ, or more where the test machine is busy */
    if (!e.measured)
        snprintf(why, 200, "%.199s", e.why);
    else if (!(e.mj > 0.7 * want && e.mj < 1.3 * want && e.range.low <= e.mj && e.mj <= e.range.high && e.idle_w > 1.7 &&
               e.idle_w < 2.4))
        snprintf(why, 200, "%g mJ, not %g; %g W idle, %g W busy", e.mj, want, e.idle_w, e.busy_w);
}

/* The machine that is made up must run: while the real one held it up for longer than it works at a time, it is measured again. */
static void measured(const char *path)
{
    char why[200];
    int tries = 0;
    do
        measure_once(path, why);
    while (*why && longest > 0.01 && ++tries < 5);
    if (*why)
        fail_msg("%s (held up for %.0f ms)", why, 1e3 * longest);
}

static void test_counter(void **state)
{
    (void)state;
    make("/sys/class/powercap/intel-rapl:0/name", "package-0\n");
    make("/sys/class/powercap/intel-rapl:0/max_energy_range_uj", "100000000\n");
    measured("/sys/class/powercap/intel-rapl:0/energy_uj");
}

static void test_power(void **state)
{
    (void)state;
    make("/sys/class/hwmon/hwmon0/name", "power_meter\n");
    measured("/sys/class/hwmon/hwmon0/power1_input");
}

static void test_command(void **state)
{
    (void)state;
    sg_meter m;
    sg_energy e;
    assert_int_equal(sg_meter_command(&m, "exit 0", NULL), SEDGE_OK);
    assert_int_equal(sg_energy_measure(&m, (sg_once){work, NULL}, 0.4, 4, &e, NULL, NULL, NULL), SEDGE_OK);
    sg_meter_close(&m);
    assert_false(e.measured);
    int tries = 0;
    do { /* nothing stands out from idle, but by chance: above an interval of 95 % in one of 40 */
        assert_int_equal(sg_meter_command(&m, "while :; do echo 3.0; sleep 0.02; done", NULL), SEDGE_OK);
        assert_int_equal(sg_energy_measure(&m, (sg_once){work, NULL}, 0.8, 4, &e, NULL, NULL, NULL), SEDGE_OK);
        sg_meter_close(&m);
    } while (e.measured && ++tries < 4);
    assert_false(e.measured);
    assert_non_null(strstr(e.why, "stand out"));
    assert_true(fabs(e.idle_w - 3) < 0.2);
}

/* ---- time ---- */

static void test_duty(void **state)
{
    (void)state;
    sg_duty d;
    sg_duty_opts o = {.period_s = 0.01, .seconds = 0.5};
    assert_int_equal(sg_duty_run((sg_once){work, NULL}, &o, &d, NULL), SEDGE_OK);
    assert_true(d.answer.n >= 20 && d.answer.n + d.misses >= 45 && d.answer.n + d.misses <= 60);
    assert_true(sg_times_quantile(&d.answer, 0.5) >= 2 && sg_times_quantile(&d.run, 0.5) >= 2);
    assert_true(sg_times_quantile(&d.answer, 0.5) >= sg_times_quantile(&d.run, 0));
    sg_duty_free(&d);
    o.period_s = 0.001; /* shorter than the work: each answer misses */
    o.seconds = 0.1;
    assert_int_equal(sg_duty_run((sg_once){work, NULL}, &o, &d, NULL), SEDGE_OK);
    assert_true(d.misses >= d.answer.n);
    sg_duty_free(&d);
}

static void test_beside(void **state)
{
    (void)state;
    sg_duty d;
    sg_err err = {0};
    sg_duty_opts o = {.period_s = 0.01, .seconds = 0.1, .beside = "exit 3"};
    assert_int_equal(sg_duty_run((sg_once){work, NULL}, &o, &d, &err), SEDGE_E_VALUE);
    assert_non_null(strstr(err.msg, "exit status 3"));
    sg_duty_free(&d);
    o.beside = "sleep 60";
    assert_int_equal(sg_duty_run((sg_once){work, NULL}, &o, &d, NULL), SEDGE_OK);
    sg_duty_free(&d);
}

static sedge_status longer(void *ctx, sg_err *err)
{
    SG_TRY(work(ctx, err));
    return work(ctx, err);
}

static void test_against(void **state)
{
    (void)state;
    sg_against g = {0};
    assert_int_equal(sg_measure_against((sg_once){longer, NULL}, (sg_once){work, NULL}, 0.4, &g, NULL, NULL, NULL), SEDGE_OK);
    assert_true(g.ratio > 1.5 && g.ratio < 2.5);
    assert_true(g.range.low <= g.ratio && g.ratio <= g.range.high && g.pairs >= 6);
    sg_times_free(&g.a);
    sg_times_free(&g.b);
}

#define IN_ROOT(f) cmocka_unit_test_setup_teardown(f, fresh_root, drop_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOT(test_powercap), IN_ROOT(test_rails),         IN_ROOT(test_hwmon),           IN_ROOT(test_battery),
        IN_ROOT(test_none),     IN_ROOT(test_stuck),         IN_ROOT(test_counter),         IN_ROOT(test_power),
        IN_ROOT(test_command),  cmocka_unit_test(test_duty), cmocka_unit_test(test_beside), cmocka_unit_test(test_against),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
