/* What labels of data stand for among those of a card. */
#include "fit/labels.h"

#include <ctype.h>
#include <stdlib.h>

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b) || ((a == '_' || a == ' ') && (b == '_' || b == ' '));
}

/* "tench" is "tench, Tinca tinca"; case and underscores do not count. */
static bool same_name(const char *label, const char *name)
{
    while (*name && same_letter(*label, *name))
        label++, name++;
    return *name == 0 && (*label == 0 || *label == ',');
}

bool sg_labels_whole(const char *s, int *v)
{
    char *end;
    long x = strtol(s, &end, 10);
    *v = (int)x;
    return *s >= '0' && *s <= '9' && *end == 0 && x < 1 << 24;
}

int sg_labels_class(const sedge_task *task, int label)
{
    const json_t *ids = sg_get(sg_get(task->card.root, "labels"), "ids");
    return ids && label < (int)json_array_size(ids) ? (int)sg_num_at(ids, (size_t)label) : label + task->first;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

sedge_status sg_labels_open(sg_labels *l, const sedge_task *task, sg_arena *arena, const char *const *label, size_t n,
                            sg_err *err)
{
    bool numbers = true;
    size_t m = 0;
    int v;
    *l = (sg_labels){.task = task};
    for (size_t i = 0; i < n; i++)
        numbers = numbers && (!label[i] || sg_labels_whole(label[i], &v));
    if (numbers || task->n_label)
        return SEDGE_OK;
    if (!(l->name = sg_arena_array(arena, n + 1, sizeof *l->name)))
        return sg_fail(err, SEDGE_E_NOMEM, "labels: out of memory");
    for (size_t i = 0; i < n; i++)
        if (label[i])
            l->name[m++] = label[i];
    qsort(l->name, m, sizeof *l->name, by_text);
    for (size_t i = 0; i < m; i++)
        if (i == 0 || strcmp(l->name[i], l->name[l->n_name - 1]) != 0)
            l->name[l->n_name++] = l->name[i];
    return SEDGE_OK;
}

int sg_labels_find(const sg_labels *l, const char *label)
{
    int v;
    for (int k = 0; k < l->task->n_label; k++)
        if (l->task->label[k] && same_name(l->task->label[k], label))
            return k;
    if (l->name) {
        const char **found = bsearch(&label, l->name, l->n_name, sizeof *l->name, by_text);
        return found ? (int)(found - l->name) : -1;
    }
    if (!sg_labels_whole(label, &v) || (l->task->n_label && v >= l->task->n_label && l->task->id_label))
        return -1;
    return v;
}
