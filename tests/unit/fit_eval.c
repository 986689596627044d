/* The judges, on answers that are made up, and the measures that follow. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fit/eval.h"

/* An evaluation of n samples, each its own group, without a model. */
static sedge_eval *made(const sg_judge *judge, size_t n, int truth)
{
    sedge_eval *e = calloc(1, sizeof *e);
    sedge_data *d = calloc(1, sizeof *d);
    assert_non_null(e);
    assert_non_null(d);
    e->arena.mem = &e->mem;
    d->arena.mem = &d->mem;
    d->path = "made";
    d->truth = (sg_truth)truth;
    for (size_t i = 0; i < n; i++)
        assert_non_null(sg_data_add(d));
    e->data = d;
    e->judge = judge;
    e->group = sg_arena_array(&e->arena, n + 1, sizeof *e->group);
    for (size_t i = 0; i < n; i++)
        e->group[i] = (uint32_t)i;
    e->n_group = n;
    e->task = calloc(1, sizeof *e->task);
    assert_non_null(e->task);
    return e;
}

static void take(sedge_eval *e, const sg_known *k, const sedge_answers *a)
{
    const char *bad = NULL;
    sedge_error err = {0};
    assert_int_equal(e->judge->take(e, k, a, &bad, &err), SEDGE_OK);
    if (bad)
        fail_msg("%s", bad);
    e->current++;
}

static void finish(sedge_eval *e)
{
    sedge_error err = {0};
    if (e->judge->end && e->judge->end(e, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(sg_measure_all(e, &err), SEDGE_OK);
}

static const sedge_metric *metric(const sedge_eval *e, const char *name)
{
    for (int k = 0; k < e->n_metric; k++)
        if (strcmp(e->metric[k].name, name) == 0)
            return &e->metric[k];
    fail_msg("no %s", name);
    return NULL;
}

static void near(const sedge_eval *e, const char *name, double want)
{
    const sedge_metric *m = metric(e, name);
    if (fabs(m->value - want) > 1e-6)
        fail_msg("%s is %g, expected %g", name, m->value, want);
    if (isfinite(m->low))
        assert_true(m->low <= m->value + 1e-9 && m->high >= m->value - 1e-9);
}

static void close_made(sedge_eval *e)
{
    sedge_data *d = e->data;
    free(e->task);
    e->task = NULL;
    sedge_eval_close(&e);
    sedge_data_close(&d);
}

static void boxes(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_boxes, 3, SG_TRUTH_BOXES);
    sg_thing t[2] = {{.label = 0, .box = {0, 0, 10, 10}}, {.label = 1, .box = {20, 20, 40, 40}}};
    sedge_answer found[3] = {{.label = 0, .score = 0.9f, .box = {0, 0, 10, 10}},
                             {.label = 1, .score = 0.8f, .box = {20, 20, 40, 36}},
                             {.label = 1, .score = 0.7f, .box = {60, 60, 70, 70}}};
    sg_known k = {.label = -1, .thing = t, .n_thing = 2}, none = {.label = -1};
    sedge_answers all = {.n = 3, .answer = found}, nothing = {.n = 0};
    take(e, &k, &all);
    take(e, &k, &nothing);
    take(e, &none, &nothing);
    finish(e);
    near(e, "f1", 2 * 2.0 / (2 * 2 + 1 + 2));
    near(e, "recall_fp1", 0.5);
    near(e, "map50", 51.0 / 101); /* half of each class, exactly */
    assert_true(e->outcome[1].right == 0 && e->outcome[2].right == 1);
    assert_int_equal(e->n_cls, 2);
    close_made(e);
}

static void masks(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_mask, 2, SG_TRUTH_MASKS);
    static const uint8_t truth[6] = {0, 0, 1, 1, 2, 255}, guess[6] = {0, 1, 1, 1, 0, 2};
    sedge_frame f = {.pixel = SEDGE_PIXEL_GRAY8, .width = 3, .height = 2, .plane = {truth}, .stride = {3}};
    sg_known k = {.label = -1, .mask = &f};
    sedge_answers a = {.mask = guess, .mask_w = 3, .mask_h = 2}, b = {.mask = truth, .mask_w = 3, .mask_h = 2};
    take(e, &k, &a);
    take(e, &k, &b);
    finish(e);
    near(e, "miou", (3.0 / 5 + 4.0 / 5 + 1.0 / 2) / 3);
    near(e, "pixel_accuracy", 8.0 / 10);
    close_made(e);
}

static void points(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_points, 1, SG_TRUTH_BOXES);
    static float xyv[9] = {10, 10, 2, 50, 50, 1, 0, 0, 0};
    e->data->point = xyv;
    sg_thing t = {.label = 0, .box = {0, 0, 100, 50}, .n_point = 3};
    sedge_point p[3] = {{13, 14, 1}, {50, 70, 1}, {99, 99, 1}};
    sedge_answer a = {.n_point = 3, .point = p, .score = 0.5f};
    sg_known k = {.label = -1, .thing = &t, .n_thing = 1};
    sedge_answers all = {.n = 1, .answer = &a};
    take(e, &k, &all);
    finish(e);
    near(e, "pck", 0.5);
    near(e, "point_error", (0.05 + 0.2) / 2);
    e->data->point = NULL;
    close_made(e);
}

static void texts(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_text, 2, SG_TRUTH_LABEL);
    sedge_answer a = {.text = "the cat sad"}, b = {.text = "on a mat"};
    sg_known k = {.label = -1, .text = "the cat sat"}, m = {.label = -1, .text = "on a mat"};
    take(e, &k, &(sedge_answers){.n = 1, .answer = &a});
    take(e, &m, &(sedge_answers){.n = 1, .answer = &b});
    finish(e);
    near(e, "wer", 1.0 / 6);
    near(e, "cer", 1.0 / 19);
    near(e, "exact", 0.5);
    close_made(e);
}

static void vectors(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_vector, 6, SG_TRUTH_LABEL);
    static const float v[6][2] = {{1, 0}, {0.9f, 0.1f}, {0, 1}, {0.1f, 0.9f}, {-1, -1}, {-1, 0.99f}};
    static const int label[6] = {0, 0, 1, 1, 2, 1};
    for (int i = 0; i < 6; i++) {
        sg_known k = {.label = label[i]};
        take(e, &k, &(sedge_answers){.vector = v[i], .n_vector = 2});
    }
    finish(e);
    near(e, "recall@1", 5.0 / 6); /* of label 2 there is no other */
    close_made(e);
}

static void values(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_value, 4, SG_TRUTH_LABEL);
    for (int i = 0; i < 4; i++) {
        sedge_answer a = {.value = i + (i % 2 ? 0.5 : -0.5)};
        sg_known k = {.label = -1, .has_value = true, .value = i};
        take(e, &k, &(sedge_answers){.n = 1, .answer = &a, .decided = -1});
    }
    finish(e);
    near(e, "rmse", 0.5);
    near(e, "mae", 0.5);
    near(e, "r2", 1 - 1.0 / 5);
    close_made(e);
}

static void anomalies(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_anomaly, 200, SG_TRUTH_LABEL);
    for (int i = 0; i < 200; i++) {
        bool odd = i % 4 == 0;
        sedge_answer a = {.value = odd ? 100 + i : i};
        sg_known k = {.label = -1, .text = odd ? "broken" : "normal"};
        take(e, &k, &(sedge_answers){.n = 1, .answer = &a, .decided = odd && i > 100});
    }
    finish(e);
    double pairs = 0, won = 0;
    for (int i = 0; i < 200; i += 4)
        for (int k = 0; k < 200; k++)
            if (k % 4) {
                pairs++;
                won += 100 + i > k ? 1 : 100 + i == k ? 0.5 : 0;
            }
    near(e, "auc", won / pairs);
    near(e, "f1", 2 * 24.0 / (24 + 50));
    assert_true(metric(e, "pauc")->value > 0.5 && metric(e, "auc")->low < metric(e, "auc")->value);
    close_made(e);
}

static void alarms(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_alarms, 1, SG_TRUTH_EVENTS);
    sg_thing t[2] = {{.label = 0, .t0 = 10, .t1 = 12}, {.label = 0, .t0 = 50, .t1 = 51}};
    sg_known k = {.label = -1, .thing = t, .n_thing = 2};
    sedge_answer word = {.label = 0};
    for (int s = 0; s < 100; s++) {
        bool on = (s >= 11 && s < 14) || s == 30 || s == 80;
        sedge_answers a = {.n = 1, .answer = &word, .decided = on, .t0 = s - 1, .t1 = s};
        take(e, &k, &a);
    }
    e->current = 0;
    e->stream_seconds = 1800;
    take(e, &k, NULL);
    finish(e);
    near(e, "hit_rate", 0.5);
    near(e, "false_alarms", 4);
    near(e, "delay", 1);
    const sedge_metric *m = metric(e, "false_alarms");
    assert_string_equal(m->method, "poisson");
    assert_true(fabs(m->low - 2 * 0.2422) < 0.001 && fabs(m->high - 2 * 7.2247) < 0.001); /* Garwood's interval of 2 */
    close_made(e);
}

/* A hundred samples of ten groups that are right or wrong as a whole are ten samples, and the worst slice is found. */
static void groups_and_slices(void **state)
{
    (void)state;
    sedge_eval *e = made(&sg_judge_text, 100, SG_TRUTH_LABEL);
    int32_t day = sg_data_word(e->data, "day", 3), night = sg_data_word(e->data, "night", 5);
    for (int i = 0; i < 100; i++) {
        sedge_answer a = {.text = i / 10 % 2 ? "yes" : "no"};
        sg_known k = {.label = -1, .text = "yes"};
        e->data->entry[i].slice = i < 50 ? day : night;
        take(e, &k, &(sedge_answers){.n = 1, .answer = &a});
    }
    finish(e);
    const sedge_metric *m = metric(e, "exact");
    double alone = m->high - m->low;
    assert_string_equal(m->method, "wilson");
    assert_string_equal(m->worst, "day"); /* 20 of 50; night: 30 of 50 */
    assert_true(fabs(m->worst_value - 0.4) < 1e-9 && m->worst_n == 50);
    for (uint32_t i = 0; i < 100; i++)
        e->group[i] = i / 10;
    e->n_group = 10;
    e->grouped = true;
    e->n_metric = 0;
    finish(e);
    m = metric(e, "exact");
    assert_string_equal(m->method, "bootstrap by group");
    assert_true(m->high - m->low > 2 * alone);
    close_made(e);
}

/* Labels 0 and 1 as a score says: two of three measures of a pair of models differ by what was changed. */
static void pairs(void **state)
{
    (void)state;
    sedge_eval *a = made(&sg_judge_text, 400, SG_TRUTH_LABEL), *b = made(&sg_judge_text, 400, SG_TRUTH_LABEL);
    sedge_data *own = b->data;
    b->data = a->data;
    for (int i = 0; i < 400; i++) {
        sedge_answer good = {.text = "yes"}, bad = {.text = "no"};
        sg_known k = {.label = -1, .text = "yes"};
        take(a, &k, &(sedge_answers){.n = 1, .answer = i % 10 ? &good : &bad});
        take(b, &k, &(sedge_answers){.n = 1, .answer = i % 5 ? &good : &bad});
    }
    finish(a);
    finish(b);
    sedge_compare *c = NULL;
    sedge_pairs p;
    sedge_error err = {0};
    assert_int_equal(sedge_compare_open(&c, a, b, 0.01, &err), SEDGE_OK);
    sedge_compare_get(c, &p);
    assert_int_equal(p.lost, 40);
    assert_int_equal(p.gained, 0);
    assert_int_equal(p.flip[0].sample, 5);
    for (int k = 0; k < p.n_pair; k++) {
        assert_true(p.pair[k].drop > 0 && p.pair[k].low < p.pair[k].drop && p.pair[k].high > p.pair[k].drop);
        assert_int_equal(p.pair[k].verdict, SEDGE_FAIL);
    }
    sedge_compare_close(&c);
    assert_int_equal(sedge_compare_open(&c, a, a, 0.01, &err), SEDGE_OK);
    sedge_compare_get(c, &p);
    assert_int_equal(p.pair[0].verdict, SEDGE_PASS);
    sedge_compare_close(&c);
    assert_int_not_equal(sedge_compare_open(&c, a, b, 2, &err), SEDGE_OK);
    b->data = own;
    close_made(a);
    close_made(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes),     cmocka_unit_test(masks),   cmocka_unit_test(points),
        cmocka_unit_test(texts),     cmocka_unit_test(vectors), cmocka_unit_test(values),
        cmocka_unit_test(anomalies), cmocka_unit_test(alarms),  cmocka_unit_test(groups_and_slices),
        cmocka_unit_test(pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
