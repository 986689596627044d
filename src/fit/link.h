/* Messages between a near side and a worker, over two descriptors: a length each, a header (one object of JSON), bytes. Whatever the other side
 * sends is bounded before memory is taken. */
#ifndef SG_FIT_LINK_H
#define SG_FIT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"

/* What each side says first. */
#define SG_LINK_HELLO "SEDGE-WORKER-1\n"
enum { SG_LINK_HEAD_MAX = 4 << 20, SG_LINK_BODY_MAX = 64 << 20, SG_LINK_CHUNK = 256 << 10 };

typedef struct sg_message {
    json_t *head;
    uint8_t *body;
    size_t size;
} sg_message;

/* SEDGE_E_IO: the link is broken; SEDGE_E_DEADLINE: nothing came for wait_s seconds (0: waits for ever); SEDGE_E_FORMAT: what came is no message. */
sedge_status sg_link_greet(int out, sg_err *err);
sedge_status sg_link_greeted(int in, int wait_s, sg_err *err);
/* `head` is taken over. */
sedge_status sg_link_send(int out, json_t *head, const void *body, size_t size, sg_err *err);
sedge_status sg_link_receive(int in, int wait_s, sg_message *m, sg_err *err);
void sg_message_free(sg_message *m);

/* A name of a file in a folder and its folders: relative, no part "." or "..", no control character, at most 1000 bytes. */
bool sg_link_name(const char *name);
/* 64 lower hexadecimal digits. */
bool sg_link_digest(const char *text);

#endif
