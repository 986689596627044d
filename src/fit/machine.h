/* What a measurement was made on and with: the machine as its system tells of it, and this program. */
#ifndef SG_FIT_MACHINE_H
#define SG_FIT_MACHINE_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/err.h"

/* Processor, microcode, kernel, governor, clock, temperatures, memory; what the system does not tell is null. `root` stands before the paths of
 * /proc and /sys: "" but in tests. NULL: no memory. */
json_t *sg_machine_json(const char *root);
/* Compiler, flags and digest of the sources. */
json_t *sg_build_json(void);

/* The first line of a small file, without its end. False: there is none. */
bool sg_machine_line(const char *root, const char *path, char *text, size_t size);
/* A number that a small file holds; NAN: none. */
double sg_machine_number(const char *root, const char *path);
/* MHz of the first processor now; NAN: not told. Degrees Celsius of the hottest sensor; NAN: none. */
double sg_machine_clock(const char *root);
double sg_machine_temperature(const char *root);

/* Whether an emulator runs this program, so that its times say nothing. */
bool sg_machine_emulated(void);

/* SHA-256 of a file, as digits, and its size (may be NULL). Of a folder: of its names in their order, each with the digest of what it names; hidden
 * ones are left out. */
sedge_status sg_file_digest(const char *path, char text[65], size_t *bytes, sg_err *err);

#endif
