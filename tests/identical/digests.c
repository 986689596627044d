/* Digests of the integer tensors of a model (src/fit/exact.h), one line each: its name and the SHA-256. How many stand behind ops that are not
 * defined to the bit is said last. The inputs are the same on every machine. usage: digests MODEL */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "fit/exact.h"
#include "tensor/tensor.h"

static sedge_status print(void *ctx, const char *name, const char *sha256)
{
    (void)ctx;
    printf("%s %s\n", name, sha256);
    return SEDGE_OK;
}

static void fill(sg_tensor *t, uint32_t *seed)
{
    size_t n = (size_t)sg_numel(t), bytes = sg_tensor_bytes(t);
    if (!(t->data = malloc(bytes + 1)))
        exit(1);
    for (size_t i = 0; i < (t->dtype == SG_F32 ? n : bytes); i++) {
        *seed = *seed * 1664525u + 1013904223u;
        if (t->dtype == SG_F32)
            ((float *)t->data)[i] = (float)(int32_t)(*seed >> 16) * 0x1p-14f - 2;
        else
            ((uint8_t *)t->data)[i] = (uint8_t)(*seed >> 24);
    }
}

static sedge_status run(const char *path, sedge_error *err)
{
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    sedge_io io;
    uint32_t seed = 1;
    int behind;
    SG_TRY(sedge_model_open(&m, path, NULL, err));
    SG_TRY(sedge_plan_make(&p, m, NULL, err));
    SG_TRY(sedge_session_open(&s, p, NULL, err));
    for (int i = 0; sedge_model_input(m, i, &io); i++) {
        sedge_tensor t = {.dtype = (uint8_t)io.dtype, .rank = (int8_t)io.rank};
        for (int k = 0; k < io.rank; k++)
            t.dim[k] = io.dim[k] < 0 ? 1 : io.dim[k];
        fill((sg_tensor *)(void *)&t, &seed);
        SG_TRY(sedge_session_set_input(s, i, &t, err));
    }
    SG_TRY(sg_exact_digests(s, print, NULL, &behind, err));
    printf("# behind other ops: %d\n", behind);
    return SEDGE_OK;
}

int main(int argc, char **argv)
{
    sedge_error err = {0};
    if (argc != 2 || run(argv[1], &err) != SEDGE_OK) {
        fprintf(stderr, "digests: %s\n", argc == 2 ? err.msg : "usage: digests MODEL");
        return 1;
    }
    return 0;
}
