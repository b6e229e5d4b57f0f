/* The library repeats what Python found:  cc -O2 -o selftest selftest.c episode.c minisnn_edge*.c && ./selftest selftest.bin */
#include <stdio.h>
#include <stdlib.h>

#include "episode.h"

static unsigned char *whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = NULL;
    long end = -1;
    if (!file) return NULL;
    if (fseek(file, 0, SEEK_END) == 0) end = ftell(file);
    if (end >= 0 && fseek(file, 0, SEEK_SET) == 0) bytes = malloc((size_t)end + 1);
    if (bytes && fread(bytes, 1, (size_t)end, file) != (size_t)end) {
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    *size = (size_t)end;
    return bytes;
}

int main(int argc, char **argv)
{
    size_t size;
    unsigned char *bytes = argc == 2 ? whole(argv[1], &size) : NULL;
    episode_result found;
    if (!bytes) {
        fprintf(stderr, argc == 2 ? "selftest: cannot read the file\n" : "usage: selftest selftest.bin\n");
        return 2;
    }
    found = episode(bytes, size);
    free(bytes);
    if (found.error) {
        fprintf(stderr, "selftest: %s\n", found.error);
        return 2;
    }
    if (found.wrong) printf("%lu of %lu numbers differ\n", (unsigned long)found.wrong, (unsigned long)found.compared);
    else printf("all %lu numbers agree, crc %08lx\n", (unsigned long)found.compared, (unsigned long)found.crc);
    return found.wrong != 0;
}
