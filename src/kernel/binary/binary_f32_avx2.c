/* Functions of two f32 elements in AVX2. */
#include "kernel/simd/f32_avx2.h"

#include "kernel/binary/binary_f32_impl.h"

const sg_binary_f32_table sg_binary_f32_avx2 = {
#define FN(id, name, formula) run_##name,
    {
#include "kernel/binary/binary_f32.def"
    },
#undef FN
    scale,
};
