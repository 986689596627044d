/* SparseTensorProto as a dense tensor: most kernels want one anyway, and such constants are small. */
#include <string.h>

#include "import/onnx/fields.h"
#include "import/onnx/tensor.h"

/* A few bytes of a file may claim any shape. */
#define DENSE_MAX ((size_t)1 << 30)

/* The linear place of entry e: indices are [n] of places or [n, rank] of coordinates. */
static int64_t place(const sg_tensor *idx, int64_t e, const sg_tensor *out)
{
    if (idx->rank == 1)
        return sg_load_i64(SG_I64, idx->data, (size_t)e);
    int64_t at = 0;
    for (int i = 0; i < out->rank; i++) {
        int64_t x = sg_load_i64(SG_I64, idx->data, (size_t)(e * out->rank + i));
        if (x < 0 || x >= out->dim[i])
            return -1;
        at = at * out->dim[i] + x;
    }
    return at;
}

static sedge_status densify(sg_arena *arena, const sg_tensor *val, const sg_tensor *idx, size_t *dense, sg_tensor *out,
                            sg_err *err)
{
    int64_t numel, n = sg_numel(val);
    sg_dtype d = (sg_dtype)val->dtype;
    if (!sg_numel_checked(out->dim, out->rank, &numel))
        return sg_fail(err, SEDGE_E_FORMAT, "a sparse tensor has a negative or too large shape");
    if (val->rank != 1 || idx->dtype != SG_I64 || idx->rank < 1 || idx->rank > 2 || idx->dim[0] != n ||
        (idx->rank == 2 && idx->dim[1] != out->rank))
        return sg_fail(err, SEDGE_E_FORMAT, "values and indices of a sparse tensor do not fit");
    size_t bytes = sg_dtype_bytes(d, (size_t)numel);
    if (bytes > DENSE_MAX || *dense > DENSE_MAX - bytes)
        return sg_fail(err, SEDGE_E_LIMIT, "sparse tensors would take more than 1 GiB");
    *dense += bytes;
    out->dtype = (uint8_t)d;
    out->data = sg_onnx_room(arena, bytes);
    if (!out->data)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (int64_t e = 0; e < n; e++) {
        int64_t at = place(idx, e, out);
        if (at < 0 || at >= numel)
            return sg_fail(err, SEDGE_E_FORMAT, "an index of a sparse tensor is out of range");
        sg_elem_copy(d, out->data, (size_t)at, val->data, (size_t)e);
    }
    return SEDGE_OK;
}

sedge_status sg_onnx_sparse_read(sg_arena *arena, sg_pb msg, const sg_onnx_files *files, size_t *dense, sg_tensor *out,
                                 sg_bytes *name, sg_err *err)
{
    sg_tensor val = {0}, idx = {0};
    bool has_val = false, has_idx = false;
    sg_pb_field f;
    memset(out, 0, sizeof *out);
    while (sg_pb_next(&msg, &f)) {
        if (f.num == SG_PF_SPARSE_VALUES) {
            SG_TRY(sg_onnx_tensor_read(arena, sg_pb_sub(&msg, &f), files, &val, name, err));
            has_val = true;
        } else if (f.num == SG_PF_SPARSE_INDICES) {
            SG_TRY(sg_onnx_tensor_read(arena, sg_pb_sub(&msg, &f), files, &idx, NULL, err));
            has_idx = true;
        } else if (f.num == SG_PF_SPARSE_DIMS) {
            sg_pb_list l = sg_pb_list_open(&f, SG_PB_VARINT);
            uint64_t v;
            while (sg_pb_list_next(&l, &v)) {
                if (out->rank == SG_RANK_MAX)
                    return sg_fail(err, SEDGE_E_UNSUPPORTED, "a tensor has more than %d dimensions", SG_RANK_MAX);
                out->dim[out->rank++] = (int64_t)v;
            }
            msg.bad = msg.bad || l.bad;
        }
    }
    if (msg.bad || !has_val || !has_idx)
        return sg_fail(err, SEDGE_E_FORMAT, "malformed SparseTensorProto");
    if (val.dtype == SG_STR)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "sparse tensors of strings are not supported");
    return densify(arena, &val, &idx, dense, out, err);
}
