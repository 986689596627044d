/* Whether an answer is the expected one: types and shapes exactly, floats within a tolerance. */
#include "cli.h"

#include <math.h>
#include <string.h>

const char *type_text(char text[48], int kind, int dtype)
{
    static const char *const kinds[] = {"", "sequence of ", "optional ", "map to "};
    snprintf(text, 48, "%s%s", kind >= 0 && kind < 4 ? kinds[kind] : "unknown ", sedge_dtype_name(dtype));
    return text;
}

static bool is_float(int dtype)
{
    return sg_dtypes[dtype].cls == 'F';
}

static bool close_enough(double got, double want, const tolerance *tol)
{
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want);
    if (isinf(got) || isinf(want))
        return got == want;
    return fabs(got - want) <= tol->atol + tol->rtol * fabs(want);
}

static bool same_strings(const sedge_tensor *got, const sedge_tensor *want, size_t n, char *why, size_t size)
{
    const sedge_str *g = got->data, *w = want->data;
    for (size_t i = 0; i < n; i++)
        if (g[i].n != w[i].n || (g[i].n && memcmp(g[i].p, w[i].p, (size_t)g[i].n) != 0)) {
            snprintf(why, size, "element %zu is \"%.*s\", expected \"%.*s\"", i, (int)(g[i].n < 60 ? g[i].n : 60),
                     g[i].p ? g[i].p : "", (int)(w[i].n < 60 ? w[i].n : 60), w[i].p ? w[i].p : "");
            return false;
        }
    return true;
}

static bool same_floats(const sedge_tensor *got, const sedge_tensor *want, int dtype, size_t n, const tolerance *tol, char *why,
                        size_t size)
{
    size_t bad = 0, first = 0;
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double g = sg_load_f64((sg_dtype)dtype, got->data, i), w = sg_load_f64((sg_dtype)dtype, want->data, i);
        if (close_enough(g, w, tol))
            continue;
        if (!bad++)
            first = i;
        double d = fabs(g - w);
        if (d > worst)
            worst = d;
    }
    if (bad)
        snprintf(why, size, "%zu of %zu elements differ (largest difference %.3g); element %zu is %.9g, expected %.9g", bad, n,
                 worst, first, sg_load_f64((sg_dtype)dtype, got->data, first), sg_load_f64((sg_dtype)dtype, want->data, first));
    return bad == 0;
}

static bool same_ints(const sedge_tensor *got, const sedge_tensor *want, size_t n, char *why, size_t size)
{
    size_t bad = 0, first = 0;
    for (size_t i = 0; i < n; i++)
        if (sedge_tensor_i64(got, i) != sedge_tensor_i64(want, i) && !bad++)
            first = i;
    if (bad)
        snprintf(why, size, "%zu of %zu elements differ; element %zu is %lld, expected %lld", bad, n, first,
                 (long long)sedge_tensor_i64(got, first), (long long)sedge_tensor_i64(want, first));
    return bad == 0;
}

static bool same_items(const sedge_tensor *got, const sedge_tensor *want, const tolerance *tol, char *why, size_t size)
{
    const sedge_tensor *g = got->data, *w = want->data;
    int64_t n = want->rank ? want->dim[0] : 0, m = got->rank ? got->dim[0] : 0;
    if (n != m) {
        snprintf(why, size, "%lld items, expected %lld", (long long)m, (long long)n);
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        char inner[256];
        if (compare(&g[i], &w[i], tol, inner, sizeof inner))
            continue;
        snprintf(why, size, "item %lld: %s", (long long)i, inner);
        return false;
    }
    return true;
}

bool compare(const sedge_tensor *got, const sedge_tensor *want, const tolerance *tol, char *why, size_t size)
{
    char a[96], b[96];
    sg_tensor st;
    if (got->kind != want->kind || (got->kind == SEDGE_TENSOR && got->dtype != want->dtype)) {
        snprintf(why, size, "type is %s, expected %s", type_text(a, got->kind, got->dtype),
                 type_text(b, want->kind, want->dtype));
        return false;
    }
    if (got->kind != SEDGE_TENSOR)
        return same_items(got, want, tol, why, size);
    memcpy(&st, want, sizeof st);
    bool shape = got->rank == want->rank;
    for (int k = 0; shape && k < want->rank; k++)
        shape = got->dim[k] == want->dim[k];
    if (!shape) {
        shape_text(a, sizeof a, got);
        shape_text(b, sizeof b, want);
        snprintf(why, size, "shape is %s, expected %s", a, b);
        return false;
    }
    size_t n = (size_t)sg_numel(&st);
    if (want->dtype == SEDGE_STR)
        return same_strings(got, want, n, why, size);
    if (want->dtype == SEDGE_C64)
        return same_floats(got, want, SEDGE_F32, 2 * n, tol, why, size);
    if (want->dtype == SEDGE_C128)
        return same_floats(got, want, SEDGE_F64, 2 * n, tol, why, size);
    if (is_float(want->dtype))
        return same_floats(got, want, want->dtype, n, tol, why, size);
    return same_ints(got, want, n, why, size);
}
