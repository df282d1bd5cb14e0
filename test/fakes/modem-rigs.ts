/** Two simulated radios and a modem on one of them, over each kind of line. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readlinkSync, realpathSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { scaledClock } from "../../src/drivers/clock.ts";
import { openMeshtasticModem } from "../../src/drivers/meshtastic/modem.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Modem } from "../../src/ports/modem.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { openEther, type Ether } from "../../src/sim/ether.ts";
import { openRadioDevice, type RadioDevice } from "../../src/sim/radio-device.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { line, nodeNumber } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import type { ModemRig } from "../contract/modem.ts";
import { silentLog } from "./log.ts";

const US = nodeNumber(0);
const NEIGHBOUR = nodeNumber(1);
const SPEED = 20;

export function openPair(clock: Clock): Ether {
  return openEther({ clock, random: seededRandom("ether"), modulation: PRESETS.ShortFast, links: line(2) });
}

/** The neighbour's radio, in the test's hand. */
export function neighbourOn(ether: Ether): ModemRig["neighbour"] {
  const radio = ether.radio(NEIGHBOUR);
  const heard: ModemRig["neighbour"]["heard"] = [];
  radio.attach({ packet: ({ frame }) => void heard.push(frame), power: () => undefined });
  let id = 0x1000;
  return {
    nodeNumber: NEIGHBOUR,
    get free() {
      return radio.free;
    },
    heard,
    send: (packet) => {
      id++;
      radio.submit({ ...packet, id });
      return id;
    },
  };
}

/** Real time, at most ten seconds. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > 10_000) throw new Error(`not within ten seconds: ${what}`);
    await pause(2);
  }
}

export async function etherRig(): Promise<ModemRig> {
  const clock = new VirtualClock();
  const ether = openPair(clock);
  const random = seededRandom("modem");
  const modem = openEtherModem({ ether, nodeNumber: US, random, region: "US", preset: "ShortFast" });
  const radio = ether.radio(US);
  return {
    modem,
    nodeNumber: US,
    neighbour: neighbourOn(ether),
    until: async (condition, what) => {
      if (!(await clock.runUntil(condition, 600_000))) throw new Error(`not within ten virtual minutes: ${what}`);
    },
    reboot: async () => {
      radio.power(false);
      await clock.advance(3000);
      radio.power(true);
    },
    unplug: () => Promise.resolve(radio.power(false)),
    plug: () => Promise.resolve(radio.power(true)),
    leftovers: () => clock.sleeping,
    [Symbol.asyncDispose]: () => ether[Symbol.asyncDispose](),
  };
}

export async function tcpRig(): Promise<ModemRig> {
  const clock = scaledClock(SPEED);
  const ether = openPair(clock);
  const device = await openDevice(ether, clock, false);
  const modem = meshtastic(device.uri, clock);
  return {
    modem,
    nodeNumber: US,
    neighbour: neighbourOn(ether),
    until: eventually,
    reboot: () => device.reboot(),
    unplug: () => device.unplug(),
    plug: () => device.plug(),
    leftovers: () => device.clients,
    [Symbol.asyncDispose]: async () => {
      await device[Symbol.asyncDispose]();
      await ether[Symbol.asyncDispose]();
    },
  };
}

/** A pseudo-terminal stands for the USB cable. */
export async function serialRig(): Promise<ModemRig> {
  const clock = scaledClock(SPEED);
  const ether = openPair(clock);
  const device = await openDevice(ether, clock, true);
  const folder = await mkdtemp(`${tmpdir()}/radio-`);
  const cable = new Cable(`${folder}/radio`, device.port);
  await cable.plug();
  const modem = meshtastic(`serial://${folder}/radio?baud=115200`, clock);
  return {
    modem,
    nodeNumber: US,
    neighbour: neighbourOn(ether),
    until: eventually,
    reboot: async () => {
      await cable.unplug();
      await device.reboot();
      await cable.plug();
    },
    unplug: async () => {
      await cable.unplug();
      await device.unplug();
    },
    plug: async () => {
      await device.plug();
      await cable.plug();
    },
    leftovers: () => openHandlesOn(realpathSync(`${folder}/radio`)),
    [Symbol.asyncDispose]: async () => {
      await cable.unplug();
      await device[Symbol.asyncDispose]();
      await ether[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** How many of this process's open files are that device. */
function openHandlesOn(path: string): number {
  return readdirSync("/proc/self/fd").filter((handle) => {
    try {
      return readlinkSync(`/proc/self/fd/${handle}`) === path;
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

/** socat between a pseudo-terminal and the device's port. */
export class Cable {
  readonly #path: string;
  readonly #port: number;
  #child: ChildProcess | undefined;

  constructor(path: string, port: number) {
    this.#path = path;
    this.#port = port;
  }

  async plug(): Promise<void> {
    const child = spawn("socat", ["-d", "-d", `pty,raw,echo=0,link=${this.#path}`, `tcp:127.0.0.1:${this.#port}`], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let text = "";
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`socat ended: ${text}`)));
      child.stderr.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes("starting data transfer loop")) resolve();
      });
    });
  }

  async unplug(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await gone;
  }
}

function openDevice(ether: Ether, clock: Clock, logText: boolean): Promise<RadioDevice> {
  const random = seededRandom("device");
  return openRadioDevice({ ether, nodeNumber: US, clock, random, region: "US", preset: "ShortFast", logText });
}

function meshtastic(uri: string, clock: Clock): Modem {
  return openMeshtasticModem(uri, { clock, random: seededRandom("modem"), log: silentLog });
}
