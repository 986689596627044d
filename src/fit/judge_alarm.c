/* The judge of streams: each time the card's decision goes on is an alarm; alarms are matched with what is known to be there. */
#include <math.h>
#include <stdlib.h>

#include "fit/eval.h"

enum { FOUND, EVENTS, FALSE_ALARMS, HOURS, DELAY, DAYS };

/* Of the stream that is being heard. */
typedef struct alarms {
    bool on;
    uint8_t *found; /* of each event */
    size_t cap;
    bool begun;
    size_t hits, wrong;
    double delay;
} alarms;

static const sg_measure accuracy[] = {
    {"hit_rate", "share of events that raised an alarm", "", SG_RATIO, FOUND, EVENTS, false, true, false, NULL},
    {"false_alarms", "alarms without an event", "per hour", SG_RATIO, FALSE_ALARMS, HOURS, true, false, true, NULL},
    {"false_alarms_day", "the same by days", "per day", SG_RATIO, FALSE_ALARMS, DAYS, true, false, true, NULL},
    {"delay", "mean time from an event's beginning to its alarm", "s", SG_RATIO, DELAY, FOUND, true, false, false, NULL},
    {.name = NULL}};
static const sg_measure nothing[] = {{.name = NULL}};

static bool starts(sedge_eval *e, alarms *s, const sg_known *k, sg_err *err, sedge_status *st)
{
    size_t n = e->data->truth == SG_TRUTH_EVENTS ? k->n_thing : 1;
    *st = sg_grow(&e->mem, &s->found, &s->cap, n + 1, 1) == SEDGE_OK ? SEDGE_OK : sg_eval_no_memory(err);
    if (*st == SEDGE_OK)
        memset(s->found, 0, n + 1);
    s->hits = s->wrong = 0;
    s->delay = 0;
    s->on = false;
    return *st == SEDGE_OK;
}

/* An alarm comes at the end of its window; it may be of an event that ended within that window. A label that raises no alarm by the card
 * (not among its labels) has no event. */
static void alarm_of(sedge_eval *e, alarms *s, const sg_known *k, const sedge_answers *a)
{
    int label = a->answer[0].label;
    double window = a->t1 - a->t0;
    if (e->data->truth != SG_TRUTH_EVENTS) { /* the whole is one event */
        if (k->label >= 0 && k->label == label) {
            s->hits += !s->found[0];
            s->delay += s->found[0] ? 0 : a->t1;
            s->found[0] = 1;
        } else {
            s->wrong++;
        }
        return;
    }
    for (size_t i = 0; i < k->n_thing; i++) {
        const sg_thing *t = &k->thing[i];
        if ((t->label >= 0 && t->label != label) || a->t1 < t->t0 || a->t1 > t->t1 + window)
            continue;
        s->hits += !s->found[i];
        s->delay += s->found[i] ? 0 : a->t1 - t->t0;
        s->found[i] = 1;
        return;
    }
    s->wrong++;
}

static sedge_status take(sedge_eval *e, const sg_known *k, const sedge_answers *a, const char **bad, sg_err *err)
{
    (void)bad;
    if (!e->state && !(e->state = sg_calloc(&e->mem, 1, sizeof(alarms))))
        return sg_eval_no_memory(err);
    alarms *s = e->state;
    sedge_status st;
    if (!s->begun && !starts(e, s, k, err, &st))
        return st;
    s->begun = true;
    if (a) {
        bool on = a->decided == 1;
        if (on && !s->on && a->n)
            alarm_of(e, s, k, a);
        s->on = on;
        return SEDGE_OK;
    }
    sedge_outcome *o;
    sg_row *r = sg_eval_add(e, &o);
    if (!r)
        return sg_eval_no_memory(err);
    r->v[EVENTS] = e->data->truth == SG_TRUTH_EVENTS ? (double)k->n_thing : k->label >= 0;
    r->v[FOUND] = (double)s->hits;
    r->v[FALSE_ALARMS] = (double)s->wrong;
    r->v[HOURS] = e->stream_seconds / 3600;
    r->v[DAYS] = e->stream_seconds / 86400;
    r->v[DELAY] = s->delay;
    o->right = r->v[FOUND] == r->v[EVENTS] && s->wrong == 0;
    o->truth = k->label;
    o->score = (float)s->hits;
    s->begun = false;
    return SEDGE_OK;
}

static void free_state(sedge_eval *e)
{
    alarms *s = e->state;
    if (!s)
        return;
    sg_free(&e->mem, s->found, s->cap);
    sg_free(&e->mem, s, sizeof *s);
}

static bool windows(const sedge_eval *e)
{
    (void)e;
    return true;
}

const sg_judge sg_judge_alarms = {"alarms", accuracy, nothing, take, NULL, NULL, free_state, windows};
