/* FlexBuffers maps (flatbuffers.dev/flexbuffers): numbers by their key, in the options of custom operators. No allocation. */
#ifndef SG_IMPORT_WIRE_FLEX_H
#define SG_IMPORT_WIRE_FLEX_H

#include "import/wire/pb.h"

/* The number, or truth value, of a key of the map at the root; false: there is none, or the bytes are no such map. */
bool sg_flex_number(sg_bytes b, const char *key, double *out);

#endif
