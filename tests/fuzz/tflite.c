/* Fuzzes the TensorFlow Lite importer, the planner and one short run. */
#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_model(bytes, size);
}
