/**
 * The byte stream to a radio: `serial:///dev/ttyACM0?baud=115200` or `tcp://host:port`.
 *
 * A link is opened, read by callback and always drained; it ends once, with a reason for people, whoever ended it.
 * @module
 */
import { connect, type Socket } from "node:net";
import type { SerialPort } from "serialport";
import { AgentError, describeError, systemCode } from "../../kernel/errors.ts";

export const DEFAULT_TCP_PORT = 4403;
const DEFAULT_BAUD = 115_200;
/** A probe of a dead TCP peer by the kernel, beside our heartbeats. */
const KEEP_ALIVE_MS = 30_000;
/** Beyond this many unsent bytes the link counts as stuck. */
const MAX_UNSENT_BYTES = 8 * 1024;

export type RadioAddress =
  | { readonly kind: "serial"; readonly path: string; readonly baud: number }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export interface ByteLink extends AsyncDisposable {
  /** Resolves with the reason once the link is gone. Never rejects. */
  readonly ended: Promise<string>;
  /**
   * False when the bytes were not taken: the link is gone, or its other side no longer reads. Never rejects, and
   * settles at the latest when the link is disposed of.
   */
  write(bytes: Uint8Array): Promise<boolean>;
}

/** @throws AgentError "RADIO_URI" with the two forms that we know */
export function parseRadioUri(uri: string): RadioAddress {
  const address = addressOf(uri);
  if (address === undefined) {
    throw new AgentError("RADIO_URI", `cannot read the radio's address ${JSON.stringify(uri)}`, {
      fix: "write serial:///dev/ttyACM0 (optionally ?baud=115200) or tcp://host:4403",
    });
  }
  return address;
}

function addressOf(text: string): RadioAddress | undefined {
  const url = URL.parse(text);
  if (url === null) return undefined;
  if (url.protocol === "serial:") return serialAddress(url);
  return url.protocol === "tcp:" ? tcpAddress(url) : undefined;
}

function serialAddress(url: URL): RadioAddress | undefined {
  const baud = Number(url.searchParams.get("baud") ?? DEFAULT_BAUD);
  const path = unescaped(url.pathname);
  if (url.hostname !== "" || path === undefined || path.length < 2) return undefined;
  return Number.isInteger(baud) && baud >= 300 && baud <= 4_000_000 ? { kind: "serial", path, baud } : undefined;
}

function tcpAddress(url: URL): RadioAddress | undefined {
  if (url.hostname === "" || !["", "/"].includes(url.pathname)) return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? DEFAULT_TCP_PORT : Number(url.port);
  return port === 0 ? undefined : { kind: "tcp", host, port };
}

function unescaped(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/**
 * @param onBytes called with every chunk that comes; must not throw
 * @param signal gives up opening; an open link is closed by its disposal
 * @throws the system's error, for {@link explainLinkError}
 */
export async function openLink(
  address: RadioAddress,
  onBytes: (chunk: Uint8Array) => void,
  signal: AbortSignal,
): Promise<ByteLink> {
  return address.kind === "tcp" ? openTcp(address, onBytes, signal) : openSerial(address, onBytes, signal);
}

/** What went wrong, for someone who stands beside the radio. */
export function explainLinkError(error: unknown, address: RadioAddress): string {
  const code = linkErrorCode(error);
  if (address.kind === "serial") {
    const { path } = address;
    if (code === "ENOENT") return `no such device: ${path}; is the radio plugged in?`;
    if (code === "EACCES" || code === "EPERM") return `no permission on ${path}: add the user to group dialout`;
    if (code === "EBUSY" || code === "EAGAIN") return `${path} is in use by another program`;
    return `cannot open ${path}: ${describeError(error)}`;
  }
  const where = `${address.host}:${address.port}`;
  if (code === "ECONNREFUSED") return `nothing answers at ${where}: is the radio's network service on?`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `no such host: ${address.host}`;
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH") return `no way to ${address.host} on this network`;
  if (code === "ETIMEDOUT") return `no answer from ${where}`;
  if (code === "ECONNRESET") return `${where} closed the connection`;
  return `cannot connect to ${where}: ${describeError(error)}`;
}

/** The serial driver writes the system's words into its message, and no code beside it. */
export function linkErrorCode(error: unknown): string | undefined {
  const code = systemCode(error);
  if (code !== undefined) return code;
  const text = describeError(error).toLowerCase();
  if (text.includes("no such file") || text.includes("no such device")) return "ENOENT";
  if (text.includes("permission denied") || text.includes("not permitted")) return "EACCES";
  if (text.includes("cannot lock") || text.includes("temporarily unavailable") || text.includes("busy")) return "EBUSY";
  return undefined;
}

async function openTcp(
  address: { readonly host: string; readonly port: number },
  onBytes: (chunk: Uint8Array) => void,
  signal: AbortSignal,
): Promise<ByteLink> {
  const socket = connect({
    host: address.host,
    port: address.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  await new Promise<void>((resolve, reject) => {
    const giveUp = (): void => void socket.destroy(Object.assign(new Error("given up"), { code: "ETIMEDOUT" }));
    const settle = (finish: () => void): void => {
      signal.removeEventListener("abort", giveUp);
      socket.removeListener("connect", opened);
      socket.removeListener("error", failed);
      finish();
    };
    const opened = (): void => settle(resolve);
    const failed = (error: Error): void => settle(() => reject(error));
    socket.once("connect", opened).once("error", failed);
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp, { once: true });
  });
  return tcpLink(socket, onBytes);
}

function tcpLink(socket: Socket, onBytes: (chunk: Uint8Array) => void): ByteLink {
  let reason = "the radio closed the connection";
  const ended = new Promise<string>((resolve) => {
    socket.once("close", () => resolve(reason));
  });
  socket.on("error", (error) => {
    reason = `the connection broke: ${describeError(error)}`;
  });
  socket.on("data", onBytes);
  return {
    ended,
    write: (bytes) =>
      new Promise((resolve) => {
        if (!socket.writable || socket.writableLength > MAX_UNSENT_BYTES) resolve(false);
        else socket.write(bytes, (error) => resolve(error === null || error === undefined));
      }),
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      await ended;
    },
  };
}

async function openSerial(
  address: { readonly path: string; readonly baud: number },
  onBytes: (chunk: Uint8Array) => void,
  signal: AbortSignal,
): Promise<ByteLink> {
  // Native code, loaded only by those who have a serial radio.
  const { SerialPort } = await import("serialport");
  signal.throwIfAborted();
  // Without `hupcl: false` closing drops DTR, which resets many boards.
  const port = new SerialPort({ path: address.path, baudRate: address.baud, autoOpen: false, hupcl: false });
  // An error that comes when nobody waits would end the process; `close` follows and tells the reason.
  port.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => port.open((error) => (error === null ? resolve() : reject(error))));
  return serialLink(port, onBytes);
}

function serialLink(port: SerialPort, onBytes: (chunk: Uint8Array) => void): ByteLink {
  let over = false;
  const ended = new Promise<string>((resolve) => {
    const finish = (reason: string): void => {
      over = true;
      resolve(reason);
    };
    port.once("close", (error: unknown) => {
      finish(error instanceof Error ? "the radio was unplugged" : "the serial port was closed");
    });
    // Zero bytes read: the other end of a pseudo-terminal is gone. The port itself stays open.
    port.once("end", () => finish("the radio was unplugged"));
  });
  port.on("data", onBytes);
  return {
    ended,
    write: (bytes) =>
      new Promise((resolve) => {
        if (over || !port.isOpen || port.writableLength > MAX_UNSENT_BYTES) resolve(false);
        else port.write(bytes, (error) => resolve(!error));
      }),
    [Symbol.asyncDispose]: async () => {
      if (port.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()));
      port.destroy();
      await ended;
    },
  };
}
