/* 8-bit depthwise convolution for AVX-512 with VNNI: blocks of 64, 32 and 16 channels. Processors that work on halves of 512 bits
 * do the narrow ones in half the time. */
#include <immintrin.h>

#include "kernel/q8/q8.h"

#define INLINE static inline __attribute__((always_inline))

#define W(name) name##_4
#define V(op)   _mm512_##op
#define V_INT   __m512i
#define V_FLOAT __m512
#define V_MASK  __mmask64
#define LANES   4
#include "kernel/q8/q8_dw_evex_impl.h"
#undef W
#undef V
#undef V_INT
#undef V_FLOAT
#undef V_MASK
#undef LANES

#define W(name) name##_2
#define V(op)   _mm256_##op
#define V_INT   __m256i
#define V_FLOAT __m256
#define V_MASK  __mmask32
#define LANES   2
#include "kernel/q8/q8_dw_evex_impl.h"
#undef W
#undef V
#undef V_INT
#undef V_FLOAT
#undef V_MASK
#undef LANES

#define W(name) name##_1
#define V(op)   _mm_##op
#define V_INT   __m128i
#define V_FLOAT __m128
#define V_MASK  __mmask16
#define LANES   1
#include "kernel/q8/q8_dw_evex_impl.h"

void sg_q8_dw_avx512vnni(const sg_q8_dw *d)
{
    for (int64_t c = 0; c < d->channels;) {
        int lanes = d->wide ? 4 : sg_q8_dw_lanes(d->channels - c, 4);
        (lanes == 4 ? dw_4 : lanes == 2 ? dw_2 : dw_1)(d, c);
        c += 16 * lanes;
    }
}
