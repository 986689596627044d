/* Rows of comparisons and casts. */
#include "kernel/compare/compare.h"

/* One loop for each pair of steps, so that it vectorises. */
#define ROW(X, Y, formula)              \
    for (int64_t i = 0; i < n; i++) {   \
        const element x = (X), y = (Y); \
        z[i] = formula;                 \
    }

#define ONE(name, type, formula)                                                                          \
    static void name(const void *a, int64_t a_step, const void *b, int64_t b_step, uint8_t *z, int64_t n) \
    {                                                                                                     \
        typedef type element;                                                                             \
        const element *p = a, *q = b;                                                                     \
        if (a_step && b_step)                                                                             \
            ROW(p[i], q[i], formula)                                                                      \
        else if (a_step)                                                                                  \
            ROW(p[i], q[0], formula)                                                                      \
        else                                                                                              \
            ROW(p[0], q[b_step ? i : 0], formula)                                                         \
    }

#define FN(id, name, formula)         \
    ONE(name##_f32, float, formula)   \
    ONE(name##_i32, int32_t, formula) \
    ONE(name##_i64, int64_t, formula)
#include "kernel/compare/compare.def"
#undef FN

sg_compare_fn *sg_compare_of(sg_compare_id id, sg_dtype t)
{
    static sg_compare_fn *const table[SG_COMPARE_ROWS][3] = {
#define FN(id, name, formula) {name##_f32, name##_i32, name##_i64},
#include "kernel/compare/compare.def"
#undef FN
    };
    return t == SG_F32 ? table[id][0] : t == SG_I32 ? table[id][1] : t == SG_I64 ? table[id][2] : NULL;
}

#define CAST(name, from, to, formula)                   \
    static void name(const void *a, void *b, int64_t n) \
    {                                                   \
        const from *p = a;                              \
        to *q = b;                                      \
        for (int64_t i = 0; i < n; i++) {               \
            const from x = p[i];                        \
            q[i] = (to)(formula);                       \
        }                                               \
    }
CAST(bool_to_f32, uint8_t, float, x != 0)
CAST(u8_to_f32, uint8_t, float, x)
CAST(i8_to_f32, int8_t, float, x)
CAST(i32_to_f32, int32_t, float, x)
CAST(i64_to_f32, int64_t, float, x)
CAST(bool_to_i64, uint8_t, int64_t, x != 0)
CAST(i32_to_i64, int32_t, int64_t, x)

sg_cast_fn *sg_cast_of(sg_dtype from, sg_dtype to)
{
    static const struct {
        uint8_t from, to;
        sg_cast_fn *fn;
    } table[] = {{SG_BOOL, SG_F32, bool_to_f32}, {SG_U8, SG_F32, u8_to_f32},   {SG_I8, SG_F32, i8_to_f32},
                 {SG_I32, SG_F32, i32_to_f32},   {SG_I64, SG_F32, i64_to_f32}, {SG_BOOL, SG_I64, bool_to_i64},
                 {SG_I32, SG_I64, i32_to_i64}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].from == from && table[i].to == to)
            return table[i].fn;
    return NULL;
}
