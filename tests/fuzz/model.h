/* What the fuzzers of models run. */
#ifndef SG_TESTS_FUZZ_MODEL_H
#define SG_TESTS_FUZZ_MODEL_H

#include <stdint.h>

#include "../hostile/model.h"

static int fuzz_model(const uint8_t *bytes, size_t size)
{
    const model_limits limits = {.model = 256 << 20, .run = 64 << 20, .input = 1 << 20, .symbolic = 2, .seconds = 0.5};
    if (try_model(bytes, size, &limits))
        abort();
    return 0;
}

#endif
