/* com.microsoft's products with weights of 2, 4 and 8 bits in blocks: unpacked, scaled, then an ordinary product. */
#include <string.h>

#include "import/onnx/lower.h"
#include "op/elementwise.h"

/* Fields of `bits` bits of bytes x, along a new last axis merged with the old: [..., n] to [..., n * 8 / bits].
 * The shape is given. Lowest bits first unless `high_first`. */
static sg_vid fields(sg_onnx_node *n, sg_vid x, int bits, bool high_first, const int64_t *dim, int rank)
{
    int per = 8 / bits, axis = sg_ib_type(n, x)->rank;
    sg_vid all = SG_NONE_ID;
    if (per == 1)
        return sg_ib_reshape(n, x, dim, rank);
    for (int i = 0; i < per; i++) {
        int shift = (high_first ? per - 1 - i : i) * bits;
        sg_vid f = shift ? sg_ib_binary_scalar(n, SG_BINARY_SHIFT_RIGHT, x, shift) : x;
        f = sg_ib_unsqueeze(n, sg_ib_binary_scalar(n, SG_BINARY_BIT_AND, f, (1 << bits) - 1), axis);
        all = i ? sg_ib_concat(n, all, f, axis) : f;
        if (!all)
            return SG_NONE_ID;
    }
    return sg_ib_reshape(n, all, dim, rank);
}

typedef struct nbits {
    int64_t k, n, block, blocks; /* K, N, elements a block, blocks a row */
    int bits;
    sg_dtype type;               /* of the scales */
} nbits;

static sedge_status nbits_read(sg_onnx_node *n, nbits *b)
{
    int64_t bits = sg_on_int(n, "bits", 4);
    b->k = sg_on_int(n, "K", 0);
    b->n = sg_on_int(n, "N", 0);
    b->block = sg_on_int(n, "block_size", 32);
    b->bits = (int)bits;
    b->type = (sg_dtype)sg_ib_in_type(n, 2)->dtype;
    if (b->k < 1 || b->n < 1 || b->k > INT32_MAX || b->n > INT32_MAX || b->block < 8 || b->block > INT32_MAX)
        return sg_fail(n->err, SEDGE_E_FORMAT, "K, N or block_size is out of range");
    if ((bits != 2 && bits != 4 && bits != 8) || b->block % 8)
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "%lld bits in blocks of %lld", (long long)bits, (long long)b->block);
    b->blocks = (b->k + b->block - 1) / b->block;
    if (b->blocks * b->block > SG_NUMEL_MAX / 8 / b->n)
        return sg_fail(n->err, SEDGE_E_LIMIT, "the weights are too large");
    return SEDGE_OK;
}

/* Zero points as [N, blocks, 1] of the scales' type: given ones are of that type or packed as the weights are. */
static sg_vid zero_points(sg_onnx_node *n, const nbits *b, sg_vid z)
{
    int64_t row = (b->blocks * b->bits + 7) / 8, dim[3] = {b->n, row * 8 / b->bits, 1}, flat[2] = {b->n, row};
    if (!z)
        return sg_ib_scalar(n, b->type, 1 << (b->bits - 1));
    if (sg_ib_type(n, z)->dtype != SG_U8) {
        dim[1] = b->blocks;
        return sg_ib_reshape(n, sg_ib_cast(n, z, b->type), dim, 3);
    }
    sg_vid packed = sg_ib_reshape(n, z, flat, 2);
    sg_vid f = packed ? fields(n, packed, b->bits, false, dim, 3) : SG_NONE_ID;
    return sg_ib_cast(n, sg_ib_slice(n, f, 1, 0, b->blocks), b->type);
}

static sg_dtype field_type(int bits)
{
    return bits == 2 ? SG_U2 : bits == 4 ? SG_U4 : SG_U8;
}

/* Constant bytes v seen as [rows, cols] fields, without a copy; 0: not a constant of that size. */
static sg_vid const_fields(sg_onnx_node *n, sg_vid v, int bits, int64_t rows, int64_t cols)
{
    const sg_value *c = &n->g->value[v];
    int64_t dim[2] = {rows, cols};
    if (c->role != SG_CONST || c->type.dtype != SG_U8 || sg_d_numel(&c->type) != rows * cols * bits / 8 || cols * bits % 8)
        return SG_NONE_ID;
    return sg_const_new(n->g, field_type(bits), 2, dim, c->data, NULL);
}

/* Constant zero points as [N, blocks]: rows are padded to bytes in the file and are not here. */
static sg_vid const_zeros(sg_onnx_node *n, const nbits *b, sg_vid z)
{
    sg_dtype t = field_type(b->bits);
    int64_t dim[2] = {b->n, b->blocks}, row = (b->blocks * b->bits + 7) / 8 * 8 / b->bits;
    const sg_value *c = z ? &n->g->value[z] : NULL;
    if (c && (c->role != SG_CONST || c->type.dtype != SG_U8 || sg_d_numel(&c->type) != b->n * row * b->bits / 8))
        return SG_NONE_ID;
    const unsigned char *from = c ? c->data : NULL;
    unsigned char *to = sg_arena_alloc(n->g->arena, sg_dtype_bytes(t, (size_t)(b->n * b->blocks)));
    for (int64_t i = 0; to && i < b->n; i++)
        for (int64_t j = 0; j < b->blocks; j++)
            sg_store_i64(t, to, (size_t)(i * b->blocks + j),
                         from ? sg_load_i64(t, from, (size_t)(i * row + j)) : (int64_t)1 << (b->bits - 1));
    return to ? sg_const_new(n->g, t, 2, dim, to, NULL) : SG_NONE_ID;
}

/* The weights [N, blocks * block] of constants: a dequantize node, which keeps them packed. 0: not constants. */
static sg_vid weights_const(sg_onnx_node *n, const nbits *b)
{
    int64_t dim[2] = {b->n, b->blocks};
    sg_vid in[3] = {const_fields(n, n->in[1], b->bits, b->n, b->blocks * b->block), SG_NONE_ID, SG_NONE_ID};
    if (!in[0] || !(in[2] = const_zeros(n, b, sg_ib_in(n, 3))) || !(in[1] = sg_ib_reshape(n, n->in[2], dim, 2)))
        return SG_NONE_ID;
    return sg_ib_node(n, SG_OP_DEQUANTIZE, in, 3, SG_SET({SG_A_axis, .i = 1}, {SG_A_block_size, .i = b->block}));
}

/* The same of values that come at run time. */
static sg_vid weights_any(sg_onnx_node *n, const nbits *b)
{
    int64_t bytes[2] = {b->n, b->blocks * b->block * b->bits / 8}, dim[3] = {b->n, b->blocks, b->block},
            scale[3] = {b->n, b->blocks, 1}, row[2] = {b->n, b->blocks * b->block};
    sg_vid packed = sg_ib_reshape(n, n->in[1], bytes, 2);
    sg_vid w = packed ? sg_ib_cast(n, fields(n, packed, b->bits, false, dim, 3), b->type) : SG_NONE_ID;
    w = sg_ib_binary(n, SG_BINARY_SUB, w, zero_points(n, b, sg_ib_in(n, 3)));
    return sg_ib_reshape(n, sg_ib_binary(n, SG_BINARY_MUL, w, sg_ib_reshape(n, n->in[2], scale, 3)), row, 2);
}

sedge_status sg_lower_matmul_nbits(sg_onnx_node *n)
{
    nbits b;
    SG_TRY(sg_ib_need(n, 3));
    SG_TRY(nbits_read(n, &b));
    if (sg_ib_in(n, 4))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "g_idx");
    sg_vid w = weights_const(n, &b);
    if (!w)
        w = weights_any(n, &b);
    if (b.blocks * b.block != b.k)
        w = sg_ib_slice(n, w, 1, 0, b.k);
    w = sg_ib_cast(n, w, (sg_dtype)sg_ib_in_type(n, 0)->dtype);
    return sg_ib_end(n, 0, sg_ib_add_maybe(n, sg_ib_matmul(n, n->in[0], sg_ib_swap_last(n, w)), sg_ib_in(n, 5)));
}

/* Rows of quantized weights: gathered along axis 0 while still quantized, then scaled in blocks. */
sedge_status sg_lower_gather_block_quantized(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 3));
    const sg_type *data = sg_ib_in_type(n, 0), *index = sg_ib_in_type(n, 1);
    int rank = data->rank, i_rank = index->rank, q = rank > 0 ? sg_axis(sg_on_int(n, "quantize_axis", 1), rank) : -1;
    if (rank < 2 || i_rank < 0 || q < 1 || sg_on_int(n, "gather_axis", 0) != 0)
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "gathering along other than axis 0, or along the quantized axis");
    int64_t bits = sg_on_int(n, "bits", 4), per = data->dtype == SG_U8 && bits < 8 ? 8 / (bits == 2 ? 2 : 4) : 1;
    sg_vid d = sg_ib_gather(n, n->in[0], n->in[1], 0), z = sg_ib_in(n, 3) ? sg_ib_gather(n, n->in[3], n->in[1], 0) : SG_NONE_ID;
    int axis = q + i_rank - 1;
    if (per != 1)
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "weights packed in bytes");
    return sg_ib_end(n, 0,
                     sg_ib_node(n, SG_OP_DEQUANTIZE, SG_INS(d, sg_ib_gather(n, n->in[2], n->in[1], 0), z),
                                SG_SET({SG_A_axis, .i = axis}, {SG_A_block_size, .i = sg_on_int(n, "block_size", 128)})));
}

/* The sixteen values of the 4-bit types of bitsandbytes (T. Dettmers et al., QLoRA, 2023): FP4 and NF4. */
static const double bnb4[2][16] = {
    {0, 0.005208333333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25, 0, -0.005208333333, -0.66666667, -1, -0.33333333, -0.5,
     -0.16666667, -0.25},
    {-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
     -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
     0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1},
};

static sg_vid bnb4_table(sg_onnx_node *n, int64_t type, sg_dtype dtype)
{
    int64_t sixteen = 16;
    char *data = sg_arena_alloc(n->g->arena, 16 * 8);
    for (size_t i = 0; data && i < 16; i++)
        sg_store_f64(dtype, data, i, bnb4[type][i]);
    sg_vid v = data ? sg_const_new(n->g, dtype, 1, &sixteen, data, NULL) : SG_NONE_ID;
    if (!v)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return v;
}

sedge_status sg_lower_matmul_bnb4(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 3));
    int64_t k = sg_on_int(n, "K", 0), m = sg_on_int(n, "N", 0), block = sg_on_int(n, "block_size", 0),
            type = sg_on_int(n, "quant_type", 0);
    if (k < 1 || m < 1 || k > INT32_MAX || m > INT32_MAX || block < 1 || type < 0 || type > 1)
        return sg_fail(n->err, SEDGE_E_FORMAT, "K, N, block_size or quant_type is out of range");
    if (k * m % block || k * m % 2)
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "blocks of %lld that do not divide %lld weights", (long long)block,
                       (long long)(k * m));
    int64_t flat[1] = {-1}, blocks[2] = {k * m / block, block}, column[2] = {-1, 1}, dim[2] = {m, k};
    sg_vid packed = sg_ib_reshape(n, n->in[1], flat, 1);
    sg_vid code = packed ? sg_ib_cast(n, fields(n, packed, 4, true, blocks, 2), SG_I32) : SG_NONE_ID;
    sg_vid w = sg_ib_gather(n, bnb4_table(n, type, (sg_dtype)sg_ib_in_type(n, 2)->dtype), code, 0);
    w = sg_ib_reshape(n, sg_ib_binary(n, SG_BINARY_MUL, w, sg_ib_reshape(n, n->in[2], column, 2)), dim, 2);
    w = sg_ib_cast(n, w, (sg_dtype)sg_ib_in_type(n, 0)->dtype);
    return sg_ib_end(n, 0, sg_ib_matmul(n, n->in[0], sg_ib_swap_last(n, w)));
}
