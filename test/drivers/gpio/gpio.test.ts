/** The GPIO driver over a stand-in for each version of libgpiod; and the fake that other tests use. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { afterAll, describe, expect, test } from "vitest";
import { loadVersion1 } from "../../../src/drivers/gpio/library-v1.ts";
import { loadVersion2 } from "../../../src/drivers/gpio/library-v2.ts";
import { systemGpio } from "../../../src/drivers/gpio/open.ts";
import type { LineAddress } from "../../../src/ports/gpio.ts";
import { CASE, describeGpio, LAMP } from "../../contract/gpio.ts";
import { FakeClock } from "../../fakes/clock.ts";
import { fakeGpio } from "../../fakes/gpio.ts";
import { headerChip, offsetOf, openStandIn, type StandIn } from "./stand-in.ts";

const CHIP = "gpiochip10";
const OUTPUT = { consumer: "caye lamp", safe: false };
const INPUT = { consumer: "caye tamper", debounceMs: 20 };

describe("the fake", () => {
  describeGpio(() => {
    const gpio = fakeGpio();
    return {
      gpio,
      level: ({ uri }) => gpio.levels.get(uri) ?? false,
      push: ({ uri }, active) => gpio.push(uri, active),
      pass: () => new Promise((done) => void setImmediate(done)),
    };
  });
});

const compiler = spawnSync("gcc", ["--version"]).error === undefined;

describe.skipIf(!compiler).each(["v1", "v2"] as const)("libgpiod %s (skipped without gcc)", (version) => {
  const opened: StandIn[] = [];
  afterAll(async () => {
    for (const standIn of opened) await standIn[Symbol.asyncDispose]();
  });

  async function rig() {
    const standIn = await openStandIn(version);
    if (standIn === undefined) throw new Error("gcc is gone");
    opened.push(standIn);
    headerChip(standIn);
    const clock = new FakeClock();
    const gpio = systemGpio(clock, standIn.places);
    const electrical = ({ activeLow }: LineAddress, active: boolean): number => Number(active !== activeLow);
    return {
      gpio,
      clock,
      standIn,
      level: (address: LineAddress) => standIn.level(CHIP, offsetOf(address)) === electrical(address, true),
      push: (address: LineAddress, active: boolean) => {
        standIn.write(CHIP, offsetOf(address), "level", electrical(address, active));
        standIn.write(CHIP, offsetOf(address), "edges", 1);
      },
      pass: (ms: number) => clock.advance(ms),
    };
  }

  describeGpio(rig);

  test("asks for the line as it was told, and lets it go", async () => {
    const { gpio, standIn } = await rig();
    (await gpio.output(LAMP, OUTPUT))[Symbol.dispose]();
    const contact = await gpio.input(CASE, INPUT);
    const bias = (v1: number, v2: number): string => (version === "v1" ? `bias flags ${v1}` : `bias ${v2}`);
    const chipCloses = standIn.calls(CHIP).filter((call) => call === "close").length;
    expect(standIn.calls(CHIP).filter((call) => call !== "close")).toEqual([
      bias(0, 1),
      "take 0 as caye lamp: output, active-low 0",
      "set 0 0",
      "set 0 0",
      "release 0",
      bias(32, 4),
      "take 1 as caye tamper: input, active-low 1",
    ]);
    contact[Symbol.dispose]();
    // Lines of version 1 hold their chip open.
    expect(standIn.calls(CHIP).filter((call) => call === "close").length - chipCloses).toBe(version === "v1" ? 1 : 0);
    expect(standIn.calls(CHIP).at(version === "v1" ? -2 : -1)).toBe("release 1");
  });

  test("a contact that bounces is told once, and one that only twitched not at all", async () => {
    const { gpio, clock, push } = await rig();
    push(CASE, false);
    using contact = await gpio.input(CASE, { ...INPUT, debounceMs: 200 });
    const told: (boolean | undefined)[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      while (!stop.signal.aborted) told.push(await contact.change(stop.signal));
    })();
    await clock.advance(1_000);
    for (let bounce = 0; bounce < 9; bounce++) {
      push(CASE, bounce % 2 === 0);
      await clock.advance(60);
    }
    expect(told).toEqual([]);
    await clock.advance(250);
    expect(told).toEqual([true]);
    push(CASE, false);
    await clock.advance(60);
    push(CASE, true);
    await clock.advance(1_000);
    expect(told).toEqual([true]);
    stop.abort();
    await watching;
  });

  test("takes many edges in calls that return", async () => {
    const { gpio, clock, standIn } = await rig();
    using contact = await gpio.input(CASE, INPUT);
    const stop = new AbortController();
    const change = contact.change(stop.signal);
    await clock.advance(100);
    standIn.write(CHIP, 1, "edges", 300);
    await clock.advance(500);
    stop.abort();
    await change;
    expect(readFileSync(join(standIn.directory, `${CHIP}.1.edges`), "utf8")).toBe("0");
  });

  test("a line without a name is found by its offset, one with a name is not", async () => {
    const { gpio } = await rig();
    const plain = { chip: "pinctrl-rp1", activeLow: false, bias: "as-is" } as const;
    (await gpio.output({ ...plain, uri: "gpio:pinctrl-rp1/@2", line: 2 }, OUTPUT))[Symbol.dispose]();
    await expect(gpio.output({ ...plain, uri: "gpio:pinctrl-rp1/@0", line: 0 }, OUTPUT)).rejects.toMatchObject({
      code: "GPIO_LINE",
      message: "gpio:pinctrl-rp1/@0: that line has a name: GPIO17",
    });
    await expect(gpio.output({ ...plain, uri: "gpio:pinctrl-rp1/@6", line: 6 }, OUTPUT)).rejects.toMatchObject({
      code: "GPIO_LINE",
      message: "gpio:pinctrl-rp1/@6: pinctrl-rp1 has no line @6",
    });
  });

  test.each([
    ["no such chip", { chip: "pinctrl-bcm2712" }, "GPIO_CHIP", /the chips are called pinctrl-rp1, gpio-brcmstb/],
    ["no such line", { line: "GPIO99" }, "GPIO_LINE", /pinctrl-rp1 has no line GPIO99/],
    ["two lines of one name", { line: "GPIO5" }, "GPIO_LINE", /more than one line is called GPIO5/],
    ["held by another", { line: "GPIO22" }, "GPIO_IN_USE", /in use by spi0/],
  ])("says what stands in the way: %s", async (_, changes, code, message) => {
    const { gpio, standIn } = await rig();
    await expect(gpio.output({ ...LAMP, ...changes }, OUTPUT)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      fix: expect.stringMatching(/.{20}/),
    });
    expect(standIn.calls(CHIP).at(-1)).toBe("close");
  });

  test("a line that another process takes first is in use", async () => {
    const { gpio, standIn } = await rig();
    standIn.write(CHIP, 0, "busy", 1);
    await expect(gpio.output(LAMP, OUTPUT)).rejects.toMatchObject({ code: "GPIO_IN_USE" });
  });

  test("a chip that this user may not open is told apart from one that is not there, and hinders no other", async () => {
    const { gpio, standIn } = await rig();
    standIn.chip("gpiochip11", "", []);
    (await gpio.output(LAMP, OUTPUT))[Symbol.dispose]();
    await expect(gpio.output({ ...LAMP, chip: "other" }, OUTPUT)).rejects.toMatchObject({
      code: "GPIO_FORBIDDEN",
      fix: expect.stringContaining("gpio"),
    });
  });

  test("a link to a chip is no second chip", async () => {
    const { gpio, standIn } = await rig();
    symlinkSync(join(standIn.directory, CHIP), join(standIn.directory, "gpiochip4"));
    symlinkSync(join(standIn.directory, CHIP), join(standIn.directory, "gpiochip-header"));
    (await gpio.output(LAMP, OUTPUT))[Symbol.dispose]();
  });

  test("a chip that fails later gives an error, and is let go all the same", async () => {
    const { gpio, standIn } = await rig();
    const lamp = await gpio.output(LAMP, OUTPUT);
    using contact = await gpio.input(CASE, { ...INPUT, debounceMs: 0 });
    for (const offset of [0, 1]) standIn.write(CHIP, offset, "level", 9);
    expect(() => lamp.set(true)).toThrow(expect.objectContaining({ code: "GPIO_IO" }));
    await expect(contact.change(new AbortController().signal)).rejects.toMatchObject({ code: "GPIO_IO" });
    lamp[Symbol.dispose]();
    expect(standIn.calls(CHIP).at(version === "v1" ? -2 : -1)).toBe("release 0");
  });
});

test("without libgpiod the error names the package", async () => {
  const places = { directory: "/dev", version2: "libnowhere.so.3", version1: "libnowhere.so.2" };
  const gpio = systemGpio(new FakeClock(), places);
  await expect(gpio.output(LAMP, OUTPUT)).rejects.toMatchObject({
    code: "GPIO_LIBRARY",
    fix: expect.stringContaining("apt install libgpiod3"),
  });
});

test.for([
  { file: "libgpiod.so.2", load: loadVersion1 },
  { file: "libgpiod.so.3", load: loadVersion2 },
])("the real $file has every function that is called", async ({ file, load }, { skip }) => {
  // A missing function throws; a missing library is undefined.
  const library = (await load(file)) ?? (await load(inTestTrees(file)));
  if (library === undefined) skip(`${file} is neither installed here nor in a tree of the test machines`);
  expect(() => library?.openChip("/dev/null/none")).toThrow(expect.objectContaining({ name: "GpioFailure" }));
});

/** Where Debian trees for test machines lie, there may be the other version of the library. */
function inTestTrees(file: string): string {
  const pattern = join(env["CAYE_MACHINES"] ?? "/var/cache/caye-machines", "trees/*/usr/lib/x86_64-linux-gnu", file);
  return globSync(pattern)[0] ?? file;
}
