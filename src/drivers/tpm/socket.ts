/**
 * TPM commands over a socket of a `swtpm` that somebody else runs: `swtpm socket --tpm2 --server type=tcp,…` or
 * `type=unixio,…`. It serves one program at a time, and knows no one: whoever reaches the socket holds the TPM.
 * @module
 */
import { connect, type Socket } from "node:net";
import { AgentError, describeError, systemCode } from "../../kernel/errors.ts";
import { StreamTransport } from "./stream.ts";
import { gone, type Transport } from "./transport.ts";

export type SwtpmSocket = { readonly host: string; readonly port: number } | { readonly path: string };

const CONNECT_TIMEOUT_MS = 3_000;
const FIXES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "start swtpm on that socket, with --flags not-need-init,startup-clear",
  ENOENT: "start swtpm on that socket, with --flags not-need-init,startup-clear",
  EACCES: "let the agent's user read and write the socket",
};
const TCP = /^swtpm:tcp:\/\/(?<host>127(?:\.\d{1,3}){3}|localhost|\[::1\]):(?<port>\d{1,5})\/?$/;
const UNIX = /^swtpm:unix:(?<path>\/.+)$/;

/**
 * Which socket a URI names: `swtpm:tcp://127.0.0.1:2321` or `swtpm:unix:/run/x.sock`; undefined for any other.
 *
 * TCP on this machine alone: the protocol has no authentication and no encryption of its own, so that anybody on the way
 * could extend registers, or put a TPM of theirs in the place of ours.
 */
export function swtpmSocket(uri: string): SwtpmSocket | undefined {
  const path = UNIX.exec(uri)?.groups?.["path"];
  if (path !== undefined) return { path };
  const tcp = TCP.exec(uri)?.groups;
  const port = Number(tcp?.["port"] ?? 0);
  if (tcp === undefined || port < 1 || port > 65_535) return undefined;
  return { host: tcp["host"] === "[::1]" ? "::1" : (tcp["host"] ?? ""), port };
}

/** @throws AgentError "TPM_GONE" */
export async function openSocketTransport(target: SwtpmSocket): Promise<Transport> {
  const where = "path" in target ? target.path : `${target.host}:${target.port}`;
  const socket = connect(target);
  try {
    await connected(socket, where);
  } catch (error) {
    socket.destroy();
    const fix = FIXES[systemCode(error) ?? ""] ?? "check that swtpm runs on that socket";
    throw new AgentError("TPM_GONE", `no software TPM at ${where}: ${describeError(error)}`, { cause: error, fix });
  }
  return new StreamTransport(socket);
}

async function connected(socket: Socket, where: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(gone(`${where} did not take the call`)), CONNECT_TIMEOUT_MS);
  socket.once("connect", resolve);
  socket.once("error", reject);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    socket.removeAllListeners();
  }
}
