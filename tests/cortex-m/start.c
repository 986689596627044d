/* What a Cortex-M4 begins with: vectors, the FPU switched on, data copied, newlib's start. Files and time come by semihosting. */
#include <malloc.h>
#include <stdint.h>
#include <string.h>

extern char data_start[], data_end[], data_load[];
void _start(void);
void reset(void);

#define STACK_TOP 0x22000000u /* the end of the PSRAM */

/* newlib's aligned_alloc asks for it. */
int posix_memalign(void **p, size_t align, size_t size);
int posix_memalign(void **p, size_t align, size_t size)
{
    *p = memalign(align, size);
    return *p ? 0 : 12;
}

static void fault(void)
{
    /* SYS_EXIT_EXTENDED would need a block of arguments; ADP_Stopped_RunTimeErrorUnknown by SYS_EXIT is enough. */
    __asm volatile("mov r0, #0x18\n ldr r1, =0x20023\n bkpt 0xab\n" ::: "r0", "r1");
    for (;;)
        ;
}

void reset(void)
{
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: coprocessors 10 and 11 */
    __asm volatile("dsb\n isb\n");
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    _start();
    fault();
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    (void *)STACK_TOP, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault};
