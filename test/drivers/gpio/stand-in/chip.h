/* A stand-in for libgpiod in tests, where no GPIO chip exists: chips are text files, calls are written down.
 *
 * The file of a chip: `label TEXT`, then one line a GPIO line: `line NAME HOLDER`, `-` for none. An empty or `forbidden`
 * first word makes opening fail. Beside it, for the line at offset N: `CHIP.N.level` (0 or 1, electrical), `CHIP.N.edges`
 * (how many are waiting), and `CHIP.calls`, to which each call that changes something is appended.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_LINES 64

struct stand_in_line {
  struct stand_in_chip *chip;
  unsigned offset;
  char name[32];
  char holder[32];
  bool used, active_low, held;
};

struct stand_in_chip {
  char path[4096];
  char label[32];
  unsigned lines;
  struct stand_in_line line[MOST_LINES];
};

static inline void note(struct stand_in_chip *chip, const char *format, ...) {
  char path[4200];
  snprintf(path, sizeof path, "%s.calls", chip->path);
  FILE *file = fopen(path, "a");
  va_list rest;
  va_start(rest, format);
  vfprintf(file, format, rest);
  va_end(rest);
  fputc('\n', file);
  fclose(file);
}

static inline long number_in(struct stand_in_line *line, const char *what, long otherwise) {
  char path[4200];
  snprintf(path, sizeof path, "%s.%u.%s", line->chip->path, line->offset, what);
  FILE *file = fopen(path, "r");
  if (!file) return otherwise;
  long value = otherwise;
  if (fscanf(file, "%ld", &value) != 1) value = otherwise;
  fclose(file);
  return value;
}

static inline void write_number(struct stand_in_line *line, const char *what, long value) {
  char path[4200];
  snprintf(path, sizeof path, "%s.%u.%s", line->chip->path, line->offset, what);
  FILE *file = fopen(path, "w");
  fprintf(file, "%ld", value);
  fclose(file);
}

static inline struct stand_in_chip *open_stand_in(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) return NULL;
  struct stand_in_chip *chip = calloc(1, sizeof *chip);
  snprintf(chip->path, sizeof chip->path, "%s", path);
  char kind[16], first[32], second[32], row[128];
  while (fgets(row, sizeof row, file)) {
    int found = sscanf(row, "%15s %31s %31s", kind, first, second);
    if (found >= 1 && strcmp(kind, "forbidden") == 0) {
      fclose(file);
      free(chip);
      errno = EACCES;
      return NULL;
    }
    if (found == 2 && strcmp(kind, "label") == 0) memcpy(chip->label, first, sizeof first);
    if (found == 3 && strcmp(kind, "line") == 0 && chip->lines < MOST_LINES) {
      struct stand_in_line *line = &chip->line[chip->lines];
      line->chip = chip;
      line->offset = chip->lines++;
      if (strcmp(first, "-") != 0) memcpy(line->name, first, sizeof first);
      line->used = strcmp(second, "-") != 0;
      if (line->used) memcpy(line->holder, second, sizeof second);
    }
  }
  fclose(file);
  return chip;
}

static inline int level_of(struct stand_in_line *line) {
  long level = number_in(line, "level", 0);
  if (level > 1) {
    errno = EIO;
    return -1;
  }
  return (level == 1) != line->active_low;
}

static inline int set_level(struct stand_in_line *line, int active) {
  if (number_in(line, "level", 0) > 1) {
    errno = EIO;
    return -1;
  }
  write_number(line, "level", (active == 1) != line->active_low);
  note(line->chip, "set %u %d", line->offset, active);
  return 0;
}

static inline void take_line(struct stand_in_line *line, const char *consumer, bool output, int value) {
  line->held = true;
  note(line->chip, "take %u as %s: %s, active-low %d", line->offset, consumer, output ? "output" : "input", line->active_low);
  if (output) set_level(line, value);
}
