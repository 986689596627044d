/* What `sedge eval` claims, as a report. */
#include <math.h>
#include <string.h>

#include "eval.h"
#include "fit/report.h"
#include "proof.h"

static void claims(sg_report *r, const sedge_eval_result *e, const limits *l)
{
    static char path[64][32];
    for (int k = 0; k < e->n_metric && k < 64; k++) {
        const sedge_metric *m = &e->metric[k];
        bool share = !*m->unit && m->value >= 0 && m->value <= 1;
        sg_claim c = sg_claim_new(m->name, m->about, *m->unit ? m->unit : share ? "share" : "");
        snprintf(path[k], sizeof path[k], "/metrics/%d/value", k);
        c.at_least = !m->less;
        c.after = m->value;
        c.range = (sg_interval){m->low, m->high};
        c.needs = "model card data labels";
        c.path = path[k];
        c.tolerance = 1e-6;
        for (int i = 0; i < l->n; i++)
            if (l->one[i].metric == m) {
                c.limit = l->one[i].value;
                c.at_least = !l->one[i].most;
            }
        sg_report_claim(r, &c);
    }
}

static json_t *metrics_tree(const sedge_eval_result *e)
{
    json_t *list = json_array();
    for (int k = 0; k < e->n_metric; k++) {
        const sedge_metric *m = &e->metric[k];
        json_t *row = json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:s}", "name", m->name, "definition", m->about, "value",
                                sg_json_number(m->value), "low", sg_json_number(m->low), "high", sg_json_number(m->high), "n",
                                (json_int_t)m->n, "interval", m->method);
        if (m->worst && row) {
            json_object_set_new(row, "worst_slice", json_string(m->worst));
            json_object_set_new(row, "worst", sg_json_number(m->worst_value));
            json_object_set_new(row, "worst_n", json_integer((json_int_t)m->worst_n));
        }
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *class_label(const sedge_class *c)
{
    char text[16];
    snprintf(text, sizeof text, "%d", c->number);
    return json_string(c->name ? c->name : text);
}

enum { CONFUSED = 40 }; /* classes that a page can show as a table */

static json_t *confusion_tree(const sedge_eval_result *e)
{
    if (!e->confusion || e->n_class > CONFUSED)
        return NULL;
    json_t *labels = json_array(), *rows = json_array();
    for (int i = 0; i < e->n_class; i++) {
        json_t *row = json_array();
        json_array_append_new(labels, class_label(&e->cls[i]));
        for (int k = 0; k < e->n_class; k++)
            json_array_append_new(row, json_integer((json_int_t)e->confusion[i * e->n_class + k]));
        json_array_append_new(rows, row);
    }
    return json_pack("{s:o, s:o}", "labels", labels, "after", rows);
}

static void pictures(sg_report *r, const sedge_eval_result *e)
{
    sg_bar bar[8];
    char name[8][48];
    double x[32], y[32];
    size_t n = 0;
    for (int k = 0; k < e->n_metric && n < 8; k++) {
        const sedge_metric *m = &e->metric[k];
        if (*m->unit || m->less || m->value < 0 || m->value > 1)
            continue;
        snprintf(name[n], sizeof name[n], "%.40s", m->name);
        bar[n] = (sg_bar){name[n], NAN, m->value, m->low, m->high};
        n++;
    }
    if (n)
        sg_report_bars(r, "How right it is", "Shares with the interval that holds the truth 19 times of 20", "share", bar, n, NAN,
                       "");
    for (n = 0; n < (size_t)e->n_risk && n < 32; n++) {
        x[n] = e->risk[n].coverage;
        y[n] = e->risk[n].right;
    }
    if (n > 1)
        sg_report_curve(r, "What the surest answers are worth",
                        "Of the samples that are answered, surest first, the share that is right", "share answered",
                        "share right", x, y, n);
    for (n = 0; n < (size_t)e->n_class && n < 8; n++) {
        json_t *label = class_label(&e->cls[n]);
        snprintf(name[n], sizeof name[n], "%.40s", json_string_value(label));
        json_decref(label);
        bar[n] = (sg_bar){name[n], NAN, isnan(e->cls[n].ap50) ? e->cls[n].recall : e->cls[n].ap50, NAN, NAN};
    }
    if (n > 1)
        sg_report_bars(r, "Class by class", "Recall, or average precision of boxes, of the first classes", "share", bar, n, NAN,
                       "");
}

static sedge_status evidence(sg_report *r, const args *a, const sedge_eval_result *e, const sedge_data *data, sedge_error *err)
{
    char digest[65];
    json_t *bad = json_array(), *confusion = confusion_tree(e);
    SG_TRY(sg_report_file(r, "model", a->rest[0], err));
    SG_TRY(proof_card(r, a, a->rest[0], err));
    if (a->reference)
        SG_TRY(sg_report_file(r, "reference", a->reference, err));
    if (a->labels)
        SG_TRY(sg_report_file(r, "labels", a->labels, err));
    SG_TRY(sg_report_file(r, "data", a->data, err));
    SG_TRY(sedge_data_digest(data, digest, err));
    sg_report_digest(r, "samples", "", digest); /* whatever files they come from */
    SG_TRY(sg_report_here(r, err));
    for (size_t i = 0; i < e->n_bad; i++)
        json_array_append_new(bad, json_string(e->bad[i].why));
    sg_report_set(r, "metrics", metrics_tree(e));
    sg_report_set(r, "exclusions", bad);
    if (confusion)
        sg_report_set(r, "confusion", confusion);
    if (a->split)
        sg_report_set(r, "splits", json_string(a->split));
    sg_report_set(r, "confidence",
                  json_pack("{s:o, s:o, s:o}", "temperature", sg_json_number(e->temperature), "ece_before",
                            sg_json_number(e->ece_before), "ece_after", sg_json_number(e->ece_after)));
    sg_report_set(r, "method",
                  json_pack("{s:s, s:s, s:I, s:I}", "kind", e->kind, "head", e->head, "samples", (json_int_t)e->samples,
                            "longer_than_the_input", (json_int_t)e->cut));
    return SEDGE_OK;
}

sedge_status eval_report(const args *a, const sedge_eval_result *e, const sedge_data *data, const limits *l, sedge_error *err)
{
    sg_report r;
    char subject[256];
    const char *slash = strrchr(a->rest[0], '/'), *of = strrchr(a->data, '/');
    snprintf(subject, sizeof subject, "%.100s on %.100s", slash ? slash + 1 : a->rest[0], of && of[1] ? of + 1 : a->data);
    SG_TRY(sg_report_open(&r, subject, a->n_command, a->command, a->seed, err));
    r.sign = a->sign;
    claims(&r, e, l);
    r.sign = a->sign;
    pictures(&r, e);
    sg_report_energy(&r, NAN, "not measured: sedge bench measures what an answer costs.");
    sg_report_not_tested(&r, "Time, memory and energy: sedge bench measures these.");
    if (strcmp(e->kind, "fidelity") == 0)
        sg_report_not_tested(&r, "How right the answers are: nobody said what is right; this is fidelity to another model.");
    if (!a->split)
        sg_report_not_tested(&r, "That no sample calibrated or trained the model: --split FILE:prove keeps some apart.");
    sg_report_next(&r, a->split ? "Hold it to the model before: sedge compare BEFORE AFTER."
                                : "Prove on a part that chose nothing: --split FILE:prove.");
    sedge_status st = evidence(&r, a, e, data, err);
    if (st == SEDGE_OK)
        st = sg_report_write(&r, a->report, err);
    sg_report_free(&r);
    return st;
}
