/* What a model says of itself: signatures, and the metadata block with the files appended to the model (TensorFlow Lite's metadata
 * schema). All becomes text by key: input.0.mean, output.0.labels, signature.serving_default.input.x and their like. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "import/data/zip.h"
#include "import/tflite/tflite.h"

#define KEYS_MAX 256
#define TEXT_MAX ((size_t)1 << 20)

typedef struct notes {
    sg_tf *s;
    sg_import_meta *meta;
    int n;
} notes;

static const char *kept(sg_tf *s, const char *p, size_t n)
{
    const char *text = sg_arena_str(s->arena, p, n);
    if (!text)
        sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    return text;
}

/* Notes a text under a key; empty ones and those past the limit are not worth a failure. */
static sedge_status note(notes *o, sg_bytes value, const char *fmt, ...)
{
    char key[160];
    va_list args;
    if (!value.n || value.n > TEXT_MAX || memchr(value.p, 0, value.n) || o->n == KEYS_MAX)
        return SEDGE_OK;
    va_start(args, fmt);
    vsnprintf(key, sizeof key, fmt, args);
    va_end(args);
    sg_import_meta *m = &o->meta[o->n];
    m->key = kept(o->s, key, strlen(key));
    m->value = kept(o->s, (const char *)value.p, value.n);
    o->n += m->key && m->value;
    return m->key && m->value ? SEDGE_OK : o->s->err->status;
}

static sg_bytes text_of(const char *s)
{
    return (sg_bytes){(const uint8_t *)s, strlen(s)};
}

/* ---- signatures ---- */

static sedge_status signature_side(notes *o, const sg_fb_table *sig, sg_tf_field f, const char *key, const char *side)
{
    sg_tf *s = o->s;
    sg_fb_vec maps = sg_tf_vec(sig, f), tensors;
    int64_t sub = sg_tf_get(sig, SG_TF_SIGNATURE_SUBGRAPH);
    if (sub != 0) /* the graph is that of subgraph 0 */
        return SEDGE_OK;
    sg_fb_table g = sg_fb_table_at(&s->subgraph, 0);
    tensors = sg_tf_vec(&g, SG_TF_SUBGRAPH_TENSORS);
    for (uint32_t i = 0; i < maps.n; i++) {
        sg_fb_table map = sg_fb_table_at(&maps, i);
        int64_t id = sg_tf_get(&map, SG_TF_MAP_TENSOR);
        if (id < 0 || id >= tensors.n)
            return sg_tf_bad(s, "signature");
        sg_fb_table t = sg_fb_table_at(&tensors, (uint32_t)id);
        const char *name = sg_tf_text(s, &map, SG_TF_MAP_NAME), *tensor = sg_tf_text(s, &t, SG_TF_TENSOR_NAME);
        if (!name || !tensor)
            return s->err->status;
        SG_TRY(note(o, text_of(tensor), "signature.%.40s.%s.%.60s", key, side, name));
    }
    return SEDGE_OK;
}

static sedge_status signatures(notes *o)
{
    sg_fb_vec v = sg_tf_vec(&o->s->model, SG_TF_MODEL_SIGNATURES);
    for (uint32_t i = 0; i < v.n; i++) {
        sg_fb_table sig = sg_fb_table_at(&v, i);
        const char *key = sg_tf_text(o->s, &sig, SG_TF_SIGNATURE_KEY);
        if (!key)
            return o->s->err->status;
        SG_TRY(signature_side(o, &sig, SG_TF_SIGNATURE_INPUTS, key, "input"));
        SG_TRY(signature_side(o, &sig, SG_TF_SIGNATURE_OUTPUTS, key, "output"));
    }
    return SEDGE_OK;
}

/* ---- the metadata block: fields by their number in its own schema ---- */

enum { MODEL_NAME, MODEL_DESCRIPTION, MODEL_VERSION, MODEL_SUBGRAPHS, MODEL_AUTHOR, MODEL_LICENSE };
enum { GRAPH_INPUTS = 2, GRAPH_OUTPUTS = 3 };
enum { TENSOR_NAME, TENSOR_DESCRIPTION, TENSOR_CONTENT = 3, TENSOR_UNITS = 4, TENSOR_FILES = 6 };
enum { CONTENT_FEATURE = 1, CONTENT_IMAGE, CONTENT_BOXES, CONTENT_AUDIO };
enum { UNIT_NORMALIZE = 1, UNIT_THRESHOLD = 3 };
enum { FILE_AXIS_LABELS = 2, FILE_VALUE_LABELS = 3, FILE_VOCABULARY = 5 };

/* A list of floats as text. */
static sedge_status floats(notes *o, const sg_fb_table *t, int field, const char *side, uint32_t k, const char *what)
{
    char text[256];
    size_t at = 0;
    sg_fb_vec v = sg_fb_vector(t, field, 4);
    for (uint32_t i = 0; i < v.n && i < 8; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.9g", i ? " " : "", sg_load_f64(SG_F32, sg_fb_data(&v), i));
    return note(o, (sg_bytes){(const uint8_t *)text, at}, "%s.%u.%s", side, k, what);
}

static sedge_status content(notes *o, const sg_fb_table *tensor, const char *side, uint32_t k)
{
    char text[96] = "";
    sg_fb_table c = sg_fb_sub(tensor, TENSOR_CONTENT), p = sg_fb_sub(&c, 1);
    switch (sg_fb_int(&c, 0, 1, 0)) {
    case CONTENT_FEATURE: snprintf(text, sizeof text, "feature"); break;
    case CONTENT_IMAGE: snprintf(text, sizeof text, "image %s", sg_fb_int(&p, 0, 1, 0) == 2 ? "gray" : "rgb"); break;
    case CONTENT_BOXES:
        snprintf(text, sizeof text, "boxes %lld %lld", (long long)sg_fb_int(&p, 1, 1, 0), (long long)sg_fb_int(&p, 2, 1, 0));
        break;
    case CONTENT_AUDIO:
        snprintf(text, sizeof text, "audio %lld %lld", (long long)sg_fb_int(&p, 0, 4, 0), (long long)sg_fb_int(&p, 1, 4, 0));
        break;
    default: break;
    }
    return note(o, text_of(text), "%s.%u.content", side, k);
}

/* The file of a name in the archive behind the model. */
static sedge_status appended(notes *o, sg_bytes name, sg_bytes *out)
{
    sg_tf *s = o->s;
    sg_zip z;
    sg_zip_entry e;
    *out = (sg_bytes){NULL, 0};
    if (!sg_zip_open(&z, s->fb.p, s->fb.n))
        return SEDGE_OK;
    while (z.left) {
        SG_TRY(sg_zip_next(&z, &e, s->err));
        if (e.n_name != name.n || memcmp(e.name, name.p, name.n) != 0 || e.size > TEXT_MAX)
            continue;
        out->n = e.size;
        return sg_zip_unpack(&s->tmp, &e, &out->p, s->err);
    }
    return SEDGE_OK;
}

static sedge_status files(notes *o, const sg_fb_table *tensor, const char *side, uint32_t k)
{
    static const char *const keys[] = {
        [FILE_AXIS_LABELS] = "labels", [FILE_VALUE_LABELS] = "value_labels", [FILE_VOCABULARY] = "vocabulary"};
    sg_fb_vec v = sg_fb_vector(tensor, TENSOR_FILES, 4);
    for (uint32_t i = 0; i < v.n; i++) {
        sg_fb_table f = sg_fb_table_at(&v, i);
        int64_t type = sg_fb_int(&f, 2, 1, 0);
        const char *key = type >= 0 && type < (int64_t)(sizeof keys / sizeof keys[0]) ? keys[type] : NULL;
        sg_bytes text;
        if (!key)
            continue;
        SG_TRY(appended(o, sg_fb_str(&f, 0), &text));
        SG_TRY(note(o, text, "%s.%u.%s", side, k, key));
    }
    return SEDGE_OK;
}

static sedge_status units(notes *o, const sg_fb_table *tensor, const char *side, uint32_t k)
{
    sg_fb_vec v = sg_fb_vector(tensor, TENSOR_UNITS, 4);
    for (uint32_t i = 0; i < v.n; i++) {
        sg_fb_table unit = sg_fb_table_at(&v, i), p = sg_fb_sub(&unit, 1);
        int64_t type = sg_fb_int(&unit, 0, 1, 0);
        char text[32];
        if (type == UNIT_NORMALIZE) {
            SG_TRY(floats(o, &p, 0, side, k, "mean"));
            SG_TRY(floats(o, &p, 1, side, k, "std"));
        } else if (type == UNIT_THRESHOLD) {
            snprintf(text, sizeof text, "%.9g", sg_fb_f32(&p, 0, 0));
            SG_TRY(note(o, text_of(text), "%s.%u.threshold", side, k));
        }
    }
    return SEDGE_OK;
}

static sedge_status tensors(notes *o, const sg_fb_table *graph, int field, const char *side)
{
    sg_fb_vec v = sg_fb_vector(graph, field, 4);
    for (uint32_t k = 0; k < v.n; k++) {
        sg_fb_table t = sg_fb_table_at(&v, k);
        SG_TRY(note(o, sg_fb_str(&t, TENSOR_NAME), "%s.%u.name", side, k));
        SG_TRY(content(o, &t, side, k));
        SG_TRY(units(o, &t, side, k));
        SG_TRY(files(o, &t, side, k));
    }
    return SEDGE_OK;
}

static sedge_status block(notes *o, sg_bytes b)
{
    sg_fb fb = {b.p, b.n, false};
    sg_fb_table m = sg_fb_root(&fb);
    sg_fb_vec graphs = sg_fb_vector(&m, MODEL_SUBGRAPHS, 4);
    SG_TRY(note(o, sg_fb_str(&m, MODEL_NAME), "name"));
    SG_TRY(note(o, sg_fb_str(&m, MODEL_DESCRIPTION), "description"));
    SG_TRY(note(o, sg_fb_str(&m, MODEL_VERSION), "version"));
    SG_TRY(note(o, sg_fb_str(&m, MODEL_AUTHOR), "author"));
    SG_TRY(note(o, sg_fb_str(&m, MODEL_LICENSE), "license"));
    if (graphs.n) {
        sg_fb_table g = sg_fb_table_at(&graphs, 0);
        SG_TRY(tensors(o, &g, GRAPH_INPUTS, "input"));
        SG_TRY(tensors(o, &g, GRAPH_OUTPUTS, "output"));
    }
    return fb.bad ? sg_tf_bad(o->s, "metadata") : SEDGE_OK;
}

sedge_status sg_tf_metadata(sg_tf *s)
{
    sg_fb_vec v = sg_tf_vec(&s->model, SG_TF_MODEL_METADATA);
    notes o = {s, sg_arena_array(s->arena, KEYS_MAX, sizeof *o.meta), 0};
    if (!o.meta)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(signatures(&o));
    for (uint32_t i = 0; i < v.n; i++) {
        sg_fb_table t = sg_fb_table_at(&v, i);
        const char *name = sg_tf_text(s, &t, SG_TF_METADATA_NAME);
        sg_bytes b;
        if (!name)
            return s->err->status;
        bool own = strncmp(name, "sedge.", 6) == 0;
        if (!own && strcmp(name, "TFLITE_METADATA") != 0)
            continue;
        SG_TRY(sg_tf_buffer(s, sg_tf_get(&t, SG_TF_METADATA_BUFFER), &b));
        SG_TRY(own ? note(&o, b, "%.120s", name) : block(&o, b));
    }
    s->info->meta = o.meta;
    s->info->n_meta = o.n;
    return s->fb.bad ? sg_tf_bad(s, "metadata") : SEDGE_OK;
}
