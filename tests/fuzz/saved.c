/* Fuzzes files of plans, with digests made right, so that the reader of graphs is reached. */
#include "model.h"

#include "../hostile/resign.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    unsigned char *copy = malloc(size + 1);
    if (copy) {
        memcpy(copy, bytes, size);
        fuzz_model(copy, resign(copy, size));
    }
    free(copy);
    return 0;
}
