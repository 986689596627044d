/* Functions of one f32 element in NEON. */
#include "kernel/simd/f32_neon.h"

#include "kernel/unary/unary_f32_impl.h"

const sg_unary_f32_table sg_unary_f32_neon = {{
#define FN(id, name) run_##name,
#include "kernel/unary/unary_f32.def"
#undef FN
}};
