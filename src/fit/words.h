/* Words of commands that come from elsewhere: in a report, or over a link. */
#ifndef SG_FIT_WORDS_H
#define SG_FIT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a word, up to its "=", is one of n. */
bool sg_word_among(const char *word, const char *const *list, size_t n);
/* Whether it is an option of `sedge` that runs another command. */
bool sg_word_commands(const char *word);

#endif
