/* Attributes of a node in hand: the sg_on_ accessors of lower.h. */
#include <string.h>

#include "import/onnx/state.h"
#include "import/onnx/tensor.h"

static const char *const type_names[SG_AT_COUNT + 1] = {
    "nothing", "a float", "an int", "a string",        "a tensor",       "a graph", "floats", "ints",
    "strings", "tensors", "graphs", "a sparse tensor", "sparse tensors", "a type",  "types",  "something unknown"};

const sg_onp_attr *sg_onnx_attr_resolve(const sg_onnx_frame *f, const sg_onp_attr *a)
{
    if (!a->ref)
        return a;
    for (int i = 0; i < f->n_arg; i++)
        if (strcmp(f->arg[i].name, a->ref) == 0)
            return f->arg[i].attr;
    return NULL;
}

const sg_onp_attr *sg_onnx_attr(const sg_onnx_frame *f, const sg_onp_node *node, const char *name)
{
    for (int i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i].name, name) == 0)
            return sg_onnx_attr_resolve(f, &node->attr[i]);
    return NULL;
}

static const sg_onp_attr *find(const sg_onnx_node *n, const char *name)
{
    const sg_onnx_at *at = sg_onnx_here(n);
    return sg_onnx_attr(at->scope->frame, at->node, name);
}

/* The attribute if present and of the type; another type is an error. */
static const sg_onp_attr *want(sg_onnx_node *n, const char *name, int type)
{
    const sg_onp_attr *a = find(n, name);
    if (!a || a->type == type)
        return a;
    sg_fail(n->err, SEDGE_E_FORMAT, "attribute %s is %s, not %s", name, type_names[a->type], type_names[type]);
    return NULL;
}

bool sg_on_has(const sg_onnx_node *n, const char *attr)
{
    return find(n, attr) != NULL;
}

int64_t sg_on_int(sg_onnx_node *n, const char *attr, int64_t def)
{
    const sg_onp_attr *a = want(n, attr, SG_AT_INT);
    return a ? a->i : def;
}

double sg_on_float(sg_onnx_node *n, const char *attr, double def)
{
    const sg_onp_attr *a = want(n, attr, SG_AT_FLOAT);
    return a ? (double)a->f : def;
}

static void *got(sg_onnx_node *n, void *p)
{
    if (!p)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return p;
}

const char *sg_on_str(sg_onnx_node *n, const char *attr, const char *def)
{
    const sg_onp_attr *a = want(n, attr, SG_AT_STRING);
    const char *s = a ? got(n, sg_arena_str(n->arena, (const char *)a->s.p, a->s.n)) : NULL;
    return s ? s : def;
}

/* Elements of a list attribute; SIZE_MAX when malformed. */
static size_t list_count(sg_onnx_node *n, const sg_onp_attr *a, uint32_t num, sg_pb_wire wire)
{
    size_t count = 0;
    sg_pb msg = a->msg;
    sg_pb_field f;
    bool bad = false;
    while (sg_pb_next(&msg, &f)) {
        if (f.num != num)
            continue;
        if (wire == SG_PB_LEN) {
            count++;
            bad = bad || f.wire != SG_PB_LEN;
            continue;
        }
        sg_pb_list l = sg_pb_list_open(&f, wire);
        uint64_t v;
        while (sg_pb_list_next(&l, &v))
            count++;
        bad = bad || l.bad;
    }
    if (!bad && !msg.bad && count <= INT32_MAX)
        return count;
    sg_fail(n->err, SEDGE_E_FORMAT, "attribute %s is malformed", a->name);
    return SIZE_MAX;
}

/* Room for a list attribute of a type; NULL: absent or an error. */
static void *list_room(sg_onnx_node *n, const char *attr, int type, uint32_t num, sg_pb_wire wire, const sg_onp_attr **a,
                       int *count)
{
    *count = 0;
    *a = want(n, attr, type);
    size_t c = *a ? list_count(n, *a, num, wire) : SIZE_MAX;
    void *p = c == SIZE_MAX ? NULL : got(n, sg_arena_array(n->arena, c, 16));
    if (p)
        *count = (int)c;
    return p;
}

/* All scalars of a list, in order, as raw 64-bit words in out. */
static void list_words(const sg_onp_attr *a, uint32_t num, sg_pb_wire wire, uint64_t *out)
{
    sg_pb msg = a->msg;
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        if (f.num != num)
            continue;
        sg_pb_list l = sg_pb_list_open(&f, wire);
        while (sg_pb_list_next(&l, out))
            out++;
    }
}

const int64_t *sg_on_ints(sg_onnx_node *n, const char *attr, int *count)
{
    const sg_onp_attr *a;
    int64_t *p = list_room(n, attr, SG_AT_INTS, SG_PF_ATTR_INTS, SG_PB_VARINT, &a, count);
    if (p)
        list_words(a, SG_PF_ATTR_INTS, SG_PB_VARINT, (uint64_t *)p);
    return p;
}

const double *sg_on_floats(sg_onnx_node *n, const char *attr, int *count)
{
    const sg_onp_attr *a;
    double *p = list_room(n, attr, SG_AT_FLOATS, SG_PF_ATTR_FLOATS, SG_PB_I32, &a, count);
    if (!p)
        return NULL;
    int i = 0;
    sg_pb msg = a->msg;
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        if (f.num != SG_PF_ATTR_FLOATS)
            continue;
        sg_pb_list l = sg_pb_list_open(&f, SG_PB_I32);
        uint64_t v;
        while (sg_pb_list_next(&l, &v))
            p[i++] = (double)sg_pb_f32(v);
    }
    return p;
}

const sg_str *sg_on_strs(sg_onnx_node *n, const char *attr, int *count)
{
    const sg_onp_attr *a;
    sg_str *p = list_room(n, attr, SG_AT_STRINGS, SG_PF_ATTR_STRINGS, SG_PB_LEN, &a, count);
    if (!p)
        return NULL;
    int i = 0;
    sg_pb msg = a->msg;
    sg_pb_field f;
    while (sg_pb_next(&msg, &f))
        if (f.num == SG_PF_ATTR_STRINGS)
            p[i++] = (sg_str){(const char *)f.b.p, f.b.n};
    return p;
}

bool sg_on_tensor(sg_onnx_node *n, const char *attr, sg_tensor *out)
{
    const sg_onp_attr *a = find(n, attr);
    memset(out, 0, sizeof *out);
    if (!a)
        return false;
    struct sg_onnx *s = sg_onnx_here(n)->imp;
    sg_onnx_files files = {s->arena, s->path, &s->info->file};
    sedge_status st;
    if (a->type == SG_AT_SPARSE)
        st = sg_onnx_sparse_read(s->arena, sg_pb_open(a->sparse.p, a->sparse.n), &files, &s->dense, out, NULL, n->err);
    else if (want(n, attr, SG_AT_TENSOR))
        st = sg_onnx_tensor_read(s->arena, sg_pb_open(a->t.p, a->t.n), &files, out, NULL, n->err);
    else
        return false;
    return st == SEDGE_OK;
}

sg_dtype sg_on_dtype(sg_onnx_node *n, const char *attr, sg_dtype def)
{
    const sg_onp_attr *a = find(n, attr);
    if (!a)
        return def;
    if (a->type == SG_AT_STRING) { /* Cast before opset 6 names its type */
        static const char *const names[] = {"UNDEFINED", "FLOAT",  "UINT8", "INT8",    "UINT16", "INT16",  "INT32",
                                            "INT64",     "STRING", "BOOL",  "FLOAT16", "DOUBLE", "UINT32", "UINT64"};
        for (int i = 1; i < (int)(sizeof names / sizeof names[0]); i++)
            if (strlen(names[i]) == a->s.n && memcmp(names[i], a->s.p, a->s.n) == 0)
                return sg_dtype_from_onnx(i);
    }
    int64_t code = sg_on_int(n, attr, 0);
    if (code == 0 && a->type == SG_AT_INT)
        return def;
    sg_dtype d = code > 0 && code <= 64 ? sg_dtype_from_onnx((int)code) : SG_NONE;
    if (d == SG_NONE)
        sg_fail(n->err, SEDGE_E_UNSUPPORTED, "attribute %s: element type %lld is not supported", attr, (long long)code);
    return d;
}

int sg_on_word(sg_onnx_node *n, const char *attr, const char *words, int def)
{
    const char *s = sg_on_str(n, attr, NULL);
    if (!s)
        return def;
    size_t length = strlen(s);
    int place = 0;
    for (const char *w = words; *w; w += strcspn(w, " =")) {
        if (*w == ' ')
            place++;
        w += *w == ' ' || *w == '=';
        if (strcspn(w, " =") == length && memcmp(w, s, length) == 0)
            return place;
    }
    sg_fail(n->err, SEDGE_E_VALUE, "attribute %s is \"%.60s\", not one of: %s", attr, s, words);
    return def;
}
