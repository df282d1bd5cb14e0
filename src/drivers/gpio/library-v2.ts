/** libgpiod 2 (`libgpiod.so.3`, Debian 13). Constants and signatures: its public header `gpiod.h`. @module */
import type { Chip, GpioLibrary, Line, LineSettings } from "./library.ts";
import { loadNative, type Native, type Pointer } from "./native.ts";

const DIRECTION = { input: 2, output: 3 } as const;
const EDGE_BOTH = 4;
const BIAS = { "as-is": 1, off: 3, "pull-up": 4, "pull-down": 5 } as const;
/** Edges that are fetched at once; the kernel keeps the rest. */
const BUFFER_EDGES = 16;
/** A line that bounces without end must not hold up all else. */
const MOST_READS = 8;

/** Undefined when it is not installed. */
export async function loadVersion2(file: string): Promise<GpioLibrary | undefined> {
  const native = await loadNative(file);
  if (native === undefined) return undefined;
  const calls = callsOf(native);
  return { file, openChip: (path) => chipOf(calls, calls.openChip(path)) };
}

type Calls = ReturnType<typeof callsOf>;

function callsOf({ pointer, number, text, nothing }: Native) {
  return {
    openChip: pointer("void *gpiod_chip_open(const char *)"),
    closeChip: nothing("void gpiod_chip_close(void *)"),
    chipInfo: pointer("void *gpiod_chip_get_info(void *)"),
    freeChipInfo: nothing("void gpiod_chip_info_free(void *)"),
    chipLabel: text("const char *gpiod_chip_info_get_label(void *)"),
    chipLines: number("size_t gpiod_chip_info_get_num_lines(void *)"),
    lineInfo: pointer("void *gpiod_chip_get_line_info(void *, unsigned int)"),
    freeLineInfo: nothing("void gpiod_line_info_free(void *)"),
    lineName: text("const char *gpiod_line_info_get_name(void *)"),
    lineUsed: number("bool gpiod_line_info_is_used(void *)"),
    lineConsumer: text("const char *gpiod_line_info_get_consumer(void *)"),
    newSettings: pointer("void *gpiod_line_settings_new()"),
    freeSettings: nothing("void gpiod_line_settings_free(void *)"),
    setDirection: number("int gpiod_line_settings_set_direction(void *, int)"),
    setEdges: number("int gpiod_line_settings_set_edge_detection(void *, int)"),
    setBias: number("int gpiod_line_settings_set_bias(void *, int)"),
    setActiveLow: nothing("void gpiod_line_settings_set_active_low(void *, bool)"),
    setOutput: number("int gpiod_line_settings_set_output_value(void *, int)"),
    newConfig: pointer("void *gpiod_line_config_new()"),
    freeConfig: nothing("void gpiod_line_config_free(void *)"),
    addSettings: number("int gpiod_line_config_add_line_settings(void *, const unsigned int *, size_t, void *)"),
    newRequest: pointer("void *gpiod_request_config_new()"),
    freeRequest: nothing("void gpiod_request_config_free(void *)"),
    setConsumer: nothing("void gpiod_request_config_set_consumer(void *, const char *)"),
    requestLines: pointer("void *gpiod_chip_request_lines(void *, void *, void *)"),
    release: nothing("void gpiod_line_request_release(void *)"),
    get: number("int gpiod_line_request_get_value(void *, unsigned int)"),
    set: number("int gpiod_line_request_set_value(void *, unsigned int, int)"),
    waitEdges: number("int gpiod_line_request_wait_edge_events(void *, int64_t)"),
    newBuffer: pointer("void *gpiod_edge_event_buffer_new(size_t)"),
    freeBuffer: nothing("void gpiod_edge_event_buffer_free(void *)"),
    readEdges: number("int gpiod_line_request_read_edge_events(void *, void *, size_t)"),
  };
}

function chipOf(calls: Calls, chip: Pointer): Chip {
  const { label, lines } = factsOf(calls, chip);
  const withInfo = <T>(offset: number, read: (info: Pointer) => T): T => {
    const info = calls.lineInfo(chip, offset);
    try {
      return read(info);
    } finally {
      calls.freeLineInfo(info);
    }
  };
  const nameOf = (offset: number): string => withInfo(offset, (info) => calls.lineName(info));
  return {
    label,
    lines,
    nameOf,
    offsetsOf: (name) => Array.from({ length: lines }, (_, offset) => offset).filter((at) => nameOf(at) === name),
    holderOf: (offset) =>
      withInfo(offset, (info) => (calls.lineUsed(info) === 0 ? undefined : calls.lineConsumer(info))),
    request: (offset, settings) => lineOf(calls, requested(calls, { chip, offset, settings }), offset, settings),
    close: () => calls.closeChip(chip),
  };
}

function factsOf(calls: Calls, chip: Pointer): Pick<Chip, "label" | "lines"> {
  const info = calls.chipInfo(chip);
  try {
    return { label: calls.chipLabel(info), lines: calls.chipLines(info) };
  } finally {
    calls.freeChipInfo(info);
  }
}

interface Wanted {
  readonly chip: Pointer;
  readonly offset: number;
  readonly settings: LineSettings;
}

function requested(calls: Calls, { chip, offset, settings }: Wanted): Pointer {
  using cleanup = new DisposableStack();
  const lineSettings = cleanup.adopt(calls.newSettings(), calls.freeSettings);
  const config = cleanup.adopt(calls.newConfig(), calls.freeConfig);
  const request = cleanup.adopt(calls.newRequest(), calls.freeRequest);
  const { output, activeLow, bias, consumer } = settings;
  calls.setDirection(lineSettings, output === undefined ? DIRECTION.input : DIRECTION.output);
  if (output === undefined) calls.setEdges(lineSettings, EDGE_BOTH);
  else calls.setOutput(lineSettings, Number(output));
  calls.setBias(lineSettings, BIAS[bias]);
  calls.setActiveLow(lineSettings, activeLow);
  calls.addSettings(config, [offset], 1, lineSettings);
  calls.setConsumer(request, consumer);
  return calls.requestLines(chip, request, config);
}

function lineOf(calls: Calls, request: Pointer, offset: number, { output }: LineSettings): Line {
  const buffer = output === undefined ? calls.newBuffer(BUFFER_EDGES) : undefined;
  return {
    set: (active) => void calls.set(request, offset, Number(active)),
    get: () => calls.get(request, offset) === 1,
    takeEdges: () => {
      let taken = 0;
      // Reading waits where nothing is to be read; asking with a time of 0 does not.
      for (let reads = 0; reads < MOST_READS && calls.waitEdges(request, 0) === 1; reads++) {
        taken += calls.readEdges(request, buffer, BUFFER_EDGES);
      }
      return taken;
    },
    release: () => {
      if (buffer !== undefined) calls.freeBuffer(buffer);
      calls.release(request);
    },
  };
}
