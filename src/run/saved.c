/* Saved plans behind the public handles. */
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "run/api.h"

/* ---- reading ---- */

static sedge_status take_info(sedge_model *m)
{
    const sg_saved_info *i = &m->saved->info;
    sg_import_opset *opset = sg_arena_array(&m->arena, i->n_opset + 1, sizeof *opset);
    sg_import_meta *meta = sg_arena_array(&m->arena, i->n_meta + 1, sizeof *meta);
    if (!opset || !meta)
        return SEDGE_E_NOMEM;
    for (size_t k = 0; k < i->n_opset; k++)
        opset[k] = (sg_import_opset){i->opset[k].a, i->opset[k].n};
    for (size_t k = 0; k < i->n_meta; k++)
        meta[k] = (sg_import_meta){i->meta[k].a, i->meta[k].b};
    m->info.format = "sedge";
    m->info.producer = i->producer;
    m->info.producer_version = m->info.domain = "";
    m->info.n_state = (int)i->n_state;
    m->info.state = i->state;
    m->info.ir_version = i->ir_version;
    m->info.opset = opset;
    m->info.n_opset = (int)i->n_opset;
    m->info.meta = meta;
    m->info.n_meta = (int)i->n_meta;
    return SEDGE_OK;
}

sedge_status sg_saved_model(sedge_model *m, sg_err *err)
{
    if ((uintptr_t)m->data % SG_ALIGN) { /* given in memory: packed weights want their alignment */
        m->copy = sg_alloc_aligned(&m->mem, m->size);
        if (!m->copy)
            return sg_fail(err, SEDGE_E_NOMEM, "no memory for %zu bytes", m->size);
        memcpy(m->copy, m->data, m->size);
        m->data = m->copy;
    }
    m->saved = sg_arena_alloc(&m->arena, sizeof *m->saved);
    if (!m->saved)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (m->lib.data)
        return sg_fail(err, SEDGE_E_ARG, "a saved plan takes no functions: they went into it when it was compiled");
    sedge_status st = sg_saved_open(m->saved, m->data, m->size, m->custom, m->n_custom, &m->arena, err);
    m->graph = m->saved->graph;
    if (st == SEDGE_OK && take_info(m) != SEDGE_OK)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    return st;
}

sedge_status sg_saved_opts(sedge_plan *p, sedge_plan_opts *o, sg_err *err)
{
    const sg_saved *s = p->model->saved;
    if (o->n_bound || !o->optimize)
        return sg_fail(err, SEDGE_E_ARG,
                       "a saved plan keeps the dimensions and passes that it was compiled with: compile it again "
                       "from the model");
    if (o->target && strcmp(o->target, s->target) != 0)
        return sg_fail(err, SEDGE_E_ARG, "compiled for target %s: compile it again from the model for %s", s->target, o->target);
    o->target = s->target;
    if (!o->n_link && s->info.n_link) {
        sedge_link *link = sg_arena_array(&p->arena, s->info.n_link, sizeof *link);
        if (!link)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        for (size_t i = 0; i < s->info.n_link; i++)
            link[i] = (sedge_link){s->info.link[i].a, s->info.link[i].b};
        o->link = link;
        o->n_link = (int)s->info.n_link;
    }
    p->rooms.saved = s->room;
    p->rooms.n_saved = s->n_room;
    return SEDGE_OK;
}

/* ---- writing ---- */

static sedge_status info_of(const sedge_plan *p, sg_saved_info *out, sg_arena *a)
{
    const sedge_model *m = p->model;
    const sg_graph *g = p->graph;
    size_t no = (size_t)m->info.n_opset, nm = (size_t)m->info.n_meta;
    sg_saved_pair *opset = sg_arena_array(a, no + 1, sizeof *opset), *meta = sg_arena_array(a, nm + 1, sizeof *meta);
    sg_saved_pair *link = sg_arena_array(a, (size_t)p->plan->n_input + 1, sizeof *link);
    if (!opset || !meta || !link)
        return SEDGE_E_NOMEM;
    for (size_t i = 0; i < no; i++)
        opset[i] = (sg_saved_pair){m->info.opset[i].domain, "", m->info.opset[i].version};
    for (size_t i = 0; i < nm; i++)
        meta[i] = (sg_saved_pair){m->info.meta[i].key, m->info.meta[i].value, 0};
    *out = (sg_saved_info){m->info.producer, m->info.ir_version,      opset,        meta, link, no, nm, 0,
                           m->output_name,   (size_t)m->info.n_state, m->info.state};
    for (size_t k = 0; k < g->n_input - (size_t)m->info.n_state; k++)
        if (p->plan->link[k] >= 0)
            link[out->n_link++] = (sg_saved_pair){m->output_name[p->plan->link[k]], g->value[g->input[k]].name, 0};
    return SEDGE_OK;
}

/* What was written is read and planned before it takes the place of the file: it gives the plan that was saved. */
static sedge_status look_back(const sedge_plan *p, const char *path, sg_err *err)
{
    sedge_model_opts mo;
    sedge_plan_opts po;
    sedge_model *m = NULL;
    sedge_plan *q = NULL;
    uint8_t want[SG_SHA256_BYTES], got[SG_SHA256_BYTES] = {0};
    sedge_model_opts_init(&mo);
    sedge_plan_opts_init(&po);
    mo.alloc = p->mem.fn;
    mo.alloc_ctx = p->mem.ctx;
    mo.op = p->model->op;
    mo.n_op = p->model->n_custom;
    po.allow_fallback = 1;
    sedge_status st = sedge_model_open(&m, path, &mo, err);
    if (st == SEDGE_OK && (st = sedge_plan_make(&q, m, &po, err)) == SEDGE_OK) {
        sg_plan_digest(p->plan, want);
        sg_plan_digest(q->plan, got);
        if (memcmp(want, got, sizeof want) != 0)
            st = sg_fail(err, SEDGE_E_BUG, "%s: what is read back is another plan", path);
    }
    sedge_plan_close(&q);
    sedge_model_close(&m);
    return st;
}

sedge_status sedge_plan_save(const sedge_plan *p, const char *path, sedge_error *err)
{
    sg_mem mem = {.fn = p->mem.fn, .ctx = p->mem.ctx};
    sg_arena arena = {.mem = &mem};
    sg_saving s = {0};
    sg_saved_info info;
    sg_file f;
    sedge_error own = {0};
    err = err ? err : &own;
    sedge_status st = info_of(p, &info, &arena);
    if (st != SEDGE_OK)
        sg_fail(err, st, "out of memory");
    else if ((st = sg_saving_make(&s, p->plan, &p->rooms, &info, &mem, err)) == SEDGE_OK)
        st = sg_file_begin(&f, path, (const sg_file_part *)(const void *)s.parts.p, s.parts.n / sizeof(sg_file_part), err);
    if (st == SEDGE_OK) {
        sedge_status read = look_back(p, f.temp, err);
        st = sg_file_end(&f, read == SEDGE_OK, err);
        st = read != SEDGE_OK ? read : st;
    }
    sg_saving_free(&s);
    sg_arena_free(&arena);
    return st;
}

void sedge_plan_digest(const sedge_plan *p, char text[SEDGE_DIGEST_MAX])
{
    uint8_t digest[SG_SHA256_BYTES];
    sg_plan_digest(p->plan, digest);
    sg_sha256_text(digest, text);
}

/* ---- the cache ---- */

/* Large files are digested in pieces, on all processors: the digest is that of the pieces' digests. */
enum { PIECE = 1 << 20, PIECES = 64 };

typedef struct pieces {
    const uint8_t *p;
    size_t n;
    uint8_t digest[PIECES][SG_SHA256_BYTES];
} pieces;

static void digest_piece(void *ctx, int64_t i)
{
    pieces *j = ctx;
    sg_sha256 sha;
    size_t at = (size_t)i * PIECE;
    sg_sha256_init(&sha);
    sg_sha256_add(&sha, j->p + at, j->n - at < PIECE ? j->n - at : PIECE);
    sg_sha256_end(&sha, j->digest[i]);
}

static void add_file(sg_sha256 *sha, const void *data, size_t size)
{
    uint64_t n = size;
    pieces j = {.p = data};
    sg_sha256_add(sha, &n, sizeof n);
    for (; size; size -= j.n, j.p += j.n) {
        j.n = size < (size_t)PIECE * PIECES ? size : (size_t)PIECE * PIECES;
        int64_t count = (int64_t)((j.n + PIECE - 1) / PIECE);
        sg_parallel(sg_cpu_count(), count, digest_piece, &j);
        sg_sha256_add(sha, j.digest, (size_t)count * sizeof j.digest[0]);
    }
}

static void add_text(sg_sha256 *sha, const char *s)
{
    sg_sha256_add(sha, s ? s : "", s ? strlen(s) + 1 : 1);
}

static void add_int(sg_sha256 *sha, int64_t v)
{
    sg_sha256_add(sha, &v, sizeof v);
}

static void add_opts(sg_sha256 *sha, const sedge_model *m, const sedge_plan_opts *o)
{
    const int64_t n[] = {sg_cpu(), m->n_custom, o->n_bound, o->n_link, o->optimize, o->allow_fallback, o->tune};
    sg_sha256_add(sha, sg_build_id, sizeof sg_build_id);
    sg_sha256_add(sha, n, sizeof n);
    add_text(sha, o->target ? o->target : "cpu");
    for (int i = 0; i < m->n_custom; i++) {
        add_text(sha, m->custom[i].op.domain);
        add_text(sha, m->custom[i].op.name);
    }
    for (int i = 0; i < o->n_bound; i++) {
        add_text(sha, o->bound[i].name);
        add_int(sha, o->bound[i].value);
        add_int(sha, o->bound[i].fixed);
    }
    for (int i = 0; i < o->n_link; i++) {
        add_text(sha, o->link[i].out);
        add_text(sha, o->link[i].in);
    }
}

sedge_status sg_cache_path(const sedge_model *m, const sedge_plan_opts *o, char *path, size_t size, sg_err *err)
{
    sg_sha256 sha;
    uint8_t digest[SG_SHA256_BYTES];
    char text[2 * SG_SHA256_BYTES + 1];
    sg_sha256_init(&sha);
    add_opts(&sha, m, o);
    add_file(&sha, m->data, m->size);
    add_file(&sha, m->lib.data, m->lib.size);
    for (const sg_import_file *f = m->info.file; f; f = f->next)
        add_file(&sha, f->map.data, f->map.size);
    sg_sha256_end(&sha, digest);
    sg_sha256_text(digest, text);
    int n = snprintf(path, size, "%s/%s.sedge", o->cache, text);
    return n > 0 && (size_t)n < size ? SEDGE_OK
                                     : sg_fail(err, SEDGE_E_ARG, "%.60s...: the path of the cache is too long", o->cache);
}
