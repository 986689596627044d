/* Reading and writing UTF-8, one code point at a time. */
#ifndef SG_OP_UTF8_H
#define SG_OP_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The code point at p (n > 0 bytes left) and its length; a malformed byte reads as 0xFFFD of length 1. */
uint32_t sg_utf8_read(const char *p, uint64_t n, unsigned *len);
/* Writes code point c to p, at most 4 bytes; returns their number. */
unsigned sg_utf8_write(char *p, uint32_t c);
/* Simple case mapping of the Latin, Greek, Cyrillic and Armenian letters; others map to themselves. */
uint32_t sg_utf8_lower(uint32_t c);
uint32_t sg_utf8_upper(uint32_t c);
/* White space as Unicode has it. */
int sg_utf8_is_space(uint32_t c);

#endif
