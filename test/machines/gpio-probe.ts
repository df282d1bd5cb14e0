/**
 * Tries the GPIO driver on a real chip, for test machines: prints one JSON line a step, exits 0 when all went well.
 *
 *     node test/machines/gpio-probe.ts [OUTPUT [INPUT]]
 *
 * OUTPUT, INPUT: lines as the configuration names them; when left out, `gpio:CHIP/@3` and `gpio:CHIP/@4` of the chip that
 * CAYE_PROBE_CHIP names (QEMU's arm64 `virt`: `9030000.pl061`, whose lines have no names). Needs libgpiod.so.3 or .so.2 and
 * the right to open /dev/gpiochip*. Of QEMU's pl061 the guest's own power key holds line 3 where `gpio-keys` is loaded:
 * then name another, for example CAYE_PROBE_OUTPUT=5.
 * @module
 */
import { argv, env, exit, stdout } from "node:process";
import { parseGpio } from "../../src/config/gpio-address.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemGpio } from "../../src/drivers/gpio/open.ts";
import { describeError, isAgentError } from "../../src/kernel/errors.ts";
import type { LineAddress } from "../../src/ports/gpio.ts";

const CHIP = env["CAYE_PROBE_CHIP"] ?? "9030000.pl061";
const ROUNDS = 1_000;

const say = (step: string, facts: object): void => void stdout.write(`${JSON.stringify({ step, ...facts })}\n`);

function address(text: string): LineAddress {
  const parsed = parseGpio(text);
  if (parsed.ok && parsed.value !== undefined) return parsed.value;
  throw new Error(`${text} names no line`);
}

async function probe(): Promise<void> {
  const clock = systemClock();
  const gpio = systemGpio(clock);
  const output = address(argv[2] ?? `gpio:${CHIP}/@${env["CAYE_PROBE_OUTPUT"] ?? "5"}`);
  const input = address(argv[3] ?? `gpio:${CHIP}/@${env["CAYE_PROBE_INPUT"] ?? "4"}`);
  await refusals(output);
  const line = await gpio.output(output, { consumer: "caye probe", safe: false });
  const startMs = clock.monotonicMs();
  for (let round = 0; round < ROUNDS; round++) line.set(round % 2 === 0);
  say("output", { uri: output.uri, sets: ROUNDS, ms: Math.round(clock.monotonicMs() - startMs) });
  await held(output);
  line[Symbol.dispose]();
  using contact = await gpio.input(input, { consumer: "caye probe", debounceMs: 20 });
  const lookMs = clock.monotonicMs();
  const change = await contact.change(AbortSignal.timeout(500));
  say("input", { uri: input.uri, active: contact.active, changed: change ?? null, ms: clock.monotonicMs() - lookMs });
}

/** What must not work says why. */
async function refusals(output: LineAddress): Promise<void> {
  for (const wrong of [{ chip: "no-such-chip" }, { line: "NO_SUCH_LINE" }, { line: 999 }]) {
    try {
      using _ = await systemGpio(systemClock()).output(
        { ...output, ...wrong },
        { consumer: "caye probe", safe: false },
      );
      throw new Error(`${JSON.stringify(wrong)} was taken`);
    } catch (error) {
      if (!isAgentError(error)) throw error;
      say("refused", { code: error.code, message: error.message });
    }
  }
}

async function held(output: LineAddress): Promise<void> {
  try {
    using _ = await systemGpio(systemClock()).output(output, { consumer: "second", safe: false });
    throw new Error("a line was taken twice");
  } catch (error) {
    if (!isAgentError(error, "GPIO_IN_USE")) throw error;
    say("in use", { message: error.message });
  }
}

try {
  await probe();
  say("done", {});
} catch (error) {
  say("failed", { code: isAgentError(error) ? error.code : "", message: describeError(error) });
  exit(1);
}
