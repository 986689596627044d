/* A model in another file format, with its card and where it comes from. */
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "export/export.h"
#include "fit/convert.h"
#include "run/api.h"
#include "sedge/fit.h"

void sedge_convert_opts_init(sedge_convert_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

/* A line of JSON; a name that would need escapes is left out. */
static const char *provenance(const sedge_model *m, const char *path, sg_arena *arena)
{
    uint8_t sum[SG_SHA256_BYTES];
    char digest[2 * SG_SHA256_BYTES + 1], text[512];
    sg_sha256 s;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (const char *c = name; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < 32)
            name = "";
    sg_sha256_init(&s);
    sg_sha256_add(&s, m->data, m->size);
    sg_sha256_end(&s, sum);
    sg_sha256_text(sum, digest);
    int n = snprintf(text, sizeof text, "{\"file\": \"%.200s\", \"format\": \"%s\", \"sha256\": \"%s\", \"by\": \"sedge %s\"}",
                     name, m->info.format, digest, sedge_version());
    return sg_arena_str(arena, text, (size_t)n);
}

static sedge_status convert(const sedge_model *m, const char *path, const char *out, const sedge_convert_opts *o, sg_mem *mem,
                            sg_arena *arena, sg_err *err)
{
    sg_import_meta meta[2];
    sg_export_opts opts = {.info = &m->info, .meta = meta};
    if (m->saved)
        return sg_fail(err, SEDGE_E_ARG, "a compiled plan cannot be converted: give the model that it was made of");
    meta[opts.n_meta++] = (sg_import_meta){"sedge.provenance", provenance(m, path, arena)};
    if (o->card) {
        meta[opts.n_meta].key = "sedge.card";
        SG_TRY(sg_convert_card(m, o->card, mem, arena, &meta[opts.n_meta++].value, err));
    }
    if (!meta[0].value)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    return sg_export(m->graph, &opts, out, err);
}

sedge_status sedge_convert(const char *path, const char *out, const sedge_convert_opts *opts, sedge_error *err)
{
    sg_mem mem = {0};
    sg_arena arena = {.mem = &mem};
    sedge_convert_opts none;
    sedge_model_opts mo;
    sedge_model *m = NULL;
    sedge_convert_opts_init(&none);
    opts = opts ? opts : &none;
    sedge_model_opts_init(&mo);
    mo.functions = opts->functions;
    mo.op = sedge_media_ops(&mo.n_op);
    sedge_status st = sedge_model_open(&m, path, &mo, err);
    if (st == SEDGE_OK)
        st = convert(m, path, out, opts, &mem, &arena, err);
    sg_arena_free(&arena);
    sedge_model_close(&m);
    return st;
}
