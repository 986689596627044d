/* Linear resizing in AVX2. */
#include "kernel/simd/f32_avx2.h"

#include "kernel/resize/resize_f32_impl.h"

const sg_resize_f32_table sg_resize_f32_avx2 = TABLE;
