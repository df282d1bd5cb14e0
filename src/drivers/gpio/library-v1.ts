/** libgpiod 1.6 (`libgpiod.so.2`, Debian 12). Constants, structures and signatures: its public header `gpiod.h`. @module */
import type { Chip, GpioLibrary, Line, LineSettings } from "./library.ts";
import { loadNative, type Native, type Pointer } from "./native.ts";

const REQUEST = { output: 3, bothEdges: 6 } as const;
const FLAG_ACTIVE_LOW = 4;
const BIAS_FLAG = { "as-is": 0, off: 8, "pull-down": 16, "pull-up": 32 } as const;
/** A line that bounces without end must not hold up all else. */
const MOST_READS = 128;
const NO_TIME = { tv_sec: 0, tv_nsec: 0 };

/** Undefined when it is not installed. */
export async function loadVersion1(file: string): Promise<GpioLibrary | undefined> {
  const native = await loadNative(file);
  if (native === undefined) return undefined;
  const calls = callsOf(native);
  return { file, openChip: (path) => chipOf(calls, calls.openChip(path)) };
}

type Calls = ReturnType<typeof callsOf>;

/** The structures have the C compiler's layout; `long` has 64 bits on arm64 and amd64. */
function callsOf({ koffi, pointer, number, text, nothing }: Native) {
  const time = koffi.struct({ tv_sec: "long", tv_nsec: "long" });
  const config = koffi.struct({ consumer: "const char *", request_type: "int", flags: "int" });
  const event = koffi.struct({ ts: time, event_type: "int" });
  const requestTakes = ["void *", koffi.pointer(config), "int"];
  const waitTakes = ["void *", koffi.pointer(time)];
  const readTakes = ["void *", koffi.out(koffi.pointer(event))];
  return {
    openChip: pointer("void *gpiod_chip_open(const char *)"),
    closeChip: nothing("void gpiod_chip_close(void *)"),
    chipLabel: text("const char *gpiod_chip_label(void *)"),
    chipLines: number("unsigned int gpiod_chip_num_lines(void *)"),
    line: pointer("void *gpiod_chip_get_line(void *, unsigned int)"),
    lineName: text("const char *gpiod_line_name(void *)"),
    lineUsed: number("bool gpiod_line_is_used(void *)"),
    lineConsumer: text("const char *gpiod_line_consumer(void *)"),
    request: number({ name: "gpiod_line_request", result: "int", takes: requestTakes }),
    release: nothing("void gpiod_line_release(void *)"),
    get: number("int gpiod_line_get_value(void *)"),
    set: number("int gpiod_line_set_value(void *, int)"),
    waitEdge: number({ name: "gpiod_line_event_wait", result: "int", takes: waitTakes }),
    readEdge: number({ name: "gpiod_line_event_read", result: "int", takes: readTakes }),
  };
}

function chipOf(calls: Calls, chip: Pointer): Chip {
  const lines = calls.chipLines(chip);
  const nameOf = (offset: number): string => calls.lineName(calls.line(chip, offset));
  // Lines of this version live as long as their chip: it is closed once the last of them is let go, too.
  let users = 1;
  const letGo = (): void => {
    users--;
    if (users === 0) calls.closeChip(chip);
  };
  return {
    label: calls.chipLabel(chip),
    lines,
    nameOf,
    offsetsOf: (name) => Array.from({ length: lines }, (_, offset) => offset).filter((at) => nameOf(at) === name),
    holderOf: (offset) => {
      const line = calls.line(chip, offset);
      return calls.lineUsed(line) === 0 ? undefined : calls.lineConsumer(line);
    },
    request: (offset, settings) => {
      const line = calls.line(chip, offset);
      calls.request(line, configOf(settings), Number(settings.output ?? false));
      users++;
      return lineOf(calls, line, letGo);
    },
    close: letGo,
  };
}

function configOf({ consumer, activeLow, bias, output }: LineSettings) {
  return {
    consumer,
    request_type: output === undefined ? REQUEST.bothEdges : REQUEST.output,
    flags: BIAS_FLAG[bias] | (activeLow ? FLAG_ACTIVE_LOW : 0),
  };
}

function lineOf(calls: Calls, line: Pointer, letGo: () => void): Line {
  return {
    set: (active) => void calls.set(line, Number(active)),
    get: () => calls.get(line) === 1,
    takeEdges: () => {
      let taken = 0;
      for (; taken < MOST_READS && calls.waitEdge(line, NO_TIME) === 1; taken++) calls.readEdge(line, {});
      return taken;
    },
    release: () => {
      calls.release(line);
      letGo();
    },
  };
}
