/* sedge run MODEL --digests N: what integer arithmetic gave, to compare machines with each other. */
#include "digests.h"

#include <stdlib.h>

#include "fit/exact.h"

static sedge_status add(void *ctx, const char *name, const char *sha256)
{
    return json_object_set_new(ctx, name, json_string(sha256)) == 0 ? SEDGE_OK : SEDGE_E_NOMEM;
}

static sedge_status one(const args *a, const opened *o, uint64_t seed, json_t *list, sedge_error *err)
{
    values v;
    values_init(&v, seed);
    json_t *digests = json_object();
    bool *filled = calloc((size_t)sedge_model_inputs(o->model) + 1, sizeof *filled);
    sedge_status st = filled && digests ? values_bind(&v, o, a, filled, err) : sg_fail(err, SEDGE_E_NOMEM, "no memory");
    if (st == SEDGE_OK)
        st = sg_exact_digests(o->session, add, digests, NULL, err);
    free(filled);
    values_free(&v);
    if (json_array_append_new(list, digests) != 0 && st == SEDGE_OK)
        st = sg_fail(err, SEDGE_E_NOMEM, "no memory");
    return st;
}

json_t *digests_of(const args *a, const char *path, uint64_t n, sedge_error *err)
{
    opened o;
    json_t *list = json_array();
    sedge_status st = opened_open(&o, path, a, true, err);
    for (uint64_t k = 0; st == SEDGE_OK && k < n; k++)
        st = one(a, &o, a->seed + k, list, err);
    opened_close(&o);
    if (st == SEDGE_OK)
        return json_pack("{s:s, s:s, s:o}", "schema", "sedge.digests/1", "model", path, "samples", list);
    json_decref(list);
    return NULL;
}

int run_digests(const args *a)
{
    sedge_error err = {0};
    json_t *tree = digests_of(a, a->rest[0], a->digests, &err);
    if (!tree)
        return fail_error(a->rest[0], &err);
    json_dumpf(tree, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(tree);
    return EXIT_OK;
}
