/* Linear resizing in AVX-512. */
#include "kernel/simd/f32_avx512.h"

#include "kernel/resize/resize_f32_impl.h"

const sg_resize_f32_table sg_resize_f32_avx512 = TABLE;
