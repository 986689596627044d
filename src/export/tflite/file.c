/* The file: tables of the schema, buffers last, metadata and signatures as the source has them. */
#include <stdio.h>
#include <string.h>

#include "export/tflite/write.h"

static const struct {
    uint8_t code, options, v_real, v_int8;
} ops[SG_TW_COUNT] = {
#define WOP(id, code, options, v_real, v_int8) {code, options, v_real, v_int8},
#include "export/tflite/ops.def"
#undef WOP
};

/* A field of the schema: its value, or with size 0 and for lists its slot. */
static sg_fbw_field field(sg_tf_field f, int64_t v)
{
    return (sg_fbw_field){.number = sg_tf_fields[f].number, .size = sg_tf_fields[f].size, .i = v};
}

static sg_fbw_field list(sg_tf_field f)
{
    return (sg_fbw_field){.number = sg_tf_fields[f].number};
}

/* ---- operator codes: one for each operator and version that is there ---- */

typedef struct code {
    sg_tw_code op;
    int version;
} code;

typedef struct file {
    sg_tw *w;
    sg_fbw *out;
    code *code;
    size_t n_code;
    const sg_tw_tensor **buffer; /* buffer i + 1 holds the data of this constant */
    size_t n_buffer;
} file;

static int64_t code_number(file *f, const sg_tw_node *n)
{
    int version = n->version ? ops[n->op].v_int8 : ops[n->op].v_real;
    size_t i = 0;
    while (i < f->n_code && (f->code[i].op != n->op || f->code[i].version != version))
        i++;
    if (i == f->n_code)
        f->code[f->n_code++] = (code){n->op, version};
    return (int64_t)i;
}

static void codes(file *f, size_t from)
{
    size_t slot = sg_fbw_offsets(f->out, from, f->n_code);
    for (size_t i = 0; i < f->n_code; i++) {
        int64_t c = ops[f->code[i].op].code;
        sg_fbw_field t[] = {field(SG_TF_CODE_DEPRECATED, c < 127 ? c : 127), field(SG_TF_CODE_VERSION, f->code[i].version),
                            field(SG_TF_CODE_BUILTIN, c)};
        sg_fbw_table(f->out, slot + 4 * i, t, 3);
    }
}

/* ---- subgraphs ---- */

static void tensor(file *f, size_t from, const sg_tw_tensor *t)
{
    sg_fbw_field v[8], q[3];
    int n = 0;
    int64_t shape[SG_RANK_MAX], open[SG_RANK_MAX];
    bool known = true;
    for (int i = 0; i < t->rank; i++) {
        open[i] = sg_dim_is_expr(t->dim[i]) ? -1 : t->dim[i];
        shape[i] = open[i] < 0 ? 1 : open[i];
        known = known && open[i] >= 0;
    }
    if (t->data)
        f->buffer[f->n_buffer++] = t;
    v[n++] = list(SG_TF_TENSOR_SHAPE);
    v[n++] = field(SG_TF_TENSOR_TYPE, t->dtype == SG_NONE ? SG_TF_RESOURCE : sg_tw_type_number(t->dtype));
    v[n++] = field(SG_TF_TENSOR_BUFFER, t->data ? (int64_t)f->n_buffer : 0);
    v[n++] = list(SG_TF_TENSOR_NAME);
    if (t->kept)
        v[n++] = field(SG_TF_TENSOR_VARIABLE, 1);
    int quant = t->q.n ? n : -1, sign = known ? -1 : n + (t->q.n > 0);
    if (t->q.n)
        v[n++] = list(SG_TF_TENSOR_QUANT);
    if (!known)
        v[n++] = list(SG_TF_TENSOR_SIGNATURE);
    sg_fbw_table(f->out, from, v, n);
    sg_fbw_numbers(f->out, v[0].slot, shape, (size_t)t->rank, 4);
    sg_fbw_str(f->out, v[3].slot, t->name);
    if (sign >= 0)
        sg_fbw_numbers(f->out, v[sign].slot, open, (size_t)t->rank, 4);
    if (quant < 0)
        return;
    q[0] = list(SG_TF_QUANT_SCALE);
    q[1] = list(SG_TF_QUANT_ZERO);
    q[2] = field(SG_TF_QUANT_AXIS, t->q.axis);
    sg_fbw_table(f->out, v[quant].slot, q, 3);
    int64_t *bits = sg_arena_array(f->w->arena, (size_t)t->q.n, sizeof *bits);
    for (int64_t i = 0; bits && i < t->q.n; i++)
        bits[i] = sg_load_i64(SG_I32, t->q.scale, (size_t)i);
    if (!bits) {
        f->out->lost = true;
        return;
    }
    sg_fbw_numbers(f->out, q[0].slot, bits, (size_t)t->q.n, 4);
    sg_fbw_numbers(f->out, q[1].slot, t->q.zero, (size_t)t->q.n, 8);
}

static void options(file *f, size_t from, const sg_tw_node *n)
{
    sg_fbw_field v[12];
    for (int i = 0; i < n->n_attr; i++) {
        const sg_tw_attr *a = &n->attr[i];
        float real = (float)a->real;
        v[i] = a->list || a->text ? list(a->f) : field(a->f, real != 0 ? sg_load_i64(SG_I32, &real, 0) : a->i);
    }
    sg_fbw_table(f->out, from, v, n->n_attr);
    for (int i = 0; i < n->n_attr; i++) {
        if (n->attr[i].list)
            sg_fbw_numbers(f->out, v[i].slot, n->attr[i].list, (size_t)n->attr[i].n, sg_tf_fields[n->attr[i].f].size);
        else if (n->attr[i].text)
            sg_fbw_str(f->out, v[i].slot, n->attr[i].text);
    }
}

static void numbers32(file *f, size_t from, const int32_t *v, size_t n)
{
    int64_t *wide = sg_arena_array(f->w->arena, n + 1, sizeof *wide);
    for (size_t i = 0; wide && i < n; i++)
        wide[i] = v[i];
    if (wide)
        sg_fbw_numbers(f->out, from, wide, n, 4);
    else
        f->out->lost = true;
}

static void node(file *f, size_t from, const sg_tw_node *n)
{
    sg_fbw_field v[] = {field(SG_TF_OPERATOR_CODE, code_number(f, n)), list(SG_TF_OPERATOR_INPUTS), list(SG_TF_OPERATOR_OUTPUTS),
                        field(SG_TF_OPERATOR_OPTIONS_TYPE, ops[n->op].options), list(SG_TF_OPERATOR_OPTIONS)};
    sg_fbw_table(f->out, from, v, ops[n->op].options ? 5 : 3);
    numbers32(f, v[1].slot, n->in, (size_t)n->n_in);
    numbers32(f, v[2].slot, n->out, (size_t)n->n_out);
    if (ops[n->op].options)
        options(f, v[4].slot, n);
}

static void subgraph(file *f, size_t from, const sg_tw_sub *s)
{
    sg_fbw_field v[] = {list(SG_TF_SUBGRAPH_TENSORS), list(SG_TF_SUBGRAPH_INPUTS), list(SG_TF_SUBGRAPH_OUTPUTS),
                        list(SG_TF_SUBGRAPH_OPERATORS), list(SG_TF_SUBGRAPH_NAME)};
    sg_fbw_table(f->out, from, v, 5);
    size_t slot = sg_fbw_offsets(f->out, v[0].slot, s->n_tensor);
    for (size_t i = 0; i < s->n_tensor; i++)
        tensor(f, slot + 4 * i, &s->tensor[i]);
    numbers32(f, v[1].slot, s->in, s->n_in);
    numbers32(f, v[2].slot, s->out, s->n_out);
    slot = sg_fbw_offsets(f->out, v[3].slot, s->n_node);
    for (size_t i = 0; i < s->n_node; i++)
        node(f, slot + 4 * i, &s->node[i]);
    sg_fbw_str(f->out, v[4].slot, s->name);
}

/* ---- signatures ---- */

/* The tensor among `list` of a name, -1: none. */
static int64_t named(const sg_tw_sub *s, const int32_t *ids, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s->tensor[ids[i]].name, name) == 0)
            return ids[i];
    return -1;
}

static void map(file *f, size_t from, const sg_import_meta *m, const char *key, size_t n_key, bool in)
{
    const sg_tw_sub *s = f->w->sub[0];
    sg_fbw_field v[] = {list(SG_TF_MAP_NAME),
                        field(SG_TF_MAP_TENSOR, in ? named(s, s->in, s->n_in, m->value) : named(s, s->out, s->n_out, m->value))};
    (void)key;
    sg_fbw_table(f->out, from, v, 2);
    sg_fbw_str(f->out, v[0].slot, m->key + n_key);
}

/* Entries "signature.KEY.input.NAME" of the source's metadata, by key and side. */
static size_t entries(file *f, const char *prefix, bool in, const sg_import_meta **out)
{
    const sg_import_info *info = f->w->opts->info;
    const sg_tw_sub *s = f->w->sub[0];
    size_t n = 0;
    for (int i = 0; info && i < info->n_meta; i++) {
        const sg_import_meta *m = &info->meta[i];
        if (strncmp(m->key, prefix, strlen(prefix)) != 0 ||
            (in ? named(s, s->in, s->n_in, m->value) : named(s, s->out, s->n_out, m->value)) < 0)
            continue;
        out[n++] = m;
    }
    return n;
}

static void signature(file *f, size_t from, const char *key, const sg_import_meta **found)
{
    sg_fbw_field v[] = {list(SG_TF_SIGNATURE_INPUTS), list(SG_TF_SIGNATURE_OUTPUTS), list(SG_TF_SIGNATURE_KEY)};
    char prefix[2][160];
    sg_fbw_table(f->out, from, v, 3);
    for (int side = 0; side < 2; side++) {
        snprintf(prefix[side], sizeof prefix[side], "signature.%.100s.%s.", key, side ? "output" : "input");
        size_t n = entries(f, prefix[side], !side, found), slot = sg_fbw_offsets(f->out, v[side].slot, n);
        for (size_t i = 0; i < n; i++)
            map(f, slot + 4 * i, found[i], key, strlen(prefix[side]), !side);
    }
    sg_fbw_str(f->out, v[2].slot, key);
}

/* The keys of all signatures of the source, each once. */
static size_t signature_keys(file *f, const char **out)
{
    const sg_import_info *info = f->w->opts->info;
    size_t n = 0;
    for (int i = 0; info && i < info->n_meta; i++) {
        const char *from = info->meta[i].key, *dot;
        if (strncmp(from, "signature.", 10) != 0 || !(dot = strchr(from + 10, '.')))
            continue;
        const char *key = sg_arena_str(f->w->arena, from + 10, (size_t)(dot - from - 10));
        bool seen = !key;
        for (size_t k = 0; k < n && !seen; k++)
            seen = strcmp(out[k], key) == 0;
        if (!seen)
            out[n++] = key;
    }
    return n;
}

static void signatures(file *f, size_t from, const char **key, size_t n, const sg_import_meta **found)
{
    size_t slot = sg_fbw_offsets(f->out, from, n);
    for (size_t i = 0; i < n; i++)
        signature(f, slot + 4 * i, key[i], found);
}

/* ---- metadata: the block, and texts that are Sedge's own ---- */

#define OWN_MAX 16

/* Entries of Metadata: a name, and bytes that become a buffer. */
typedef struct entries_of {
    const char *name[OWN_MAX + 1];
    sg_file_part data[OWN_MAX + 1];
    size_t n;
} entries_of;

static void own_texts(const sg_tw *w, entries_of *e, const sg_import_meta *m, int n)
{
    for (int i = 0; i < n && e->n < OWN_MAX; i++) {
        bool own = strncmp(m[i].key, "sedge.", 6) == 0 && sg_tw_note(w, m[i].key) == m[i].value;
        if (!own)
            continue;
        e->data[e->n] = (sg_file_part){m[i].value, strlen(m[i].value)};
        e->name[e->n++] = m[i].key;
    }
}

static sedge_status metadata_read(file *f, sg_fbw *block, entries_of *e)
{
    const sg_export_opts *o = f->w->opts;
    sg_file_part part[1];
    SG_TRY(sg_tw_metadata(f->w, block));
    if (block->n) {
        sg_fbw_parts(block, part);
        e->data[e->n] = part[0];
        e->name[e->n++] = "TFLITE_METADATA";
    }
    own_texts(f->w, e, o->meta, o->n_meta);
    if (o->info)
        own_texts(f->w, e, o->info->meta, o->info->n_meta);
    return SEDGE_OK;
}

static void metadata(file *f, size_t from, const entries_of *e)
{
    size_t slot = sg_fbw_offsets(f->out, from, e->n);
    for (size_t i = 0; i < e->n; i++) {
        sg_tw_tensor *t = sg_arena_alloc(f->w->arena, sizeof *t);
        if (!t) {
            f->out->lost = true;
            return;
        }
        *t = (sg_tw_tensor){.name = "", .dtype = SG_U8, .rank = 1, .dim = {(int64_t)e->data[i].bytes}, .data = e->data[i].data};
        f->buffer[f->n_buffer++] = t;
        sg_fbw_field v[] = {list(SG_TF_METADATA_NAME), field(SG_TF_METADATA_BUFFER, (int64_t)f->n_buffer)};
        sg_fbw_table(f->out, slot + 4 * i, v, 2);
        sg_fbw_str(f->out, v[0].slot, e->name[i]);
    }
}

/* ---- buffers ---- */

static void buffers(file *f, size_t from)
{
    size_t slot = sg_fbw_offsets(f->out, from, f->n_buffer + 1),
           *data = sg_arena_array(f->w->arena, f->n_buffer + 1, sizeof *data);
    if (!data) {
        f->out->lost = true;
        return;
    }
    for (size_t i = 0; i <= f->n_buffer; i++) {
        sg_fbw_field v = list(SG_TF_BUFFER_DATA);
        sg_fbw_table(f->out, slot + 4 * i, &v, i ? 1 : 0);
        data[i] = v.slot;
    }
    for (size_t i = 1; i <= f->n_buffer; i++) {
        const sg_tw_tensor *t = f->buffer[i - 1];
        int64_t n = 1;
        for (int k = 0; k < t->rank; k++)
            n *= t->dim[k];
        sg_fbw_borrow(f->out, data[i], t->data, t->dtype == SG_STR ? t->bytes : sg_dtype_bytes(t->dtype, (size_t)n));
    }
}

static sedge_status file_write(file *f, const entries_of *e)
{
    sg_tw *w = f->w;
    sg_fbw *out = f->out;
    const sg_import_info *info = w->opts->info;
    size_t n_meta = info ? (size_t)info->n_meta + 1 : 1;
    const char **key = sg_arena_array(w->arena, n_meta, sizeof *key);
    const sg_import_meta **found = sg_arena_array(w->arena, n_meta, sizeof *found);
    if (!key || !found)
        return sg_tw_nomem(w);
    size_t n_key = signature_keys(f, key);
    sg_fbw_field v[7] = {field(SG_TF_MODEL_VERSION, 3), list(SG_TF_MODEL_CODES), list(SG_TF_MODEL_SUBGRAPHS),
                         list(SG_TF_MODEL_DESCRIPTION), list(SG_TF_MODEL_BUFFERS)};
    int n = 5, meta_at = -1;
    if (n_key)
        v[n++] = list(SG_TF_MODEL_SIGNATURES);
    if (e->n)
        v[meta_at = n++] = list(SG_TF_MODEL_METADATA);
    sg_fbw_table(out, sg_fbw_open(out, "TFL3"), v, n);
    sg_fbw_str(out, v[3].slot, info && info->producer && *info->producer ? info->producer : "Sedge");
    size_t slot = sg_fbw_offsets(out, v[2].slot, w->n_sub);
    for (size_t i = 0; i < w->n_sub; i++)
        subgraph(f, slot + 4 * i, w->sub[i]);
    codes(f, v[1].slot);
    if (n_key)
        signatures(f, v[5].slot, key, n_key, found);
    if (e->n)
        metadata(f, v[meta_at].slot, e);
    buffers(f, v[4].slot);
    return out->lost ? sg_fail(w->err, SEDGE_E_LIMIT, "memory ended, or the file would be larger than 2 GB") : SEDGE_OK;
}

sedge_status sg_tw_file(sg_tw *w, sg_fbw *out, sg_fbw *block)
{
    size_t n_node = 1, n_tensor = 1;
    entries_of e = {.n = 0};
    for (size_t i = 0; i < w->n_sub; i++) {
        n_node += w->sub[i]->n_node;
        n_tensor += w->sub[i]->n_tensor;
    }
    file f = {.w = w,
              .out = out,
              .code = sg_arena_array(w->arena, n_node, sizeof *f.code),
              .buffer = sg_arena_array(w->arena, n_tensor + OWN_MAX + 1, sizeof *f.buffer)};
    if (!f.code || !f.buffer)
        return sg_tw_nomem(w);
    SG_TRY(metadata_read(&f, block, &e));
    return file_write(&f, &e);
}
