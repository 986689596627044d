/* Tiles of f32 for AVX2 and FMA. */
#include "kernel/simd/f32_avx2.h"

#include "kernel/gemm/tile_f32_impl.h"

TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(5, 1)
TILE(6, 1)
TILE(7, 1)
TILE(8, 1)
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)
TILE(4, 2)
TILE(5, 2)
TILE(6, 2)

static sg_tile_f32_fn *const of_1[] = {tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1};
static sg_tile_f32_fn *const of_2[] = {tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2};

const sg_tile_f32_table sg_tile_f32_avx2 = {.lanes = V_LANES, .vectors = 2, .rows = {0, 8, 6}, .fn = {NULL, of_1, of_2}};
