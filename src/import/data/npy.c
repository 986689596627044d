/* NumPy's .npy files (numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
#include <stdio.h>
#include <string.h>

#include "import/data/data.h"

/* The header is a Python dictionary of three known keys; this reads that and no more. */
typedef struct cursor {
    const char *p, *end;
} cursor;

typedef struct header {
    char descr[16];
    int fortran; /* -1: not seen */
    sg_tensor t;
    bool has_shape;
} header;

static void space(cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t'))
        c->p++;
}

static bool eat(cursor *c, char ch)
{
    space(c);
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

static bool word(cursor *c, const char *w)
{
    size_t n = strlen(w);
    space(c);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, w, n) != 0)
        return false;
    c->p += n;
    return true;
}

static bool quoted(cursor *c, char *out, size_t size)
{
    space(c);
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"'))
        return false;
    char q = *c->p++;
    size_t n = 0;
    for (; c->p < c->end && *c->p != q; c->p++)
        if (n + 1 < size)
            out[n++] = *c->p;
    out[n] = 0;
    return c->p < c->end && *c->p++ == q;
}

static bool shape(cursor *c, sg_tensor *t)
{
    if (!eat(c, '('))
        return false;
    while (!eat(c, ')')) {
        int64_t v = 0;
        const char *start = c->p;
        for (; c->p < c->end && *c->p >= '0' && *c->p <= '9' && v < SG_NUMEL_MAX; c->p++)
            v = v * 10 + (*c->p - '0');
        if (c->p == start || t->rank == SG_RANK_MAX)
            return false;
        t->dim[t->rank++] = v;
        word(c, "L"); /* Python 2 wrote long integers so */
        if (!eat(c, ',')) {
            if (!eat(c, ')'))
                return false;
            break;
        }
    }
    return true;
}

static bool dictionary(cursor *c, header *h)
{
    char key[32];
    if (!eat(c, '{'))
        return false;
    while (!eat(c, '}')) {
        if (!quoted(c, key, sizeof key) || !eat(c, ':'))
            return false;
        if (strcmp(key, "descr") == 0) {
            if (!quoted(c, h->descr, sizeof h->descr))
                return false;
        } else if (strcmp(key, "fortran_order") == 0) {
            h->fortran = word(c, "True") ? 1 : word(c, "False") ? 0 : -1;
        } else if (strcmp(key, "shape") != 0 || h->has_shape || !(h->has_shape = shape(c, &h->t))) {
            return false;
        }
        if (!eat(c, ',') && !(c->p < c->end && *c->p == '}'))
            return false;
    }
    space(c);
    return c->p == c->end && h->descr[0] && h->fortran >= 0 && h->has_shape;
}

static sg_dtype descr_find(const char *d)
{
    if (d[0] == '=')
        return descr_find(d + 1);
    for (int i = 0; i < SG_DTYPE_COUNT; i++) {
        const char *npy = sg_dtypes[i].npy;
        if (npy && (strcmp(npy, d) == 0 || strcmp(npy + 1, d) == 0 || (sg_dtypes[i].bits == 8 && strcmp(npy + 1, d + 1) == 0)))
            return (sg_dtype)i;
    }
    return SG_NONE;
}

/* Column-major bytes to row-major. */
static void reorder(const sg_tensor *t, const uint8_t *src, uint8_t *dst)
{
    size_t size = sg_dtypes[t->dtype].bits / 8u;
    int64_t stride[SG_RANK_MAX], n = 1;
    for (int i = 0; i < t->rank; i++) {
        stride[i] = n;
        n *= t->dim[i];
    }
    sg_walk w;
    sg_walk_init(&w, t->dim, t->rank);
    sg_walk_add(&w, stride);
    bool more = n > 0;
    for (; more; more = sg_walk_next(&w), dst += size)
        memcpy(dst, src + (size_t)w.off[0] * size, size);
}

static sedge_status body(sg_arena *a, const uint8_t *p, size_t size, const header *h, sg_tensor *t, sg_err *err)
{
    int64_t n;
    *t = h->t;
    t->dtype = (uint8_t)descr_find(h->descr);
    if (t->dtype == SG_NONE)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "the .npy type '%s' is not supported", h->descr);
    if (!sg_numel_checked(t->dim, t->rank, &n))
        return sg_fail(err, SEDGE_E_FORMAT, "the .npy shape is too large");
    size_t bytes = sg_tensor_bytes(t), each = sg_dtypes[t->dtype].bits / 8u;
    if (bytes > size)
        return sg_fail(err, SEDGE_E_FORMAT, "the .npy file is cut short: %zu bytes of data for %zu", size, bytes);
    if ((!h->fortran || t->rank < 2) && (uintptr_t)p % each == 0) {
        t->data = (void *)(uintptr_t)p;
        return SEDGE_OK;
    }
    t->data = sg_arena_alloc(a, bytes);
    if (!t->data)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (h->fortran)
        reorder(t, p, t->data);
    else if (bytes)
        memcpy(t->data, p, bytes);
    return SEDGE_OK;
}

sedge_status sg_npy_read(sg_arena *a, const uint8_t *data, size_t size, sg_data *out, sg_err *err)
{
    memset(out, 0, sizeof *out);
    out->name = "";
    if (size < 12 || memcmp(data, "\x93NUMPY", 6) != 0 || data[6] < 1 || data[6] > 3)
        return sg_fail(err, SEDGE_E_FORMAT, "not a .npy file of format 1 to 3");
    size_t head = data[6] == 1 ? 10 : 12;
    size_t len = (size_t)data[8] | (size_t)data[9] << 8;
    if (data[6] > 1)
        len |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (len > size - head)
        return sg_fail(err, SEDGE_E_FORMAT, "the .npy header is cut short");
    header h = {.fortran = -1};
    cursor c = {(const char *)data + head, (const char *)data + head + len};
    if (!dictionary(&c, &h))
        return sg_fail(err, SEDGE_E_FORMAT, "the .npy header is malformed or describes no plain array");
    return body(a, data + head + len, size - head - len, &h, &out->t, err);
}

bool sg_npy_header(const sg_tensor *t, char out[256], size_t *n)
{
    if (t->kind != SG_TENSOR || !sg_dtypes[t->dtype].npy || t->rank < 0 || t->rank > SG_RANK_MAX)
        return false;
    char text[246];
    size_t at = (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                 sg_dtypes[t->dtype].npy);
    for (int i = 0; i < t->rank && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, t->rank == 1 ? "%lld," : i ? ", %lld" : "%lld", (long long)t->dim[i]);
    if (at < sizeof text)
        at += (size_t)snprintf(text + at, sizeof text - at, "), }");
    size_t total = (10 + at + 1 + 63) / 64 * 64;
    if (at >= sizeof text || total > 256)
        return false;
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)((total - 10) & 0xff);
    out[9] = (char)((total - 10) >> 8);
    memcpy(out + 10, text, at);
    memset(out + 10 + at, ' ', total - 10 - at - 1);
    out[total - 1] = '\n';
    *n = total;
    return true;
}
