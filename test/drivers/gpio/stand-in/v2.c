/* The functions of libgpiod 2 that the driver calls; see chip.h. */
#include "chip.h"

struct settings { int direction, edges, bias, output; bool active_low; };
struct config { unsigned offset; struct settings settings; };
struct request_config { char consumer[32]; };
struct request { struct stand_in_line *line; struct stand_in_chip *chip; };
struct buffer { size_t capacity; };

void *gpiod_chip_open(const char *path) { return open_stand_in(path); }
/* What was requested lives on: the memory of a chip is left to the end of the process. */
void gpiod_chip_close(struct stand_in_chip *chip) { note(chip, "close"); }
void *gpiod_chip_get_info(struct stand_in_chip *chip) { return chip; }
void gpiod_chip_info_free(void *info) { (void)info; }
const char *gpiod_chip_info_get_label(struct stand_in_chip *chip) { return chip->label; }
size_t gpiod_chip_info_get_num_lines(struct stand_in_chip *chip) { return chip->lines; }
void *gpiod_chip_get_line_info(struct stand_in_chip *chip, unsigned offset) {
  if (offset < chip->lines) return &chip->line[offset];
  errno = EINVAL;
  return NULL;
}
void gpiod_line_info_free(void *info) { (void)info; }
const char *gpiod_line_info_get_name(struct stand_in_line *line) { return line->name[0] ? line->name : NULL; }
bool gpiod_line_info_is_used(struct stand_in_line *line) { return line->used; }
const char *gpiod_line_info_get_consumer(struct stand_in_line *line) { return line->holder[0] ? line->holder : NULL; }
struct settings *gpiod_line_settings_new() { return calloc(1, sizeof(struct settings)); }
void gpiod_line_settings_free(struct settings *settings) { free(settings); }
int gpiod_line_settings_set_direction(struct settings *settings, int direction) { settings->direction = direction; return 0; }
int gpiod_line_settings_set_edge_detection(struct settings *settings, int edges) { settings->edges = edges; return 0; }
int gpiod_line_settings_set_bias(struct settings *settings, int bias) { settings->bias = bias; return 0; }
void gpiod_line_settings_set_active_low(struct settings *settings, bool low) { settings->active_low = low; }
int gpiod_line_settings_set_output_value(struct settings *settings, int value) { settings->output = value; return 0; }
struct config *gpiod_line_config_new() { return calloc(1, sizeof(struct config)); }
void gpiod_line_config_free(struct config *config) { free(config); }
int gpiod_line_config_add_line_settings(struct config *config, const unsigned *offsets, size_t count, struct settings *settings) {
  if (count != 1) { errno = EINVAL; return -1; }
  config->offset = offsets[0];
  config->settings = *settings;
  return 0;
}
struct request_config *gpiod_request_config_new() { return calloc(1, sizeof(struct request_config)); }
void gpiod_request_config_free(struct request_config *config) { free(config); }
void gpiod_request_config_set_consumer(struct request_config *config, const char *consumer) {
  snprintf(config->consumer, sizeof config->consumer, "%s", consumer);
}
struct request *gpiod_chip_request_lines(struct stand_in_chip *chip, struct request_config *who, struct config *config) {
  struct stand_in_line *line = &chip->line[config->offset];
  struct settings *settings = &config->settings;
  bool output = settings->direction == 3;
  /* As the kernel does: edges of an output are not watched, and no bias is 0. */
  if ((output && settings->edges) || (!output && settings->edges != 4) || settings->bias < 1) { errno = EINVAL; return NULL; }
  if (number_in(line, "busy", 0)) { errno = EBUSY; return NULL; }
  line->active_low = settings->active_low;
  note(chip, "bias %d", settings->bias);
  take_line(line, who->consumer, output, settings->output);
  struct request *request = calloc(1, sizeof *request);
  request->line = line;
  return request;
}
void gpiod_line_request_release(struct request *request) {
  note(request->line->chip, "release %u", request->line->offset);
  free(request);
}
int gpiod_line_request_get_value(struct request *request, unsigned offset) {
  if (offset != request->line->offset) { errno = EINVAL; return -1; }
  return level_of(request->line);
}
int gpiod_line_request_set_value(struct request *request, unsigned offset, int value) {
  if (offset != request->line->offset) { errno = EINVAL; return -1; }
  return set_level(request->line, value);
}
int gpiod_line_request_wait_edge_events(struct request *request, int64_t nanoseconds) {
  if (nanoseconds != 0) abort();
  return number_in(request->line, "edges", 0) > 0;
}
struct buffer *gpiod_edge_event_buffer_new(size_t capacity) {
  struct buffer *buffer = calloc(1, sizeof *buffer);
  buffer->capacity = capacity;
  return buffer;
}
void gpiod_edge_event_buffer_free(struct buffer *buffer) { free(buffer); }
int gpiod_line_request_read_edge_events(struct request *request, struct buffer *buffer, size_t most) {
  if (most > buffer->capacity) abort();
  long waiting = number_in(request->line, "edges", 0);
  long taken = waiting < (long)most ? waiting : (long)most;
  /* The real one would wait for ever. */
  if (taken == 0) abort();
  write_number(request->line, "edges", waiting - taken);
  return (int)taken;
}
