/* sedge cpu: what this machine is, its measured limits, the kernels in use. */
#include "cli.h"

#include <string.h>

#include "sedge/cpu.h"

static int cpu_main(int argc, char **argv);

const verb verb_cpu = {"cpu", "what this machine is, its measured limits, the kernels in use", "cpu [--json]", cpu_main};

static void print_json(const sedge_cpu *c)
{
    json j = {.f = stdout};
    const char *family, *level;
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.cpu/1");
    json_str(&j, "name", c->name);
    json_str(&j, "level", c->level);
    json_int(&j, "threads", c->threads);
    json_num(&j, "f32_gops", c->f32_gops);
    json_num(&j, "i8_gops", c->i8_gops);
    json_num(&j, "fork_join_us", c->fork_join_us);
    json_open(&j, "memory", '[');
    for (int i = 0; i < c->memories; i++) {
        json_open(&j, NULL, '{');
        json_str(&j, "name", c->memory[i].name);
        json_int(&j, "bytes", c->memory[i].bytes);
        json_num(&j, "read_gb_s", c->memory[i].read_gb_s);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_open(&j, "kernels", '{');
    for (int i = 0; sedge_cpu_kernels(i, &family, &level); i++)
        json_str(&j, family, level);
    json_close(&j, '}');
    json_close(&j, '}');
}

static void print_limits(const sedge_cpu *c)
{
    static const char *const title[] = {"limit of one core", ">measured", "is"};
    table t;
    char text[32];
    table_init(&t, 3, title);
    table_cell(&t, "f32");
    table_cell(&t, "%.1f GFLOP/s", c->f32_gops);
    table_cell(&t, "fused multiply-adds, two operations each");
    table_cell(&t, "8 bits");
    table_cell(&t, "%.1f GOP/s", c->i8_gops);
    table_cell(&t, "products of bytes, exact in 32 bits");
    for (int i = 0; i < c->memories; i++) {
        table_cell(&t, "%s", c->memory[i].name);
        table_cell(&t, "%.1f GB/s", c->memory[i].read_gb_s);
        if (c->memory[i].bytes)
            table_cell(&t, "reading, %s", bytes_text((double)c->memory[i].bytes, text));
        else
            table_cell(&t, "reading");
    }
    if (c->fork_join_us != 0) {
        table_cell(&t, "fork-join");
        if (c->fork_join_us > 0)
            table_cell(&t, "%.2f us", c->fork_join_us);
        else
            table_cell(&t, "machine is busy");
        table_cell(&t, "%u threads that are awake meet and part", (unsigned)c->threads);
    }
    table_print(&t, stdout);
}

static void print_kernels(void)
{
    static const char *const title[] = {"kernels", "level in use"};
    const char *family, *level;
    table t;
    table_init(&t, 2, title);
    for (int i = 0; sedge_cpu_kernels(i, &family, &level); i++) {
        table_cell(&t, "%s", family);
        table_cell(&t, "%s", level);
    }
    putchar('\n');
    table_print(&t, stdout);
}

static int cpu_main(int argc, char **argv)
{
    args a = {0};
    sedge_cpu c;
    sedge_error err = {0};
    int status = args_parse(&a, &verb_cpu, "j", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_cpu.usage);
    else if (status == EXIT_OK && a.n_rest)
        status = usage(&verb_cpu, "it takes no file");
    else if (status == EXIT_OK && sedge_cpu_measure(&c, &err) != SEDGE_OK)
        status = fail_error("cpu", &err);
    else if (status == EXIT_OK && a.json)
        print_json(&c);
    else if (status == EXIT_OK) {
        printf("%s%s%u %s for this process, instructions up to %s\n\n", c.name, *c.name ? ", " : "", (unsigned)c.threads,
               c.threads == 1 ? "core" : "cores", c.level);
        print_limits(&c);
        print_kernels();
    }
    args_free(&a);
    return status;
}
