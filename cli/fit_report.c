/* sedge fit --report: what the winner claims, and the rungs. */
#include <math.h>
#include <string.h>

#include "cli.h"
#include "proof.h"
#include "fit/report.h"

/* What measures the score again: eval of the part that proves. `part`: room for its name. */
static void eval_command(const char *word[16], char part[4200], const args *a)
{
    int n = 0;
    snprintf(part, 4200, "%.4096s:prove", a->split);
    const char *const all[] = {"sedge", "eval", a->out, "--data", a->in[0], "--split", part};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        word[n++] = all[i];
    if (a->labels)
        word[n++] = "--labels", word[n++] = a->labels;
    else
        word[n++] = "--reference", word[n++] = a->rest[0];
    if (a->card)
        word[n++] = "--card", word[n++] = a->card;
    word[n++] = "--anyway";
    word[n] = NULL;
}

static void claims(sg_report *rep, const args *a, const sedge_fit_result *r)
{
    const sedge_fit_rung *x = &r->rung[r->chosen];
    const char *word[16], *const inspect[] = {"sedge", "inspect", a->out, NULL};
    char part[4200];
    eval_command(word, part, a);
    sg_claim c = sg_claim_new("drop", "The score drops, on samples that nothing was chosen by, by", "share");
    c.limit = a->max_drop > 0 ? a->max_drop / 100 : 0.005;
    c.after = r->drop;
    c.range = (sg_interval){r->drop_low, r->drop_high};
    c.needs = "model card data labels";
    c.why = r->measure;
    sg_report_claim(rep, &c);
    c = sg_claim_new("score", "The first measure of eval, on the same samples", "share");
    c.before = fabs(r->score_before);
    c.after = fabs(r->score_after);
    c.needs = "model card data labels split";
    c.why = r->measure;
    c.command = word;
    c.path = "/metrics/0/value";
    sg_report_claim(rep, &c);
    c = sg_claim_new("p99", "99 of 100 answers, end to end, come within", "ms");
    c.limit = a->max_ms > 0 ? a->max_ms : NAN;
    c.before = r->ms_before;
    c.after = x->ms;
    c.range = (sg_interval){x->ms_low, x->ms_high};
    c.needs = "model card machine";
    c.why = "of a decoded sample; sedge bench --data measures the whole way";
    sg_report_claim(rep, &c);
    c = sg_claim_new("size", "The file has", "bytes");
    c.limit = a->max_bytes > 0 ? a->max_bytes : NAN;
    c.before = (double)r->bytes_before;
    c.after = (double)r->bytes_after;
    c.range = (sg_interval){c.after, c.after};
    c.command = inspect;
    c.path = "/file_bytes";
    sg_report_claim(rep, &c);
}

static void pictures(sg_report *rep, const args *a, const sedge_fit_result *r)
{
    sg_bar time[SEDGE_FIT_RUNGS], size[SEDGE_FIT_RUNGS], drop[SEDGE_FIT_RUNGS];
    size_t n = 0;
    for (int i = 0; i < r->n_rung; i++) {
        const sedge_fit_rung *x = &r->rung[i];
        if (!x->tried)
            continue;
        time[n] = (sg_bar){x->name, NAN, x->ms, x->ms_low, x->ms_high};
        size[n] = (sg_bar){x->name, NAN, (double)x->bytes, NAN, NAN};
        drop[n++] = (sg_bar){x->name, NAN, fmax(x->drop, 0), NAN, NAN};
    }
    sg_report_bars(rep, "Time of each rung", "99th percentile of an answer", "ms", time, n, a->max_ms > 0 ? a->max_ms : NAN,
                   "limit");
    sg_report_bars(rep, "Size of each rung", "Bytes of the file", "bytes", size, n, a->max_bytes > 0 ? a->max_bytes : NAN,
                   "limit");
    sg_report_bars(rep, "What each rung costs", "Drop of the score on the samples that choose", "share", drop, n,
                   a->max_drop > 0 ? a->max_drop / 100 : 0.005, "limit");
}

static void evidence(sg_report *rep, const sedge_fit_result *r)
{
    json_t *rungs = json_array();
    for (int i = 0; rungs && i < r->n_rung; i++) {
        const sedge_fit_rung *x = &r->rung[i];
        json_array_append_new(rungs, json_pack("{s:s, s:s, s:b, s:b, s:o, s:I, s:o}", "name", x->name, "note", x->note, "tried",
                                               x->tried, "fits", x->fits, "p99_ms", sg_json_number(x->tried ? x->ms : NAN),
                                               "bytes", (json_int_t)x->bytes, "drop", sg_json_number(x->tried ? x->drop : NAN)));
    }
    sg_report_set(rep, "rungs", rungs);
    sg_report_set(rep, "splits",
                  json_pack("{s:I, s:I, s:I}", "calibrate", (json_int_t)r->calibrated, "choose", (json_int_t)r->chose, "prove",
                            (json_int_t)r->proved));
    sg_report_set(rep, "flips", json_pack("{s:I, s:I}", "lost", (json_int_t)r->lost, "gained", (json_int_t)r->gained));
}

sedge_status fit_report(const args *a, const sedge_fit_result *r, sedge_error *err)
{
    sg_report rep;
    char subject[512];
    snprintf(subject, sizeof subject, "%.200s from %.200s: %s", a->out, a->rest[0], r->rung[r->chosen].name);
    SG_TRY(sg_report_open(&rep, subject, a->n_command, a->command, a->seed, err));
    claims(&rep, a, r);
    pictures(&rep, a, r);
    evidence(&rep, r);
    if (!r->met)
        sg_report_next(&rep, r->missed);
    sg_report_not_tested(&rep, "other machines and threads than these; data unlike that of --data; memory and energy");
    sedge_status st = sg_report_file(&rep, "model", a->out, err);
    if (st == SEDGE_OK)
        st = sg_report_file(&rep, "source", a->rest[0], err);
    if (st == SEDGE_OK)
        st = proof_card(&rep, a, a->rest[0], err);
    if (st == SEDGE_OK)
        st = sg_report_file(&rep, "data", a->in[0], err);
    if (st == SEDGE_OK && a->labels)
        st = sg_report_file(&rep, "labels", a->labels, err);
    if (st == SEDGE_OK)
        st = sg_report_file(&rep, "split", a->split, err);
    if (st == SEDGE_OK)
        st = sg_report_here(&rep, err);
    if (st == SEDGE_OK)
        st = sg_report_write(&rep, a->report, err);
    sg_report_free(&rep);
    return st;
}
