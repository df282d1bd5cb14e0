/** An HTTP/1.1 server on one TCP port, bounded in time, size and connections. @module */
import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { AgentError, describeError, systemCode } from "../kernel/errors.ts";
import { findPortOwner } from "./port-owner.ts";

export interface HttpServerOptions {
  /** The table of the configuration that `host` and `port` come from: named in errors. */
  readonly name: string;
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly handler: (request: Request) => Promise<Response>;
}

export interface HttpServer extends AsyncDisposable {
  /** Without a trailing slash, for example `http://127.0.0.1:8420`. */
  readonly url: string;
  readonly port: number;
}

const HEADERS_TIMEOUT_MS = 10_000;
/** Long enough for 64 MiB over a slow wireless LAN. */
const REQUEST_TIMEOUT_MS = 300_000;
const KEEP_ALIVE_MS = 5_000;
const MAX_HEADER_BYTES = 8_192;
const MAX_CONNECTIONS = 64;
/** How long answers under way may take once the server closes. */
const CLOSING_GRACE_MS = 500;

/**
 * Listens once the promise resolves. Disposal refuses new connections at once, lets answers under way end, and after
 * half a second cuts what is left.
 * @throws AgentError "PORT_IN_USE", "PORT_FORBIDDEN", "HOST_UNKNOWN"
 */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 2_000,
    },
    listener(options.handler),
  );
  boundConnections(server);
  try {
    await listen(server, options);
  } catch (error) {
    throw await explain(error, options);
  }
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    port,
    url: `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`,
    [Symbol.asyncDispose]: () => close(server),
  };
}

/**
 * Whoever holds connections and asks nothing must not keep out those who ask: when all places are taken, the connection
 * goes that has been without a request for longest. Only when all have one is the newest refused.
 */
function boundConnections(server: Server): void {
  // The one that was without a request for longest comes first.
  const idle = new Set<Socket>();
  let count = 0;
  server.on("connection", (socket: Socket) => {
    count++;
    idle.add(socket);
    socket.once("close", () => {
      count--;
      idle.delete(socket);
    });
    if (count <= MAX_CONNECTIONS) return;
    for (const victim of idle) {
      victim.destroy();
      return;
    }
  });
  server.on("request", ({ socket }, response) => {
    idle.delete(socket);
    response.once("close", () => void (socket.destroyed || idle.add(socket)));
  });
}

function listener(handler: HttpServerOptions["handler"]): RequestListener {
  const answer = getRequestListener(handler, {
    overrideGlobalObjects: false,
    // The handler turns every failure into an answer; what still arrives here is a malformed request line or a client
    // that went away.
    errorHandler: () => new Response(undefined, { status: 400 }),
  });
  return (incoming, outgoing) => {
    // A failure to write concerns one client, and this client is gone.
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  };
}

function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      // Such an error (too many open files, say) concerns one connection, which its client sees; the server goes on.
      server.on("error", () => undefined);
      resolve();
    });
  });
}

async function explain(cause: unknown, { name, host, port }: HttpServerOptions): Promise<AgentError> {
  const code = systemCode(cause);
  if (code === "EADDRINUSE") {
    const owner = await findPortOwner(port);
    const who = owner === undefined ? "another program" : `process ${owner.pid} (${owner.command})`;
    return new AgentError("PORT_IN_USE", `port ${port} of [${name}] is in use by ${who}`, {
      cause,
      fix: `Stop that program, or choose another port: CAYE_${name.toUpperCase()}_PORT=0 takes any that is free (port = 0 under [${name}] in the configuration).`,
    });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new AgentError("PORT_FORBIDDEN", `this user may not listen on port ${port} of [${name}]`, {
      cause,
      fix: `Choose a port above 1023 under [${name}].`,
    });
  }
  return new AgentError("HOST_UNKNOWN", `can't listen on ${host} of [${name}]: ${describeError(cause)}`, {
    cause,
    fix: `Under [${name}], host must be an address of this machine, for example 127.0.0.1.`,
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), CLOSING_GRACE_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
