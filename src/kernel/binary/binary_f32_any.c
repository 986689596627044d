/* Functions of two f32 elements in plain C. */
#include "kernel/simd/f32_any.h"

#include "kernel/binary/binary_f32_impl.h"

const sg_binary_f32_table sg_binary_f32_any = {
#define FN(id, name, formula) run_##name,
    {
#include "kernel/binary/binary_f32.def"
    },
#undef FN
    scale,
};
