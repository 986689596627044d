/* Statistics and measures for tests/fit/measures.py: cases on standard input, a line of numbers each on standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit/metric.h"
#include "fit/stat.h"

static double number(void)
{
    double v;
    if (scanf("%lf", &v) != 1)
        exit(1);
    return v;
}

static size_t whole(void)
{
    return (size_t)number();
}

static void do_quantile(void)
{
    printf("%.17g\n", sg_normal_quantile(number()));
}

static void do_wilson(void)
{
    double right = number(), n = number(), confidence = number();
    sg_interval i = sg_wilson(right, n, confidence);
    printf("%.17g %.17g\n", i.low, i.high);
}

static void do_mcnemar(void)
{
    uint64_t b = whole(), c = whole();
    printf("%.17g\n", sg_mcnemar(b, c));
}

static void do_paired(void)
{
    uint64_t b = whole(), c = whole(), n = whole();
    sg_interval i = sg_paired_difference(b, c, n, number());
    printf("%.17g %.17g\n", i.low, i.high);
}

static void do_verdict(void)
{
    uint64_t lost = whole(), gained = whole(), n = whole();
    sg_non_inferiority v = sg_non_inferior(lost, gained, n, number());
    printf("%d %.17g %.17g %.17g\n", (int)v.verdict, v.bound.low, v.bound.high, v.needed);
}

static void do_curve(void)
{
    double rate = number(), threshold;
    size_t n = whole();
    sg_scored *s = calloc(n + 1, sizeof *s);
    for (size_t i = 0; i < n; i++) {
        s[i].score = number();
        s[i].positive = number() != 0;
    }
    sg_scored_sort(s, n);
    double recall = sg_recall_at(s, n, rate, &threshold);
    printf("%.17g %.17g %.17g %.17g %.17g\n", sg_auc(s, n, 1), sg_auc(s, n, rate), sg_average_precision(s, n), recall, threshold);
    free(s);
}

static void do_confusion(void)
{
    sg_confusion c = {.classes = (int)whole()};
    size_t n = (size_t)c.classes * (size_t)c.classes;
    c.count = calloc(n + 1, sizeof *c.count);
    for (size_t i = 0; i < n; i++)
        c.count[i] = whole();
    printf("%.17g %.17g %.17g", sg_macro_recall(&c), sg_macro_f1(&c), sg_mean_iou(&c));
    for (int k = 0; k < c.classes; k++)
        printf(" %.17g", sg_class_of(&c, k).precision);
    puts("");
    free(c.count);
}

static void do_calibration(void)
{
    size_t n = whole();
    sg_guess *g = calloc(n + 1, sizeof *g);
    for (size_t i = 0; i < n; i++) {
        g[i].confidence = (float)number();
        g[i].right = number() != 0;
    }
    printf("%.17g\n", sg_calibration_error(g, n, 15));
    free(g);
}

static void do_temperature(void)
{
    size_t n = whole(), classes = whole();
    float *logit = calloc(n * classes + 1, sizeof *logit);
    int32_t *truth = calloc(n + 1, sizeof *truth);
    for (size_t i = 0; i < n; i++) {
        truth[i] = (int32_t)whole();
        for (size_t k = 0; k < classes; k++)
            logit[i * classes + k] = (float)number();
    }
    printf("%.17g\n", sg_temperature(logit, truth, n, (int)classes));
    free(logit);
    free(truth);
}

static void do_boxes(void)
{
    size_t found = whole(), truths = whole();
    sg_find *f = calloc(found + 1, sizeof *f);
    sg_true_box *t = calloc(truths + 1, sizeof *t);
    sg_box_score s = {0};
    sg_mem m = {0};
    for (size_t i = 0; i < found; i++) {
        f[i].image = (uint32_t)whole();
        f[i].label = (int32_t)whole();
        f[i].score = (float)number();
        for (int k = 0; k < 4; k++)
            f[i].box[k] = (float)number();
    }
    for (size_t i = 0; i < truths; i++) {
        t[i].image = (uint32_t)whole();
        t[i].label = (int32_t)whole();
        t[i].crowd = number() != 0;
        for (int k = 0; k < 4; k++)
            t[i].box[k] = (float)number();
    }
    if (sg_box_scores(&m, f, found, t, truths, &s) != SEDGE_OK)
        exit(1);
    printf("%.17g %.17g %.17g %.17g\n", s.ap, s.ap50, s.ap75, s.recall);
    free(f);
    free(t);
}

static void do_edits(void)
{
    char truth[4096], said[4096];
    size_t length;
    sg_mem m = {0};
    bool words = number() != 0;
    if (scanf(" [%4095[^]]] [%4095[^]]]", truth, said) != 2)
        exit(1);
    printf("%lld", (long long)sg_edits(&m, truth, said, words, &length));
    printf(" %zu\n", length);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } verb[] = {
        {"quantile", do_quantile},       {"wilson", do_wilson}, {"mcnemar", do_mcnemar},     {"paired", do_paired},
        {"verdict", do_verdict},         {"curve", do_curve},   {"confusion", do_confusion}, {"calibration", do_calibration},
        {"temperature", do_temperature}, {"boxes", do_boxes},   {"edits", do_edits}};
    char name[32];
    while (scanf("%31s", name) == 1) {
        size_t i = 0;
        while (i < sizeof verb / sizeof *verb && strcmp(verb[i].name, name) != 0)
            i++;
        if (i == sizeof verb / sizeof *verb)
            return 1;
        verb[i].run();
    }
    return 0;
}
