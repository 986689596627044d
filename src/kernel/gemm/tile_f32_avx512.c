/* Tiles of f32 for AVX-512. */
#include "kernel/simd/f32_avx512.h"

#include "kernel/gemm/tile_f32_impl.h"

TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(5, 1)
TILE(6, 1)
TILE(7, 1)
TILE(8, 1)
TILE(9, 1)
TILE(10, 1)
TILE(11, 1)
TILE(12, 1)
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)
TILE(4, 2)
TILE(5, 2)
TILE(6, 2)
TILE(7, 2)
TILE(8, 2)
TILE(9, 2)
TILE(10, 2)
TILE(11, 2)
TILE(12, 2)
TILE(1, 3)
TILE(2, 3)
TILE(3, 3)
TILE(4, 3)
TILE(5, 3)
TILE(6, 3)
TILE(7, 3)
TILE(8, 3)

static sg_tile_f32_fn *const of_1[] = {tile_1x1, tile_2x1, tile_3x1, tile_4x1,  tile_5x1,  tile_6x1,
                                       tile_7x1, tile_8x1, tile_9x1, tile_10x1, tile_11x1, tile_12x1};
static sg_tile_f32_fn *const of_2[] = {tile_1x2, tile_2x2, tile_3x2, tile_4x2,  tile_5x2,  tile_6x2,
                                       tile_7x2, tile_8x2, tile_9x2, tile_10x2, tile_11x2, tile_12x2};
static sg_tile_f32_fn *const of_3[] = {tile_1x3, tile_2x3, tile_3x3, tile_4x3, tile_5x3, tile_6x3, tile_7x3, tile_8x3};

const sg_tile_f32_table sg_tile_f32_avx512 = {
    .lanes = V_LANES, .vectors = 3, .rows = {0, 12, 12, 8}, .fn = {NULL, of_1, of_2, of_3}};
