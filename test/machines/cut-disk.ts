/**
 * A disk that a power cut treats as it treats a real one: what was written and not yet flushed is lost in part, sector by
 * sector, in no order. Served to QEMU by the NBD protocol over a Unix socket.
 *
 * Killing QEMU alone would be a milder cut: what it handed to this machine's page cache would all be there.
 * Source: the NBD protocol's own document (NetworkBlockDevice/nbd, doc/proto.md), fixed newstyle handshake.
 * @module
 */
import { open, type FileHandle } from "node:fs/promises";
import { createServer, type Socket } from "node:net";

/** What a drive writes whole or not at all. */
const SECTOR = 512;
const MAGIC = 0x4e42444d41474943n;
const OPTION_MAGIC = 0x49484156454f5054n;
const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
const REQUEST_MAGIC = 0x25609513;
const REPLY_MAGIC = 0x67446698;
/** Has flags; flush and "forced unit access" are understood. */
const FLAGS = 0b1101;
const FORCED = 1;
const OPTION = { exportName: 1, abort: 2, go: 7 } as const;
const REPLY = { done: 1, info: 3, unsupported: 2 ** 31 + 1 } as const;
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
const EINVAL = 22;

export interface CutDisk extends AsyncDisposable {
  /** What QEMU opens: `nbd+unix:///?socket=…`. */
  readonly uri: string;
  /**
   * Resolves once so many sectors at least are written and not flushed; from that write on the disk does and answers nothing
   * more, so that they are still so when the power is cut.
   */
  stopAt(sectors: number): Promise<void>;
  /** The power fails: of what was not flushed, each sector is kept or lost by `keeps`. Gives how many were lost, and of how many. */
  cut(keeps: () => boolean): Promise<{ readonly lost: number; readonly unflushed: number }>;
}

/** @param image a raw image, changed by flushes and cuts @param socket where it is served, for one QEMU at a time */
export async function openCutDisk(image: string, socket: string): Promise<CutDisk> {
  const file = await open(image, "r+");
  const { size } = await file.stat();
  /** By sector number: the newest that was written and not flushed. */
  let cache = new Map<number, Buffer>();
  let stopsAt = Number.POSITIVE_INFINITY;
  let stopped: (() => void) | undefined;
  const disk: Disk = {
    size,
    hasStopped: () => cache.size >= stopsAt,
    read: async (offset, length) => overlaid(await readAt(file, offset, length), offset, cache),
    write: (offset, bytes) => {
      for (let at = 0; at < bytes.length; at += SECTOR)
        cache.set((offset + at) / SECTOR, bytes.subarray(at, at + SECTOR));
      if (cache.size >= stopsAt) stopped?.();
    },
    through: async (offset, bytes) => {
      for (let at = 0; at < bytes.length; at += SECTOR) cache.delete((offset + at) / SECTOR);
      await file.write(bytes, 0, undefined, offset);
    },
    flush: async () => {
      const flushed = new Map(cache);
      await writeSectors(file, flushed);
      for (const [sector, bytes] of flushed) if (cache.get(sector) === bytes) cache.delete(sector);
    },
  };
  const connections = new Set<Socket>();
  const server = createServer((connection) => {
    connections.add(connection);
    connection.once("close", () => connections.delete(connection)).once("error", () => connection.destroy());
    void serve(connection, disk).catch(() => connection.destroy());
  });
  await new Promise<void>((done, fail) => void server.once("error", fail).listen(socket, done));
  return {
    uri: `nbd+unix:///?socket=${socket}`,
    stopAt: (sectors) =>
      new Promise((done) => {
        stopsAt = sectors;
        stopped = done;
        if (cache.size >= sectors) done();
      }),
    cut: async (keeps) => {
      for (const connection of connections) connection.destroy();
      const kept = new Map([...cache].filter(() => keeps()));
      const counts = { lost: cache.size - kept.size, unflushed: cache.size };
      cache = new Map();
      await writeSectors(file, kept);
      return counts;
    },
    [Symbol.asyncDispose]: async () => {
      for (const connection of connections) connection.destroy();
      await new Promise((done) => server.close(done));
      await file.close();
    },
  };
}

interface Disk {
  readonly size: number;
  hasStopped(): boolean;
  read(offset: number, length: number): Promise<Buffer>;
  write(offset: number, bytes: Buffer): void;
  /** Nothing of it is lost from then on. */
  through(offset: number, bytes: Buffer): Promise<void>;
  flush(): Promise<void>;
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, offset);
  return bytes;
}

function overlaid(bytes: Buffer, offset: number, cache: ReadonlyMap<number, Buffer>): Buffer {
  for (let at = 0; at < bytes.length; at += SECTOR) cache.get((offset + at) / SECTOR)?.copy(bytes, at);
  return bytes;
}

/** Neighbouring sectors in one go. */
async function writeSectors(file: FileHandle, sectors: ReadonlyMap<number, Buffer>): Promise<void> {
  const order = [...sectors.keys()].toSorted((a, b) => a - b);
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && order[end] === (order[end - 1] ?? 0) + 1) end++;
    const run = order.slice(first, end).map((sector) => sectors.get(sector) ?? Buffer.alloc(SECTOR));
    await file.write(Buffer.concat(run), 0, undefined, (order[first] ?? 0) * SECTOR);
    first = end;
  }
}

/** Gives exactly so many bytes of a connection at a time. */
function reader(connection: Socket): (length: number) => Promise<Buffer> {
  const chunks = connection[Symbol.asyncIterator]();
  let rest: Buffer[] = [];
  let held = 0;
  return async (length) => {
    while (held < length) {
      const { value, done } = await chunks.next();
      if (done === true) throw new Error("the connection ended");
      rest.push(value);
      held += value.length;
    }
    const all = Buffer.concat(rest);
    rest = [all.subarray(length)];
    held -= length;
    return all.subarray(0, length);
  };
}

async function serve(connection: Socket, disk: Disk): Promise<void> {
  const take = reader(connection);
  await shakeHands(connection, take, disk.size);
  for (;;) {
    const head = await take(28);
    // Whoever waits for an answer waits until the power is cut.
    if (disk.hasStopped()) return;
    if (head.readUInt32BE(0) !== REQUEST_MAGIC) throw new Error("not a request");
    const flags = head.readUInt16BE(4);
    const command = head.readUInt16BE(6);
    const offset = Number(head.readBigUInt64BE(16));
    const length = head.readUInt32BE(24);
    const reply = (error: number, bytes: Buffer = Buffer.alloc(0)): void => {
      const line = Buffer.alloc(16);
      line.writeUInt32BE(REPLY_MAGIC, 0);
      line.writeUInt32BE(error, 4);
      head.copy(line, 8, 8, 16);
      connection.write(Buffer.concat([line, bytes]));
    };
    switch (command) {
      case COMMAND.read:
        reply(0, await disk.read(offset, length));
        break;
      case COMMAND.write: {
        const bytes = Buffer.from(await take(length));
        if ((flags & FORCED) === 0) disk.write(offset, bytes);
        else await disk.through(offset, bytes);
        reply(0);
        break;
      }
      case COMMAND.flush:
        await disk.flush();
        reply(0);
        break;
      case COMMAND.disconnect:
        return void connection.end();
      default:
        reply(EINVAL);
    }
  }
}

async function shakeHands(connection: Socket, take: (length: number) => Promise<Buffer>, size: number): Promise<void> {
  const hello = Buffer.alloc(18);
  hello.writeBigUInt64BE(MAGIC, 0);
  hello.writeBigUInt64BE(OPTION_MAGIC, 8);
  // Fixed newstyle, and no padding where it can be spared.
  hello.writeUInt16BE(0b11, 16);
  connection.write(hello);
  await take(4);
  const facts = Buffer.alloc(10);
  facts.writeBigUInt64BE(BigInt(size), 0);
  facts.writeUInt16BE(FLAGS, 8);
  for (;;) {
    const head = await take(16);
    const option = head.readUInt32BE(8);
    await take(head.readUInt32BE(12));
    if (option === OPTION.exportName) return void connection.write(facts);
    if (option === OPTION.abort) throw new Error("the other side gave up");
    if (option === OPTION.go) {
      connection.write(
        Buffer.concat([
          optionReply(option, REPLY.info, Buffer.concat([Buffer.alloc(2), facts])),
          optionReply(option, REPLY.done),
        ]),
      );
      return;
    }
    connection.write(optionReply(option, REPLY.unsupported));
  }
}

function optionReply(option: number, type: number, bytes: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(bytes.length, 16);
  return Buffer.concat([head, bytes]);
}
