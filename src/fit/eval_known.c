/* The truth of a sample, from the labels of the data. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/eval.h"

int sg_known_label(sedge_eval *e, int32_t word)
{
    if (word < 0)
        return -1;
    int32_t *c = &e->class_of[word];
    if (*c == -2)
        *c = sg_labels_find(&e->labels, sg_data_text(e->data, word));
    return *c;
}

static sedge_status known_things(sedge_eval *e, const sg_entry *s, sg_known *k, const char **bad, sg_err *err)
{
    if (sg_grow(&e->mem, &e->things, &e->cap_things, s->n_thing + 1, sizeof *e->things) != SEDGE_OK)
        return sg_eval_no_memory(err);
    for (size_t i = 0; i < s->n_thing; i++) {
        sg_thing *t = &e->things[i];
        *t = e->data->thing[s->first_thing + i];
        int label = sg_known_label(e, t->label);
        if (t->label >= 0 && label < 0 && e->data->truth == SG_TRUTH_BOXES && !*bad)
            *bad = sg_eval_bad(e, "label \"%.60s\" is none of the card's", sg_data_text(e->data, t->label));
        t->label = label;
    }
    k->thing = e->things;
    k->n_thing = s->n_thing;
    return SEDGE_OK;
}

static sedge_status known_mask(sedge_eval *e, sg_known *k, const char **bad)
{
    sg_err why = {.status = SEDGE_OK};
    sg_map_close(&e->mask_file);
    sedge_status st = e->mask ? SEDGE_OK : sedge_image_new(&e->mask, NULL, &why);
    if (st == SEDGE_OK)
        st = sg_map_open(&e->mask_file, k->text, &why);
    if (st == SEDGE_OK)
        st = sedge_image_decode(e->mask, e->mask_file.data, e->mask_file.size, &e->mask_frame, &why);
    if (st != SEDGE_OK)
        *bad = sg_eval_bad(e, "its mask: %s", why.msg);
    k->mask = &e->mask_frame;
    return st == SEDGE_E_NOMEM ? st : SEDGE_OK;
}

sedge_status sg_known_of(sedge_eval *e, size_t i, sg_known *k, const char **bad, sg_err *err)
{
    const sg_entry *s = &e->data->entry[i];
    *k = (sg_known){.label = -1, .text = sg_data_text(e->data, s->label)};
    if (e->reference)
        return SEDGE_OK;
    if (e->data->truth == SG_TRUTH_BOXES || e->data->truth == SG_TRUTH_EVENTS)
        return known_things(e, s, k, bad, err);
    if (!k->text) {
        *bad = sg_eval_bad(e, "it has no label");
        return SEDGE_OK;
    }
    if (e->judge == &sg_judge_mask)
        return known_mask(e, k, bad);
    char *end;
    k->value = strtod(k->text, &end);
    k->has_value = end != k->text && *end == 0 && isfinite(k->value);
    k->label = sg_known_label(e, s->label);
    return SEDGE_OK;
}

void sedge_data_windows(sedge_data_opts *opts, const sedge_model *model, const char *path, const sedge_task_opts *task)
{
    sg_mem mem = {.fn = NULL};
    sg_card card = {.arena = {.mem = &mem}};
    if (sg_card_find(&card, model, path, task->card, task->card_text, task->folder, NULL) == SEDGE_OK) {
        const char *name;
        json_t *input;
        json_object_foreach(json_object_get(card.root, "inputs"), name, input)
        {
            const json_t *series = sg_get(input, "series");
            if (series) {
                opts->window = (size_t)sg_int(series, "window");
                opts->hop = (size_t)sg_int(series, "hop");
            }
        }
    }
    sg_card_free(&card);
}
