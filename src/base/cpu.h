/* What this processor can do: each level has everything of the ones below it. */
#ifndef SG_BASE_CPU_H
#define SG_BASE_CPU_H

#include <stdint.h>

/* Architectures that have kernels of their own. */
#if defined(__x86_64__)
#define SG_ARCH_X86 1
#else
#define SG_ARCH_X86 0
#endif
#if defined(__aarch64__)
#define SG_ARCH_NEON 1
#else
#define SG_ARCH_NEON 0
#endif

/* Levels of one architecture, lowest first; bits so that a table can be filled step by step.
 * CPU(id, name, arch): see cpu.def. */
typedef enum sg_cpu_bit {
#define CPU(id, name, arch) SG_CPU_BIT_##id,
#include "base/cpu.def"
#undef CPU
    SG_CPU_BITS
} sg_cpu_bit;

enum {
#define CPU(id, name, arch) SG_CPU_##id = 1u << SG_CPU_BIT_##id,
#include "base/cpu.def"
#undef CPU
};

/* The levels that this machine runs and that SEDGE_CPU=name (the highest wanted) does not forbid. */
uint32_t sg_cpu(void);
/* The name of a bit: "avx512". */
const char *sg_cpu_name(int bit);
/* The highest level of a set: "scalar" for none. */
const char *sg_cpu_best(uint32_t cpu);
/* The levels of the machine itself, whatever the environment says. */
uint32_t sg_cpu_machine(void);

#endif
