/* Fuzzes the readers of tensor files: the first byte picks npy, npz, or one of the ONNX messages. */
#include <stdlib.h>

#include "import/data/data.h"

static sedge_status touch(void *ctx, const sg_data *d, sg_err *err)
{
    (void)err;
    volatile unsigned char *sum = ctx;
    if (d->t.kind == SG_TENSOR && d->t.dtype != SG_STR)
        for (size_t i = 0; i < sg_tensor_bytes(&d->t); i++)
            *sum = (unsigned char)(*sum + ((const unsigned char *)d->t.data)[i]);
    return SEDGE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1)
        return 0;
    sg_mem mem = {.limit = 64 << 20};
    sg_arena arena = {.mem = &mem};
    sg_err err = {0};
    sg_data d;
    volatile unsigned char sum = 0;
    sedge_status st;
    switch (bytes[0] % 6) {
    case 0: st = sg_npy_read(&arena, bytes + 1, size - 1, &d, &err); break;
    case 1: st = sg_npz_read(&arena, bytes + 1, size - 1, touch, (void *)(uintptr_t)&sum, &err); break;
    default: st = sg_pb_read(&arena, bytes + 1, size - 1, (sg_kind)(bytes[0] % 6 - 2), &d, &err); break;
    }
    if (st == SEDGE_OK && bytes[0] % 6 != 1)
        touch((void *)(uintptr_t)&sum, &d, &err);
    if (st != SEDGE_OK && !err.msg[0])
        abort();
    sg_arena_free(&arena);
    if (mem.used)
        abort();
    return 0;
}
