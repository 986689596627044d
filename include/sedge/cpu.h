/* What this machine can do: measured, one core at a time. */
#ifndef SEDGE_CPU_H
#define SEDGE_CPU_H

#include "sedge.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEDGE_CPU_MEMORIES 4

/* A level of memory: L1 to L3 as the system tells of them, then DRAM (bytes 0). */
typedef struct sedge_cpu_memory {
    char name[8];
    int64_t bytes;
    double read_gb_s; /* 1e9 bytes a second that one core reads */
} sedge_cpu_memory;

typedef struct sedge_cpu {
    char name[64];      /* as the system calls the processor; "" where it does not say */
    const char *level;  /* the highest level of instructions in use: "avx512vnni" */
    uint32_t threads;   /* processors that this process may use */
    double f32_gops;    /* 1e9 operations a second of one core, two for each fused multiply-add */
    double i8_gops;     /* the same of products of bytes, by the instruction that is exact on all of them */
    double fork_join_us; /* median from the start of a task to its end on all threads, the workers awake; 0 with one thread; -1:
                         * they did not meet, others use the machine */
    sedge_cpu_memory memory[SEDGE_CPU_MEMORIES];
    int memories;
    unsigned char reserved[64];
} sedge_cpu;

/* Measures for about a second; takes up to 256 MB meanwhile. SEDGE_CPU=avx2 in the environment sets the highest level. */
sedge_status sedge_cpu_measure(sedge_cpu *out, sedge_error *err);

/* Family i of kernels ("gemm_f32") and the level of those in use ("scalar": the portable ones). False past the last. */
int sedge_cpu_kernels(int i, const char **family, const char **level);

#ifdef __cplusplus
}
#endif

#endif
