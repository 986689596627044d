/* Functions of one f32 element in AVX-512. */
#include "kernel/simd/f32_avx512.h"

#include "kernel/unary/unary_f32_impl.h"

const sg_unary_f32_table sg_unary_f32_avx512 = {{
#define FN(id, name) run_##name,
#include "kernel/unary/unary_f32.def"
#undef FN
}};
