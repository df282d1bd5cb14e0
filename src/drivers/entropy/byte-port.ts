/**
 * A serial device as bytes that come and go. Nothing is read while nobody listens: the bytes then wait in the device,
 * which is what a generator that never stops needs.
 * @module
 */
import type { SerialPort } from "serialport";

export interface BytePort extends AsyncDisposable {
  /** Resolves with the reason once the device is gone or the port is closed. Never rejects. */
  readonly ended: Promise<string>;
  /** Who gets what comes; undefined: nobody for now. The listener must not throw. */
  listen(onBytes: ((chunk: Uint8Array) => void) | undefined): void;
  /** Drops what came and was not read. @throws a system error */
  flush(): Promise<void>;
  /** Settles when the system has taken the bytes. @throws a system error */
  write(bytes: Uint8Array): Promise<void>;
  /** @throws a system error */
  setBaud(baud: number): Promise<void>;
}

/** @throws the system's error: `ENOENT`, `EACCES`, … in its words */
export async function openSerialPort(path: string, baudRate: number): Promise<BytePort> {
  // Native code, loaded only by those who have such a device.
  const { SerialPort } = await import("serialport");
  // Closing drops DTR: it tells a generator that nobody reads any more.
  const port = new SerialPort({ path, baudRate, autoOpen: false, hupcl: true });
  // An error that comes when nobody waits would end the process; `close` follows, or the next read tells.
  port.on("error", () => undefined);
  await settled((done) => port.open(done));
  port.pause();
  return serialBytePort(port);
}

function serialBytePort(port: SerialPort): BytePort {
  let listener: ((chunk: Uint8Array) => void) | undefined;
  port.on("data", (chunk: Uint8Array) => listener?.(chunk));
  port.pause();
  return {
    ended: new Promise((resolve) => {
      port.once("close", (error: unknown) => resolve(error instanceof Error ? "it was unplugged" : "it was closed"));
      // Zero bytes read: the other end of a pseudo-terminal is gone.
      port.once("end", () => resolve("it was unplugged"));
    }),
    listen: (onBytes) => {
      listener = onBytes;
      if (onBytes === undefined) port.pause();
      else port.resume();
    },
    flush: async () => {
      await settled((done) => port.flush(done));
      // What the stream has read ahead.
      while (port.read() !== null);
    },
    write: (bytes) => settled((done) => void port.write(bytes, done)),
    setBaud: (baudRate) => settled((done) => port.update({ baudRate }, done)),
    [Symbol.asyncDispose]: async () => {
      if (port.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()));
      port.destroy();
    },
  };
}

function settled(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error instanceof Error ? reject(error) : resolve()));
  });
}
