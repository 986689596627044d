/* The most memory that this program has had. */
#include "cli.h"

#include <sys/resource.h>

/* What getrusage tells begins with what the parent had before it started the program; the kernel's own account does not. */
double peak_memory(void)
{
    struct rusage use;
    char line[128];
    long long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && kb < 0 && fgets(line, sizeof line, f))
        sscanf(line, "VmHWM: %lld kB", &kb);
    if (f)
        fclose(f);
    if (kb >= 0)
        return 1024.0 * (double)kb;
    return getrusage(RUSAGE_SELF, &use) == 0 ? 1024.0 * (double)use.ru_maxrss : 0;
}
