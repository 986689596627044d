/* Answers as a line of JSON. */
#include <math.h>
#include <stdio.h>

#include "task/run.h"

typedef struct writer {
    int (*write)(void *ctx, const char *text, size_t n);
    void *ctx;
    bool stopped;
} writer;

static void put(writer *w, const char *s)
{
    w->stopped = w->stopped || w->write(w->ctx, s, strlen(s)) != 0;
}

/* Nine digits give a float back exactly; the point is a point in every locale. */
static void number(writer *w, double v)
{
    char s[40];
    if (!isfinite(v)) {
        put(w, "null");
        return;
    }
    snprintf(s, sizeof s, "%.9g", v);
    for (char *p = s; *p; p++)
        *p = *p == ',' ? '.' : *p;
    put(w, s);
}

static void string(writer *w, const char *s)
{
    char one[8];
    put(w, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            snprintf(one, sizeof one, "\\%c", *s);
        else if ((unsigned char)*s < ' ')
            snprintf(one, sizeof one, "\\u%04x", (unsigned)*s);
        else
            snprintf(one, sizeof one, "%c", *s);
        put(w, one);
    }
    put(w, "\"");
}

static void list(writer *w, const char *key, const float *v, int n)
{
    put(w, key);
    for (int i = 0; i < n; i++) {
        put(w, i ? "," : "[");
        number(w, (double)v[i]);
    }
    put(w, n ? "]" : "[]");
}

static void one(writer *w, const sedge_task *t, const sedge_answer *a)
{
    bool value = t->head == SG_HEAD_RESIDUAL || t->head == SG_HEAD_VALUE;
    put(w, value ? "{\"value\":" : "{\"score\":");
    number(w, value ? a->value : (double)a->score);
    if (a->label >= 0) {
        put(w, ",\"class\":");
        number(w, a->label);
    }
    if (a->text) {
        put(w, a->label >= 0 ? ",\"label\":" : ",\"text\":");
        string(w, a->text);
    }
    if (t->head == SG_HEAD_ROWS || t->head == SG_HEAD_BOXES || t->head == SG_HEAD_PRIORS || t->head == SG_HEAD_MASK ||
        t->head == SG_HEAD_KEYPOINTS || t->head == SG_HEAD_GRAPH)
        list(w, ",\"box\":", a->box, 4);
    if (a->n_point)
        list(w, ",\"points\":", &a->point[0].x, a->n_point * 3);
    put(w, "}");
}

/* Runs along the rows: [value, length, value, length, ...]. */
static void mask(writer *w, const sedge_answers *a)
{
    size_t n = (size_t)a->mask_w * (size_t)a->mask_h;
    put(w, ",\"mask\":{\"size\":[");
    number(w, a->mask_h);
    put(w, ",");
    number(w, a->mask_w);
    put(w, "],\"runs\":[");
    for (size_t i = 0, to; i < n && !w->stopped; i = to) {
        for (to = i + 1; to < n && a->mask[to] == a->mask[i]; to++) {
        }
        put(w, i ? "," : "");
        number(w, a->mask[i]);
        put(w, ",");
        number(w, (double)(to - i));
    }
    put(w, "]}");
}

static void picture(writer *w, const sedge_frame *f)
{
    put(w, ",\"picture\":{\"size\":[");
    number(w, f->height);
    put(w, ",");
    number(w, f->width);
    put(w, f->pixel == SEDGE_PIXEL_GRAY8 ? "],\"color\":\"gray\"}" : "],\"color\":\"rgb\"}");
}

static void flag(writer *w, const char *key, int v)
{
    put(w, key);
    put(w, v ? "true" : "false");
}

sedge_status sedge_answers_json(const sedge_task *t, const sedge_answers *a, int (*write)(void *ctx, const char *text, size_t n),
                                void *ctx)
{
    writer w = {write, ctx, false};
    put(&w, "{\"schema\":\"sedge.");
    put(&w, t->info.task);
    put(&w, ".1\"");
    if (t->source != SEDGE_SOURCE_IMAGE) {
        put(&w, ",\"t0\":");
        number(&w, a->t0);
        put(&w, ",\"t1\":");
        number(&w, a->t1);
    }
    put(&w, ",\"answers\":[");
    for (int i = 0; i < a->n && !w.stopped; i++) {
        put(&w, i ? "," : "");
        one(&w, t, &a->answer[i]);
    }
    put(&w, "]");
    if (a->vector)
        list(&w, ",\"vector\":", a->vector, a->n_vector);
    if (a->mask)
        mask(&w, a);
    if (a->picture)
        picture(&w, a->picture);
    if (a->decided >= 0)
        flag(&w, ",\"decided\":", a->decided);
    if (a->abstained)
        flag(&w, ",\"abstained\":", 1);
    flag(&w, ",\"truncated\":", a->truncated);
    put(&w, ",\"ms\":{\"pre\":");
    number(&w, a->pre_ms);
    put(&w, ",\"run\":");
    number(&w, a->run_ms);
    put(&w, ",\"post\":");
    number(&w, a->post_ms);
    put(&w, "}}");
    return w.stopped ? SEDGE_E_CANCELLED : SEDGE_OK;
}
