/* Words of commands that come from elsewhere. */
#include "fit/words.h"

#include <string.h>

bool sg_word_among(const char *word, const char *const *list, size_t n)
{
    size_t len = strcspn(word, "=");
    for (size_t i = 0; i < n; i++)
        if (strlen(list[i]) == len && strncmp(list[i], word, len) == 0)
            return true;
    return false;
}

bool sg_word_commands(const char *word)
{
    static const char *const list[] = {"--beside", "--power-cmd", "--metric-cmd", "--via", "--on"};
    return sg_word_among(word, list, sizeof list / sizeof *list);
}
