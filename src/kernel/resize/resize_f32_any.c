/* Linear resizing in plain C. */
#include "kernel/simd/f32_any.h"

#include "kernel/resize/resize_f32_impl.h"

const sg_resize_f32_table sg_resize_f32_any = TABLE;
