/* Numbers to and from strings. */
#include "op/cast_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* v as element type t holds it. */
static double rounded(sg_dtype t, double v)
{
    uint64_t cell = 0;
    sg_store_f64_sat(t, &cell, 0, v, false);
    return sg_load_f64(t, &cell, 0);
}

/* Digits and exponent of v > 0: d[0].d[1]d[2]... times 10^*e. Returns the number of digits. */
static int shortest(sg_dtype t, double v, char *d, int *e)
{
    char buf[SG_NUMBER_TEXT_MAX];
    for (int p = 0; p <= 17; p++) {
        snprintf(buf, sizeof buf, "%.*e", p, v);
        double back = t == SG_F32 ? (double)strtof(buf, NULL) : rounded(t, strtod(buf, NULL));
        if (back == v || p == 17)
            break;
    }
    int n = 0;
    const char *c = buf;
    for (; *c && *c != 'e'; c++)
        if (*c >= '0' && *c <= '9')
            d[n++] = *c;
    *e = *c ? atoi(c + 1) : 0;
    while (n > 1 && d[n - 1] == '0')
        n--;
    return n;
}

/* Numbers from here on have an exponent: what the type's digits no longer tell apart (NumPy 2.4). */
static double positional_end(sg_dtype t)
{
    return t == SG_F16 ? 1e3 : t == SG_F32 ? 1e6 : 1e16;
}

/* The digits in place, or with an exponent of at least two digits. */
static int layout(const char *d, int n, int e, bool scientific, char *out)
{
    int at = 0;
    if (scientific) {
        out[at++] = d[0];
        if (n > 1) {
            out[at++] = '.';
            memcpy(out + at, d + 1, (size_t)n - 1);
            at += n - 1;
        }
        return at + snprintf(out + at, 8, "e%c%02d", e < 0 ? '-' : '+', abs(e));
    }
    if (e < 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int i = -1; i > e; i--)
            out[at++] = '0';
        memcpy(out + at, d, (size_t)n);
        return at + n;
    }
    for (int i = 0; i <= e || i < n; i++) {
        if (i == e + 1)
            out[at++] = '.';
        out[at++] = i < n ? d[i] : '0';
    }
    if (n <= e + 1) {
        out[at++] = '.';
        out[at++] = '0';
    }
    return at;
}

int sg_number_text(sg_dtype t, double v, char out[SG_NUMBER_TEXT_MAX])
{
    char d[SG_NUMBER_TEXT_MAX];
    int e = 0, at = 0;
    if (v != v)
        return snprintf(out, SG_NUMBER_TEXT_MAX, "nan");
    if (v < 0 || (v == 0 && 1 / v < 0)) {
        out[at++] = '-';
        v = -v;
    }
    if (v > 0 && v == 2 * v)
        return at + snprintf(out + at, 8, "inf");
    if (v == 0)
        return at + snprintf(out + at, 8, "0.0");
    int n = shortest(t, v, d, &e);
    return at + layout(d, n, e, v < 1e-4 || v >= positional_end(t), out + at);
}

static int element_text(const sg_tensor *in, size_t i, char out[SG_NUMBER_TEXT_MAX])
{
    sg_dtype t = (sg_dtype)in->dtype;
    if (sg_is_float(t))
        return sg_number_text(t, sg_load_f64(t, in->data, i), out);
    int64_t v = sg_load_i64(t, in->data, i);
    if (t == SG_BOOL)
        return snprintf(out, SG_NUMBER_TEXT_MAX, v ? "True" : "False");
    if (t == SG_U64)
        return snprintf(out, SG_NUMBER_TEXT_MAX, "%llu", (unsigned long long)v);
    return snprintf(out, SG_NUMBER_TEXT_MAX, "%lld", (long long)v);
}

sedge_status sg_cast_to_text(sg_exec *x, const sg_tensor *in, sg_tensor *out)
{
    sg_str *y = out->data;
    int64_t n = sg_numel(in);
    for (int64_t i = 0; i < n; i++) {
        char buf[SG_NUMBER_TEXT_MAX];
        size_t len = (size_t)element_text(in, (size_t)i, buf);
        char *p = sg_text(x, len);
        if (!p)
            return SEDGE_E_NOMEM;
        memcpy(p, buf, len);
        y[i].p = p;
        y[i].n = len;
    }
    return SEDGE_OK;
}

/* ---- from text ---------------------------------------------------------------------------------------------- */

/* The number in buf as element type t; false if there is something else. */
static bool parse(sg_dtype t, const char *buf, void *base, size_t i)
{
    char *end;
    if (sg_is_int(t) && t != SG_U64) {
        int64_t v = strtoll(buf, &end, 10);
        if (end != buf && !*end)
            return sg_store_i64(t, base, i, v), true;
    }
    if (t == SG_U64) {
        uint64_t v = strtoull(buf, &end, 10);
        if (end != buf && !*end)
            return sg_store_i64(t, base, i, (int64_t)v), true;
    }
    if (t == SG_BOOL && (strcmp(buf, "True") == 0 || strcmp(buf, "true") == 0))
        return sg_store_i64(t, base, i, 1), true;
    if (t == SG_BOOL && (strcmp(buf, "False") == 0 || strcmp(buf, "false") == 0))
        return sg_store_i64(t, base, i, 0), true;
    double v = t == SG_F32 ? (double)strtof(buf, &end) : strtod(buf, &end);
    if (end == buf || *end)
        return false;
    sg_store_f64(t, base, i, v);
    return true;
}

sedge_status sg_cast_from_text(sg_exec *x, const sg_tensor *in, sg_tensor *out)
{
    int64_t n = sg_numel(in);
    for (int64_t i = 0; i < n; i++) {
        char buf[128];
        sg_str s;
        memcpy(&s, (const sg_str *)in->data + i, sizeof s);
        while (s.n && (unsigned char)s.p[s.n - 1] <= ' ')
            s.n--;
        if (s.n < sizeof buf) {
            if (s.n)
                memcpy(buf, s.p, (size_t)s.n);
            buf[s.n] = 0;
        }
        if (s.n >= sizeof buf || !parse((sg_dtype)out->dtype, buf, out->data, (size_t)i))
            return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "element %lld is not a number: \"%.40s\"", (long long)i,
                                s.n < sizeof buf ? buf : "(long)");
    }
    return SEDGE_OK;
}
