/* Linear resizing in NEON. */
#include "kernel/simd/f32_neon.h"

#include "kernel/resize/resize_f32_impl.h"

const sg_resize_f32_table sg_resize_f32_neon = TABLE;
