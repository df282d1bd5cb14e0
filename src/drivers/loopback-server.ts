/**
 * A TCP server that only this machine can reach. Each client is a byte stream by callback.
 * @module
 */
import { createServer, type Socket } from "node:net";
import { AgentError } from "../kernel/errors.ts";

/** Beyond this many unsent bytes a client counts as stuck, and is cut off. */
const MAX_UNSENT_BYTES = 1024 * 1024;

export interface LoopbackClient {
  /** Drops the bytes when the client is gone; cuts it off when it does not read. */
  write(bytes: Uint8Array): void;
  /** What was written before still goes out. */
  close(): void;
}

export interface ClientEvents {
  /** Must not throw. */
  bytes(chunk: Uint8Array): void;
  /** Once, whoever closed. Must not throw. */
  closed(): void;
}

export interface LoopbackServer extends AsyncDisposable {
  readonly port: number;
}

/**
 * @param port 0 for any that is free
 * @param welcome called for each new client
 * @throws AgentError "PORT_TAKEN"
 */
export async function listenOnLoopback(
  port: number,
  welcome: (client: LoopbackClient) => ClientEvents,
): Promise<LoopbackServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const events = welcome(clientOn(socket));
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => events.bytes(chunk));
    socket.once("close", () => {
      sockets.delete(socket);
      events.closed();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new AgentError("PORT_TAKEN", `cannot listen on 127.0.0.1:${port}`, {
          cause,
          fix: "Another program has it: name another port, or stop that program.",
        }),
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function clientOn(socket: Socket): LoopbackClient {
  return {
    write: (bytes) => {
      if (socket.writableLength > MAX_UNSENT_BYTES) socket.destroy();
      else if (socket.writable) socket.write(bytes);
    },
    close: () => {
      socket.end();
      socket.destroySoon();
    },
  };
}
