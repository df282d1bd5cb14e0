/* The functions of libgpiod 1.6 that the driver calls, with its structures; see chip.h. */
#include <time.h>
#include "chip.h"

struct gpiod_line_request_config { const char *consumer; int request_type; int flags; };
struct gpiod_line_event { struct timespec ts; int event_type; };

void *gpiod_chip_open(const char *path) { return open_stand_in(path); }
void gpiod_chip_close(struct stand_in_chip *chip) {
  note(chip, "close");
  /* Lines die with their chip: who uses one afterwards is found out. */
  memset(chip->line, 0xff, sizeof chip->line);
}
const char *gpiod_chip_label(struct stand_in_chip *chip) { return chip->label; }
unsigned int gpiod_chip_num_lines(struct stand_in_chip *chip) { return chip->lines; }
void *gpiod_chip_get_line(struct stand_in_chip *chip, unsigned int offset) {
  if (offset < chip->lines) return &chip->line[offset];
  errno = EINVAL;
  return NULL;
}
const char *gpiod_line_name(struct stand_in_line *line) { return line->name[0] ? line->name : NULL; }
bool gpiod_line_is_used(struct stand_in_line *line) { return line->used; }
const char *gpiod_line_consumer(struct stand_in_line *line) { return line->holder[0] ? line->holder : NULL; }
int gpiod_line_request(struct stand_in_line *line, const struct gpiod_line_request_config *config, int value) {
  bool output = config->request_type == 3;
  if (!output && config->request_type != 6) { errno = EINVAL; return -1; }
  if (number_in(line, "busy", 0)) { errno = EBUSY; return -1; }
  line->active_low = (config->flags & 4) != 0;
  note(line->chip, "bias flags %d", config->flags & ~4);
  take_line(line, config->consumer, output, value);
  return 0;
}
void gpiod_line_release(struct stand_in_line *line) { note(line->chip, "release %u", line->offset); }
int gpiod_line_get_value(struct stand_in_line *line) { return level_of(line); }
int gpiod_line_set_value(struct stand_in_line *line, int value) { return set_level(line, value); }
int gpiod_line_event_wait(struct stand_in_line *line, const struct timespec *timeout) {
  if (timeout->tv_sec != 0 || timeout->tv_nsec != 0) abort();
  return number_in(line, "edges", 0) > 0;
}
int gpiod_line_event_read(struct stand_in_line *line, struct gpiod_line_event *event) {
  long waiting = number_in(line, "edges", 0);
  if (waiting == 0) abort();
  write_number(line, "edges", waiting - 1);
  /* The whole structure is written: one that is too short in the caller's memory shows. */
  event->ts.tv_sec = 1750000000;
  event->ts.tv_nsec = 999999999;
  event->event_type = 2;
  return 0;
}
