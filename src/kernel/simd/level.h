/* Which table of functions a processor gets, for families whose levels are those of the vectors of this folder. */
#ifndef SG_KERNEL_SIMD_LEVEL_H
#define SG_KERNEL_SIMD_LEVEL_H

#include "base/cpu.h"

/* &name_any, or that of the highest level among `cpu` that has vectors. */
#if SG_ARCH_X86
#define SG_LEVEL_OF(cpu, name) ((cpu) & SG_CPU_AVX512 ? &name##_avx512 : (cpu) & SG_CPU_AVX2 ? &name##_avx2 : &name##_any)
#elif SG_ARCH_NEON
#define SG_LEVEL_OF(cpu, name) ((cpu) & SG_CPU_NEON ? &name##_neon : &name##_any)
#else
#define SG_LEVEL_OF(cpu, name) ((void)(cpu), &name##_any)
#endif

#endif
