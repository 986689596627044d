/* Statistics and measures: values that tests/fit/measures.py holds to their libraries, and what has no sum behind it. */
#include <math.h>
#include <string.h>

#include "fit/metric.h"
#include "fit/stat.h"
#include "unit.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want))))
        fail_msg("%.17g is not %.17g", got, want);
}

/* 8 of 10 (scipy.stats.binomtest(8, 10).proportion_ci(method="wilson")), and the ends. */
static void test_wilson(void **state)
{
    (void)state;
    sg_interval i = sg_wilson(8, 10, 0.95);
    near(i.low, 0.49016247153664183);
    near(i.high, 0.94331784854562473);
    near(sg_wilson(0, 10, 0.95).low, 0);
    near(sg_wilson(10, 10, 0.95).high, 1);
    i = sg_wilson(0, 0, 0.95);
    assert_true(i.low == 0 && i.high == 1);
}

static void test_pairs(void **state)
{
    (void)state;
    near(sg_mcnemar(3, 12), 0.03515625);
    near(sg_mcnemar(0, 0), 1);
    near(sg_mcnemar(1, 9), 22.0 / 1024);
    near(sg_mcnemar(9, 1), 22.0 / 1024);
    assert_true(sg_mcnemar(0, 5000) >= 0 && sg_mcnemar(0, 5000) < 1e-300);
    near(sg_mcnemar(7, 7), 1);
    sg_interval i = sg_paired_difference(12, 3, 100, 0.95);
    near(i.low, 0.015977141703534578);
    near(i.high, 0.1737428446926737);
    i = sg_paired_difference(3, 12, 100, 0.95);
    near(i.high, -0.015977141703534578);
    i = sg_paired_difference(0, 0, 50, 0.95);
    assert_true(i.low < 0 && i.high > 0);
    near(i.low, -i.high);
}

static void test_flips(void **state)
{
    (void)state;
    float d[40];
    for (int i = 0; i < 40; i++)
        d[i] = i % 2 ? 1.0f : -1.0f;
    assert_true(sg_sign_flips(d, 40) == 1);
    for (int i = 0; i < 10; i++)
        d[i] = 1 + 0.01f * (float)i;
    assert_true(fabs(sg_sign_flips(d, 10) - 2.0 / 1024) < 1e-3); /* only all or none of the signs are as far off */
    assert_true(sg_sign_flips(d, 0) == 1);
}

static void test_verdict(void **state)
{
    (void)state;
    assert_int_equal(sg_non_inferior(0, 0, 1000, 0.01).verdict, SG_PASS);
    assert_int_equal(sg_non_inferior(50, 2, 1000, 0.01).verdict, SG_FAIL);
    sg_non_inferiority few = sg_non_inferior(1, 0, 64, 0.02);
    assert_int_equal(few.verdict, SG_NOT_SHOWN);
    assert_true(few.needed > 64);
    /* With that many at the same rates it is decided. */
    uint64_t times = (uint64_t)(few.needed / 64) + 2;
    assert_int_equal(sg_non_inferior(times, 0, 64 * times, 0.02).verdict, SG_PASS);
    assert_int_equal(sg_non_inferior(0, 0, 0, 0.01).verdict, SG_NOT_SHOWN);
}

/* Ten groups of ten rows that all agree tell no more than ten rows. */
static void test_bootstrap(void **state)
{
    (void)state;
    sg_mem m = {0};
    double value[100];
    uint32_t group[100];
    sg_interval rows, groups, again;
    for (uint32_t i = 0; i < 100; i++) {
        group[i] = i / 10;
        value[i] = group[i] < 6;
    }
    assert_int_equal(sg_bootstrap_ratio(&m, value, NULL, NULL, 100, 0, 0.95, 2000, 1, &rows), SEDGE_OK);
    assert_int_equal(sg_bootstrap_ratio(&m, value, NULL, group, 100, 10, 0.95, 2000, 1, &groups), SEDGE_OK);
    assert_int_equal(sg_bootstrap_ratio(&m, value, NULL, group, 100, 10, 0.95, 2000, 1, &again), SEDGE_OK);
    assert_true(rows.low > 0.49 && rows.low < 0.53 && rows.high > 0.67 && rows.high < 0.71);
    assert_true(groups.low < 0.35 && groups.high > 0.85);
    assert_true(groups.low == again.low && groups.high == again.high);
    assert_int_equal(m.used, 0);
}

static void test_curves(void **state)
{
    (void)state;
    sg_scored s[] = {{0.1, false}, {0.4, false}, {0.35, true}, {0.8, true}}; /* the example of scikit-learn's roc_auc_score */
    double threshold;
    sg_scored_sort(s, 4);
    near(sg_auc(s, 4, 1), 0.75);
    near(sg_average_precision(s, 4), 5.0 / 6);
    near(sg_recall_at(s, 4, 0, &threshold), 0.5);
    near(threshold, 0.8);
    assert_true(isnan(sg_auc(s, 1, 1)));
}

static void test_classes(void **state)
{
    (void)state;
    uint64_t count[] = {3, 1, 0, 0, 4, 0, 1, 1, 0}; /* of the third class none is found */
    sg_confusion c = {3, count};
    near(sg_macro_recall(&c), (0.75 + 1 + 0) / 3);
    near(sg_class_of(&c, 0).precision, 0.75);
    assert_true(isnan(sg_class_of(&c, 2).precision));
    near(sg_class_of(&c, 1).iou, 4.0 / 6);
    sg_guess sure[] = {{0.95f, true}, {0.95f, false}};
    near(sg_calibration_error(sure, 2, 10), 0.95f - 0.5);
    const float logit[] = {0, 2, 2, 0, 0, 2, 0, 2}; /* three of four right at odds of e^(2 / t): t = 2 / ln 3 */
    const int32_t truth[] = {1, 0, 1, 0};
    assert_true(fabs(sg_temperature(logit, truth, 4, 2) - 2 / log(3)) < 1e-3);
}

static void test_boxes(void **state)
{
    (void)state;
    sg_mem m = {0};
    sg_box_score s;
    const sg_true_box truth[] = {{0, 1, false, {0, 0, 10, 10}}, {0, 1, false, {20, 0, 30, 10}}, {1, 1, true, {0, 0, 100, 100}}};
    /* One found well, one in the crowd (it does not count), one twice (it does), one of another class. */
    const sg_find found[] = {{1, 1, 0.99f, {10, 10, 20, 20}},
                             {0, 1, 0.9f, {0, 0, 10, 10}},
                             {0, 1, 0.8f, {0, 0, 10, 9}},
                             {0, 2, 0.7f, {20, 0, 30, 10}}};
    assert_int_equal(sg_box_scores(&m, found, 4, truth, 3, &s), SEDGE_OK);
    near(s.ap, 51.0 / 101); /* recall 0.5 at precision 1, nothing beyond */
    near(s.recall, 0.5);
    assert_int_equal(sg_box_scores(&m, found, 4, NULL, 0, &s), SEDGE_OK);
    assert_true(isnan(s.ap));
    assert_int_equal(m.used, 0);
}

static void test_edits(void **state)
{
    (void)state;
    sg_mem m = {0};
    size_t n;
    assert_int_equal(sg_edits(&m, "the cat sat", "the  cat sit down", true, &n), 2);
    assert_int_equal(n, 3);
    assert_int_equal(sg_edits(&m, "\xc3\xa9t\xc3\xa9", "ete", false, &n), 2);
    assert_int_equal(n, 3);
    assert_int_equal(sg_edits(&m, "", "a b", true, &n), 2);
    assert_int_equal(n, 0);
    assert_int_equal(m.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wilson),  cmocka_unit_test(test_pairs),     cmocka_unit_test(test_flips),
        cmocka_unit_test(test_verdict), cmocka_unit_test(test_bootstrap), cmocka_unit_test(test_curves),
        cmocka_unit_test(test_classes), cmocka_unit_test(test_boxes),     cmocka_unit_test(test_edits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
