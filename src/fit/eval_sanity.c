/* Answers that look like those of a wrong card: the detective says which field is likely wrong. */
#include <stdio.h>

#include "fit/eval.h"
#include "sedge/try.h"

#define SECONDS 20

/* The detective's verdict on samples with labels; empty where it has none. */
static void ask(sedge_eval *e, char *text, size_t size)
{
    sedge_try *t = NULL;
    sedge_try_opts how;
    sedge_try_result r;
    sedge_try_opts_init(&how);
    how.seconds = SECONDS;
    text[0] = 0;
    const char *const *label = sedge_data_labels(e->data);
    for (size_t i = 0; label && i < e->data->n; i++)
        if (!label[i])
            label = NULL;
    if (!label ||
        sedge_try_open(&t, e->model, e->path, &e->opts, e->data->n, label, sedge_data_item, e->data, &how, NULL) != SEDGE_OK)
        return;
    sedge_try_get(t, &r);
    snprintf(text, size, "%s", r.n_blame ? r.verdict : "no field of the card that was tried is to blame; are the labels right?");
    sedge_try_close(&t);
}

sedge_status sg_sanity_fail(sedge_eval *e, const char *doubt, sg_err *err)
{
    char verdict[384];
    bool by_label = e->data->truth == SG_TRUTH_LABEL && (e->judge == &sg_judge_classes || e->judge == &sg_judge_text);
    verdict[0] = 0;
    if (by_label)
        ask(e, verdict, sizeof verdict);
    return sg_fail(err, SEDGE_E_VALUE, "the card looks wrong: %s%s%s; --anyway goes on", doubt, *verdict ? ": " : "", verdict);
}
