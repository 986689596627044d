/* Finding out what the processor can do. */
#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[SG_CPU_BITS] = {
#define CPU(id, name, arch) name,
#include "base/cpu.def"
#undef CPU
};

const char *sg_cpu_name(int bit)
{
    return bit >= 0 && bit < SG_CPU_BITS ? names[bit] : "";
}

const char *sg_cpu_best(uint32_t cpu)
{
    for (int bit = SG_CPU_BITS - 1; bit >= 0; bit--)
        if (cpu >> bit & 1)
            return names[bit];
    return "scalar";
}

#if defined(__x86_64__) || defined(__i386__)

uint32_t sg_cpu_machine(void)
{
    uint32_t cpu = 0;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("ssse3") || !__builtin_cpu_supports("sse4.1"))
        return cpu;
    cpu |= SG_CPU_SSE41;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return cpu;
    cpu |= SG_CPU_AVX2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512dq"))
        return cpu;
    cpu |= SG_CPU_AVX512;
    if (!__builtin_cpu_supports("avx512vnni"))
        return cpu;
    cpu |= SG_CPU_AVX512VNNI;
    if (__builtin_cpu_supports("avx512bf16"))
        cpu |= SG_CPU_AVX512BF16;
    return cpu;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* Bits of the auxiliary vector (the kernel's uapi asm/hwcap.h for arm64). */
#define HW_FPHP    (1ul << 9)
#define HW_ASIMDHP (1ul << 10)
#define HW_ASIMDDP (1ul << 20)
#define HW2_I8MM   (1ul << 13)
#define HW2_BF16   (1ul << 14)

uint32_t sg_cpu_machine(void)
{
    unsigned long hw = getauxval(AT_HWCAP), hw2 = getauxval(AT_HWCAP2);
    uint32_t cpu = SG_CPU_NEON;
    if (!(hw & HW_FPHP) || !(hw & HW_ASIMDHP))
        return cpu;
    cpu |= SG_CPU_FP16;
    if (!(hw & HW_ASIMDDP))
        return cpu;
    cpu |= SG_CPU_DOTPROD;
    if (!(hw2 & HW2_I8MM))
        return cpu;
    cpu |= SG_CPU_I8MM;
    if (hw2 & HW2_BF16)
        cpu |= SG_CPU_BF16;
    return cpu;
}

#else

uint32_t sg_cpu_machine(void)
{
#ifdef __ARM_NEON
    return SG_CPU_NEON;
#else
    return 0;
#endif
}

#endif

/* Everything up to the named level; "scalar": nothing. A name that is unknown forbids nothing. */
static uint32_t allowed(const char *name)
{
    if (strcmp(name, "scalar") == 0)
        return 0;
    for (int bit = 0; bit < SG_CPU_BITS; bit++)
        if (strcmp(names[bit], name) == 0)
            return (2u << bit) - 1;
    return UINT32_MAX;
}

uint32_t sg_cpu(void)
{
    const char *want = getenv("SEDGE_CPU");
    uint32_t cpu = sg_cpu_machine();
    return want ? cpu & allowed(want) : cpu;
}
