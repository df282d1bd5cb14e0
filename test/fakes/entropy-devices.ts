/**
 * Serial generators that speak their documented protocols, with every fault that a real one can have, and two cables to
 * them: one in memory, one over a pseudo-terminal.
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { type KeyObject, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { tmpdir } from "node:os";
import type { BytePort } from "../../src/drivers/entropy/byte-port.ts";
import { type Samples, ideal } from "./entropy.ts";

export interface SimulatedDevice {
  receive(bytes: Uint8Array): void;
  setBaud(baud: number): void;
  /** What it sends next; undefined: nothing for now. */
  next(): Uint8Array | undefined;
}

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const taken = (samples: Samples, count: number): Uint8Array => Uint8Array.from({ length: count }, () => samples());

const PACKET_BYTES = 62;

/** Answers wait here until the cable takes them, in the packets of a serial chip. */
class Outbox {
  readonly #waiting: Uint8Array[] = [];

  push(...parts: readonly Uint8Array[]): void {
    const bytes = Uint8Array.from(Buffer.concat(parts));
    for (let at = 0; at < bytes.length; at += PACKET_BYTES) this.#waiting.push(bytes.subarray(at, at + PACKET_BYTES));
  }

  next(): Uint8Array | undefined {
    return this.#waiting.shift();
  }
}

export class SimulatedQcicada implements SimulatedDevice {
  samples: Samples = ideal(1);
  serial = "QC0000000217";
  hardware = "CICADA-QRNG-1.1";
  /** Bit 0: initialized; see the protocol. */
  flags = 1;
  /** Of a device as it comes: SHA-256, all tests, block size 448, and it goes on after an error. */
  config = Uint8Array.from([0, 0, 0, 0x80, 0x3f, 0b0011_1111, 1, 64, 0xc0, 1, 0, 8]);
  /** Commands that it refuses. */
  readonly refuses = new Set<number>();
  /** Keeps its configuration whatever it is told. */
  stubborn = false;
  /** Of each block gives only so many samples. */
  shortTo: number | undefined;
  /** What it says instead of any answer. */
  garbage: Uint8Array | undefined;
  /** Streams when it is opened, as whoever used it before left it. */
  streaming = false;
  readonly commands: number[] = [];
  readonly authority = p256();
  readonly #own = p256();
  /** Signs with it instead of its own. */
  otherKey: KeyObject | undefined;
  readonly #outbox = new Outbox();

  setBaud(): void {}

  next(): Uint8Array | undefined {
    return this.#outbox.next() ?? (this.streaming ? taken(this.samples, 64) : undefined);
  }

  receive(bytes: Uint8Array): void {
    const code = bytes[0] ?? 0;
    this.commands.push(code);
    if (this.garbage !== undefined) return this.#outbox.push(this.garbage);
    if (this.refuses.has(code)) return this.#outbox.push(Uint8Array.of(0x12));
    this.#answer(code, bytes);
  }

  #answer(code: number, bytes: Uint8Array): void {
    const ack = Uint8Array.of(0x11, this.flags, 0x40, 0x34, 0, 0);
    const answers: Readonly<Record<number, () => readonly Uint8Array[]>> = {
      0x01: () => [ack],
      0x04: () => this.#start(ack, (bytes[2] ?? 0) | ((bytes[3] ?? 0) << 8)),
      0x05: () => {
        this.streaming = false;
        return [ack];
      },
      0x07: () => [Uint8Array.of(0x17), this.config],
      0x08: () => {
        if (!this.stubborn) this.config = bytes.slice(1, 13);
        return [ack];
      },
      0x0b: () => [Uint8Array.of(0x1b), this.#info()],
      0x51: () => {
        const data = taken(this.samples, (bytes[1] ?? 0) | ((bytes[2] ?? 0) << 8));
        return [Uint8Array.of(0x52), data, signed(this.otherKey ?? this.#own.key, data)];
      },
      0xf7: () => [Uint8Array.of(0xf9), this.#own.raw],
      0xf9: () => {
        const named = Uint8Array.of(0, 0, 1, 1, 217, 0, 0, 0);
        return [Uint8Array.of(0xfb), signed(this.authority.key, Buffer.concat([named, this.#own.raw]))];
      },
    };
    this.#outbox.push(...(answers[code]?.() ?? [Uint8Array.of(0x12)]));
  }

  /** With a failed test, and not told to go on, it gives no samples. */
  #start(ack: Uint8Array, count: number): readonly Uint8Array[] {
    const failed = (this.flags & 0b1111_1100) !== 0 && ((this.config[5] ?? 0) & 0b10_0000) === 0;
    return failed ? [ack] : [ack, taken(this.samples, Math.min(count, this.shortTo ?? count))];
  }

  #info(): Uint8Array {
    const info = Buffer.alloc(56);
    info.writeUInt32LE(0x1000c, 0);
    info.writeUInt32LE(0x5000e, 4);
    info.write(this.serial, 8, 24, "latin1");
    info.write(this.hardware, 32, 24, "latin1");
    return info;
  }
}

function p256(): { readonly key: KeyObject; readonly raw: Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const raw = Uint8Array.from(Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]));
  return { key: privateKey, raw };
}

const signed = (key: KeyObject, words: Uint8Array): Uint8Array =>
  sign("sha256", words, { key, dsaEncoding: "ieee-p1363" });

export class SimulatedTruerng implements SimulatedDevice {
  /** Ten bits each. */
  generators: readonly [Samples, Samples] = [ideal(2, 10), ideal(3, 10)];
  whitened: Samples = ideal(4);
  readonly pro: boolean;
  /** A byte in so many gets lost. */
  losesEvery = Infinity;
  bauds: number[] = [];
  mode = 300;
  #place = 0;

  constructor(pro: boolean) {
    this.pro = pro;
  }

  receive(): void {}

  setBaud(baud: number): void {
    this.bauds.push(baud);
    const [a, b, c] = this.bauds.slice(-4, -1);
    if (this.pro && a === 110 && b === 300 && c === 110) this.mode = baud;
  }

  next(): Uint8Array {
    if (this.mode === 38_400) return ascii("0217, 01fe\n".repeat(6));
    if (this.mode !== 19_200) return taken(this.whitened, 64);
    const bytes: number[] = [];
    for (let i = 0; i < 16; i++) {
      const [a, b] = [this.generators[0](), this.generators[1]()];
      bytes.push(a >> 6, 0x40 | (a & 63), 0x80 | (b >> 6), 0xc0 | (b & 63));
    }
    // A stream is never met at the beginning of a packet.
    return Uint8Array.from(bytes.filter(() => ++this.#place % this.losesEvery !== 0 && this.#place !== 1));
  }
}

export class SimulatedOnerng implements SimulatedDevice {
  samples: Samples = ideal(5);
  version = "\r\nVersion 3\r\n";
  identity: string | undefined = "___4F2A11\n";
  running = false;
  mode = 0;
  readonly #outbox = new Outbox();
  #asked: string[] = [];

  setBaud(): void {}

  receive(bytes: Uint8Array): void {
    for (const [, letter = ""] of Buffer.from(bytes)
      .toString("latin1")
      .matchAll(/cmd(.)/g))
      this.#command(letter);
  }

  next(): Uint8Array | undefined {
    if (!this.running) return undefined;
    const answer = this.#asked.shift();
    if (answer !== undefined) return ascii(answer);
    const noise = (this.mode & 4) === 0;
    return this.#outbox.next() ?? (noise ? taken(this.samples, 64) : undefined);
  }

  #command(letter: string): void {
    if (letter === "O") this.running = true;
    if (letter === "o") this.running = false;
    if (letter === "v") this.#asked.push(this.version);
    if (letter === "I" && this.identity !== undefined) this.#asked.push(this.identity);
    if (/[0-9a-f]/.test(letter)) this.mode = Number.parseInt(letter, 16);
  }
}

/** A cable in the test's hand. */
export interface Cable {
  readonly port: BytePort;
  readonly unplug: () => void;
  /** It is there, and nothing comes; `after` so many further bytes. */
  hush(after?: number): void;
  speak(): void;
}

export function cableTo(device: SimulatedDevice): Cable {
  let listener: ((chunk: Uint8Array) => void) | undefined;
  let gone: ((reason: string) => void) | undefined;
  let plugged = true;
  let left = Infinity;
  let pumping = false;
  const ended = new Promise<string>((resolve) => {
    gone = resolve;
  });
  const pump = (): void => {
    pumping = false;
    if (listener === undefined || !plugged || left <= 0) return;
    const chunk = device.next()?.slice(0, left);
    if (chunk === undefined) return;
    left -= chunk.length;
    listener(chunk);
    schedule();
  };
  const schedule = (): void => {
    if (pumping) return;
    pumping = true;
    setImmediate(pump);
  };
  const needPlug = (): void => {
    if (!plugged) throw Object.assign(new Error("no such device"), { code: "ENXIO" });
  };
  const end = (reason: string): void => {
    plugged = false;
    gone?.(reason);
  };
  const port: BytePort = {
    ended,
    listen: (onBytes) => {
      listener = onBytes;
      if (onBytes !== undefined) schedule();
    },
    flush: async () => needPlug(),
    write: async (bytes) => {
      needPlug();
      device.receive(bytes);
      schedule();
    },
    setBaud: async (baud) => {
      needPlug();
      device.setBaud(baud);
    },
    [Symbol.asyncDispose]: async () => end("it was closed"),
  };
  return {
    port,
    unplug: () => end("it was unplugged"),
    hush: (after = 0) => {
      left = after;
    },
    speak: () => {
      left = Infinity;
      schedule();
    },
  };
}

export interface PseudoTerminal extends AsyncDisposable {
  readonly path: string;
  unplug(): Promise<void>;
}

/** socat between a pseudo-terminal and the device: what the serial driver opens is then a real terminal. */
export async function terminalTo(device: SimulatedDevice): Promise<PseudoTerminal> {
  const server = createServer((socket) => serve(device, socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = await mkdtemp(`${tmpdir()}/generator-`);
  const path = `${folder}/tty`;
  const child = spawn("socat", [
    "-d",
    "-d",
    `pty,raw,echo=0,link=${path}`,
    `tcp:127.0.0.1:${portOf(server.address())},rcvbuf=2048`,
  ]);
  await connected(child);
  const unplug = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await gone;
  };
  return {
    path,
    unplug,
    [Symbol.asyncDispose]: async () => {
      await unplug();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

function portOf(address: string | AddressInfo | null): number {
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

function serve(device: SimulatedDevice, socket: Socket): void {
  let due = false;
  // A packet at a time, so that a device that never stops fills no great buffers.
  const pump = (): void => {
    due = false;
    if (!socket.writable || socket.writableNeedDrain) return;
    const chunk = device.next();
    if (chunk === undefined) return;
    socket.write(chunk);
    schedule();
  };
  const schedule = (): void => {
    if (due) return;
    due = true;
    setImmediate(pump);
  };
  socket.on("error", () => undefined);
  socket.on("drain", schedule);
  socket.on("data", (bytes: Buffer) => {
    device.receive(Uint8Array.from(bytes));
    schedule();
  });
  schedule();
}

async function connected(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`socat ended: ${said}`)));
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("starting data transfer loop")) resolve();
    });
  });
}
