/* Functions of two f32 elements in AVX-512. */
#include "kernel/simd/f32_avx512.h"

#include "kernel/binary/binary_f32_impl.h"

const sg_binary_f32_table sg_binary_f32_avx512 = {
#define FN(id, name, formula) run_##name,
    {
#include "kernel/binary/binary_f32.def"
    },
#undef FN
    scale,
};
