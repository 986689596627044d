/* Classes: confusion, calibration. */
#include <math.h>

#include "fit/metric.h"

static double ratio(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

sg_class_score sg_class_of(const sg_confusion *c, int k)
{
    sg_class_score s = {.right = c->count[(size_t)k * (size_t)c->classes + (size_t)k]};
    for (int i = 0; i < c->classes; i++) {
        s.truth += c->count[(size_t)k * (size_t)c->classes + (size_t)i];
        s.guess += c->count[(size_t)i * (size_t)c->classes + (size_t)k];
    }
    double right = (double)s.right, both = (double)s.truth + (double)s.guess;
    s.recall = ratio(right, (double)s.truth);
    s.precision = ratio(right, (double)s.guess);
    s.f1 = ratio(2 * right, both);
    s.iou = ratio(right, both - right);
    return s;
}

static double macro(const sg_confusion *c, double (*of)(const sg_class_score *s))
{
    double sum = 0, n = 0;
    for (int k = 0; k < c->classes; k++) {
        sg_class_score s = sg_class_of(c, k);
        if (s.truth) {
            sum += of(&s);
            n++;
        }
    }
    return ratio(sum, n);
}

static double recall_of(const sg_class_score *s)
{
    return s->recall;
}

static double f1_of(const sg_class_score *s)
{
    return s->f1;
}

static double iou_of(const sg_class_score *s)
{
    return s->iou;
}

double sg_macro_recall(const sg_confusion *c)
{
    return macro(c, recall_of);
}

double sg_macro_f1(const sg_confusion *c)
{
    return macro(c, f1_of);
}

double sg_mean_iou(const sg_confusion *c)
{
    return macro(c, iou_of);
}

double sg_calibration_error(const sg_guess *g, size_t n, int bins)
{
    double error = 0;
    for (int b = 0; b < bins; b++) {
        double low = (double)b / bins, high = (double)(b + 1) / bins, sure = 0, right = 0;
        for (size_t i = 0; i < n; i++)
            if ((double)g[i].confidence > low && (double)g[i].confidence <= high) {
                sure += (double)g[i].confidence;
                right += g[i].right;
            }
        error += fabs(right - sure);
    }
    return n ? error / (double)n : NAN;
}

/* Mean of -log p(truth) of softmax(logit / t). */
static double loss_at(const float *logit, const int32_t *truth, size_t n, int classes, double t)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const float *z = logit + i * (size_t)classes;
        double top = -HUGE_VAL, sum = 0;
        for (int k = 0; k < classes; k++)
            top = (double)z[k] > top ? (double)z[k] : top;
        for (int k = 0; k < classes; k++)
            sum += exp(((double)z[k] - top) / t);
        loss += log(sum) - ((double)z[truth[i]] - top) / t;
    }
    return loss / (double)n;
}

/* The loss is convex in 1 / t: golden sections of it. */
double sg_temperature(const float *logit, const int32_t *truth, size_t n, int classes)
{
    const double golden = (sqrt(5) - 1) / 2;
    double a = 0.05, b = 20, c = b - golden * (b - a), d = a + golden * (b - a);
    if (!n)
        return 1;
    double fc = loss_at(logit, truth, n, classes, 1 / c), fd = loss_at(logit, truth, n, classes, 1 / d);
    while (b - a > 1e-6) {
        if (fc < fd) {
            b = d;
            d = c;
            fd = fc;
            c = b - golden * (b - a);
            fc = loss_at(logit, truth, n, classes, 1 / c);
        } else {
            a = c;
            c = d;
            fc = fd;
            d = a + golden * (b - a);
            fd = loss_at(logit, truth, n, classes, 1 / d);
        }
    }
    return 2 / (a + b);
}
