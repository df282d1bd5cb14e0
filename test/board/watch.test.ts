/** The board at work, over lines and a clock of the test. */
import { afterEach, expect, test } from "vitest";
import { Board } from "../../src/board/board.ts";
import type { SirenAlert } from "../../src/board/siren.ts";
import { BoardWatch, type BoardFacts } from "../../src/board/watch.ts";
import type { BoardWires } from "../../src/board/wires.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { LineAddress } from "../../src/ports/gpio.ts";
import type { Memory } from "../../src/ports/memory.ts";
import { FakeClock } from "../fakes/clock.ts";
import { fakeGpio } from "../fakes/gpio.ts";
import { rememberingLog } from "../fakes/log.ts";

function wire(line: string): LineAddress {
  return { uri: `gpio:chip/${line}`, chip: "chip", line, activeLow: false, bias: "as-is" };
}

const WIRES: BoardWires = {
  lamp: wire("lamp"),
  siren: wire("siren"),
  tamper: wire("tamper"),
  radio_reset: wire("radio_reset"),
  power_fail: wire("power_fail"),
  power_done: wire("power_done"),
};
const NONE: BoardWires = {
  lamp: undefined,
  siren: undefined,
  tamper: undefined,
  radio_reset: undefined,
  power_fail: undefined,
  power_done: undefined,
};
const ALERT: SirenAlert = {
  id: "3f9a1c20-7",
  own: false,
  status: "Actual",
  msgType: "Alert",
  severity: "Extreme",
  urgency: "Immediate",
  trusted: true,
  acknowledged: false,
  sentMs: undefined,
};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface RigOptions {
  readonly wires?: BoardWires;
  readonly gpio?: ReturnType<typeof fakeGpio>;
  readonly memory?: Memory & { files: Map<string, Uint8Array> };
  readonly tellTampering?: () => Promise<void>;
}

function memoryOf(): Memory & { files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    read: async (name) => files.get(name),
    writeAtomic: async (name, bytes) => void files.set(name, bytes),
    remove: async (name) => void files.delete(name),
  };
}

async function rig({ wires = WIRES, gpio = fakeGpio(), memory = memoryOf(), tellTampering }: RigOptions = {}) {
  const clock = new FakeClock();
  const { log, sentences } = rememberingLog();
  const board = await Board.open(wires, 200, { gpio, clock, log });
  const facts: { -readonly [K in keyof BoardFacts]: BoardFacts[K] } = {
    state: "running",
    radioReady: true,
    radioFrames: 0,
    alerts: [],
  };
  let failures = 0;
  const watch = await BoardWatch.open({
    board,
    memory,
    siren: { severities: ["Extreme"], urgencies: ["Immediate"], seconds: 60 },
    resetMinutes: 1,
    facts: () => facts,
    wallMs: () => clock.nowMs(),
    tellTampering,
    onPowerFail: () => void failures++,
  });
  const stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const close = async (): Promise<void> => {
    stop.abort();
    await clock.advance(1);
    await running;
    await board[Symbol.asyncDispose]();
  };
  closing.push(close);
  const lit = (line: string): boolean => gpio.levels.get(`gpio:chip/${line}`) ?? false;
  return {
    clock,
    gpio,
    board,
    watch,
    facts,
    memory,
    sentences,
    lit,
    push: (line: string, active: boolean) => gpio.push(`gpio:chip/${line}`, active),
    start: () => {
      running = watch.run(stop.signal);
      return clock.advance(0);
    },
    close,
    failures: () => failures,
    signal: stop.signal,
  };
}

test("the lamp says that the node boots from the moment its line is held, and is dark in the end", async () => {
  const { board, clock, gpio, lit, close } = await rig();
  expect(board.lamp.sign).toBe("booting");
  const seen: boolean[] = [];
  for (let look = 0; look < 4; look++) {
    seen.push(lit("lamp"));
    await clock.advance(500);
  }
  expect(seen).toEqual([true, false, true, false]);
  await close();
  closing.splice(0);
  expect(gpio.held()).toEqual([]);
  expect([...gpio.levels.values()]).toEqual([false, false, false, false]);
});

test("a new sign is shown at once, not after the old one's pause", async () => {
  const { board, clock, lit, start } = await rig();
  await start();
  await clock.advance(1_000);
  expect([board.lamp.sign, lit("lamp")]).toEqual(["running", false]);
  board.show("stopping");
  await clock.advance(0);
  expect(lit("lamp")).toBe(true);
});

test("with nothing wired nothing happens, and no line is asked for", async () => {
  const { gpio, watch, clock, start, facts } = await rig({ wires: NONE });
  await start();
  facts.alerts = [ALERT];
  await clock.advance(600_000);
  expect(gpio.switched).toEqual([]);
  expect(watch.report()).toMatchObject({ lines: [], radio_resets: 0, lamp: "alert" });
  await expect(watch.test({ line: "siren", seconds: 1 }, AbortSignal.abort())).rejects.toMatchObject({
    code: "BOARD_LINE",
    fix: expect.stringContaining("[board] siren"),
  });
});

test("the siren sounds for an alert that comes, and falls silent when it is acknowledged", async () => {
  const { clock, facts, lit, start, watch, board } = await rig();
  facts.alerts = [{ ...ALERT, id: "old-1" }];
  await start();
  await clock.advance(5_000);
  expect(lit("siren")).toBe(false);
  facts.alerts = [ALERT, ...facts.alerts];
  await clock.advance(1_000);
  expect(lit("siren")).toBe(true);
  expect(watch.report().siren_alerts).toEqual([ALERT.id]);
  expect(board.lamp.sign).toBe("alert");
  facts.alerts = [{ ...ALERT, acknowledged: true }];
  await clock.advance(1_000);
  expect(lit("siren")).toBe(false);
  expect(board.lamp.sign).toBe("running");
});

test("the siren is off when the agent stops, whatever it sounded for", async () => {
  const { clock, facts, lit, start, close } = await rig();
  await start();
  facts.alerts = [ALERT];
  await clock.advance(1_000);
  expect(lit("siren")).toBe(true);
  await close();
  closing.splice(0);
  expect(lit("siren")).toBe(false);
});

test("tests end by themselves", async () => {
  const { clock, lit, start, watch, board, signal } = await rig();
  await start();
  await watch.test({ line: "siren", seconds: 2 }, signal);
  await watch.test({ line: "lamp", sign: "not-started", seconds: 5 }, signal);
  expect([lit("siren"), board.lamp.sign]).toEqual([true, "not-started"]);
  await clock.advance(3_000);
  expect([lit("siren"), board.lamp.sign]).toEqual([false, "not-started"]);
  await clock.advance(3_000);
  expect(board.lamp.sign).toBe("running");
  await expect(watch.test({ line: "siren", seconds: 11 }, signal)).rejects.toMatchObject({ code: "BAD_REQUEST" });
  const reset = watch.test({ line: "radio_reset", seconds: 1 }, signal);
  await clock.advance(100);
  expect(lit("radio_reset")).toBe(true);
  await clock.advance(300);
  expect((await reset).radio_resets).toBe(0);
  expect(lit("radio_reset")).toBe(false);
});

test("an opened case is remembered over restarts, until somebody has seen it and it is closed", async () => {
  let told = 0;
  const tellTampering = async (): Promise<void> => {
    if (++told === 1) throw new AgentError("QUARANTINE", "the node is shut");
  };
  const first = await rig({ tellTampering });
  await first.start();
  expect(first.watch.step()).toBeUndefined();
  first.push("tamper", true);
  await first.clock.advance(2_000);
  expect(first.watch.step()).toMatchObject({ step: "tamper", state: "opened", ok: false });
  expect(first.sentences).toContain("the case is open");
  expect(first.board.lamp.sign).toBe("tamper");
  await expect(first.watch.clearTamper()).rejects.toMatchObject({ code: "BOARD_OPEN" });
  // The first try failed; it is tried again, and then never more.
  await first.clock.advance(300_000);
  expect(told).toBe(2);
  first.push("tamper", false);
  await first.clock.advance(1_000);
  const at = first.watch.report().tamper.at;
  expect(at).not.toBe("");

  const second = await rig({ memory: first.memory, tellTampering });
  await second.start();
  await second.clock.advance(120_000);
  expect(second.watch.report().tamper).toEqual({ opened: true, at });
  expect(told).toBe(2);
  await second.watch.clearTamper();
  expect(second.watch.step()).toBeUndefined();
  expect([...second.memory.files.keys()]).toEqual([]);
  second.push("tamper", true);
  await second.clock.advance(61_000);
  expect(told).toBe(3);
});

test("a case that was opened while no agent ran is seen at the start", async () => {
  const gpio = fakeGpio();
  gpio.push("gpio:chip/tamper", true);
  const { watch, start } = await rig({ gpio });
  await start();
  expect(watch.report().tamper.opened).toBe(true);
});

test("a radio that says nothing is reset by a pulse, and told of", async () => {
  const { clock, facts, gpio, start, watch, sentences } = await rig();
  await start();
  facts.radioFrames = 5;
  await clock.advance(60_000);
  expect(watch.report().radio_resets).toBe(0);
  await clock.advance(5_000);
  expect(watch.report().radio_resets).toBe(1);
  const pulses = gpio.switched.filter(({ uri }) => uri === "gpio:chip/radio_reset").map(({ active }) => active);
  expect(pulses).toEqual([false, true, false]);
  expect(sentences).toContain("the radio is silent: it is reset");
});

test("the radio of a node that is shut is left alone", async () => {
  const { clock, facts, start, watch } = await rig();
  facts.state = "quarantine";
  await start();
  await clock.advance(3_600_000);
  expect(watch.report()).toMatchObject({ radio_resets: 0, lamp: "quarantine" });
});

test("a supply that fails is told once, and shown", async () => {
  const { clock, push, start, failures, board } = await rig();
  await start();
  expect(failures()).toBe(0);
  push("power_fail", true);
  await clock.advance(0);
  expect(failures()).toBe(1);
  expect(board.lamp.sign).toBe("stopping");
});

test("a start waits for the supply; the end says that all is on the disk, and goes on when the supply is back", async () => {
  const gpio = fakeGpio();
  gpio.push("gpio:chip/power_fail", true);
  const { board, clock, lit, push } = await rig({ gpio });
  let started = false;
  const start = board.untilPowered(new AbortController().signal).then(() => (started = true));
  await clock.advance(60_000);
  expect(started).toBe(false);
  push("power_fail", false);
  await start;
  push("power_fail", true);
  const wires = board.wires.change("power_fail", new AbortController().signal);
  expect(await wires).toBe(true);
  board.noteFailure();
  await clock.advance(340);
  const end = board.afterPowerFail(new AbortController().signal);
  const failed = expect(end).rejects.toMatchObject({
    code: "POWER_FAIL",
    message: "the supply failed; everything was on the disk after 340 ms",
  });
  await clock.advance(30_000);
  expect(lit("power_done")).toBe(true);
  push("power_fail", false);
  await failed;
});

test("a line that breaks is a fault with a fix, and stops nothing else", async () => {
  const gpio = fakeGpio();
  gpio.breaks("gpio:chip/siren");
  const { clock, facts, lit, start, watch, board, sentences } = await rig({ gpio });
  await start();
  facts.alerts = [ALERT];
  gpio.breaks("gpio:chip/tamper");
  await clock.advance(10_000);
  expect(board.lamp.sign).toBe("alert");
  expect(lit("siren")).toBe(false);
  const faults = watch.report().lines.filter(({ state }) => state === "fault");
  expect(faults.map(({ name, fix }) => [name, fix])).toEqual([
    ["siren", "Look at the wire."],
    ["tamper", "Look at the wire."],
  ]);
  expect(sentences.filter((sentence) => sentence === "a line of the board does not work")).toHaveLength(2);
});
