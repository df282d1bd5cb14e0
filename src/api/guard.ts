/**
 * Who may ask: only requests meant for this host (a page elsewhere could point its own name at 127.0.0.1), writes only
 * from no page or our own, and with the token where one is needed.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { AgentError } from "../kernel/errors.ts";

const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);
const UNSPECIFIED: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
const IP_LITERAL = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/;

/**
 * @param ownHost the host that the server listens on, as configured
 * @throws AgentError "HOST_REFUSED" unless the request names a loopback address or the configured host. A server on
 *   all addresses takes every IP address, and still no foreign name.
 */
export function checkHost(request: Request, ownHost: string): void {
  const host = hostOf(request).replace(/:\d{1,5}$/, "");
  if (LOOPBACK.has(host)) return;
  if (host === ownHost.toLowerCase() || host === `[${ownHost.toLowerCase()}]`) return;
  if (UNSPECIFIED.has(ownHost) && IP_LITERAL.test(host)) return;
  throw new AgentError("HOST_REFUSED", "the request names a host that is not this node's", {
    fix: "Use http://127.0.0.1:PORT, or the host that the configuration names.",
  });
}

/** @throws AgentError "ORIGIN_REFUSED" when a browser sends it for a page of another origin */
export function checkOrigin(request: Request): void {
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  const foreign = origin !== null && origin.toLowerCase() !== `http://${hostOf(request)}`;
  if (!foreign && (site === null || site === "same-origin" || site === "none")) return;
  throw new AgentError("ORIGIN_REFUSED", "a page of another site may not do this");
}

/** @throws AgentError "UNAUTHORIZED" unless the request carries the token. Takes the same time however wrong it is. */
export function checkToken(request: Request, token: string): void {
  const given = /^Bearer ([\x21-\x7e]{1,512})$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  if (token !== "" && timingSafeEqual(digest(given), digest(token))) return;
  throw new AgentError("UNAUTHORIZED", "this needs the node's token", {
    fix: "Send `Authorization: Bearer TOKEN`; the token is in the file `token` in the state directory.",
  });
}

function hostOf(request: Request): string {
  return (request.headers.get("host") ?? new URL(request.url).host).toLowerCase();
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
