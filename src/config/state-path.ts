/** Where a node keeps its state, by the environment alone. @module */
import { AgentError } from "../kernel/errors.ts";

/**
 * `CAYE_STATE`, else `$XDG_STATE_HOME/caye`, else `$HOME/.local/state/caye`. A relative `CAYE_STATE` is taken as it
 * is; a relative `XDG_STATE_HOME` is ignored, as its standard asks.
 * @throws AgentError "STATE_UNSET" when none of the three is set
 */
export function statePath(env: Readonly<Record<string, string | undefined>>): string {
  const own = env["CAYE_STATE"] ?? "";
  if (own !== "") return own;
  const xdg = env["XDG_STATE_HOME"] ?? "";
  if (xdg.startsWith("/")) return `${trimmed(xdg)}/caye`;
  const home = env["HOME"] ?? "";
  if (home !== "") return `${trimmed(home)}/.local/state/caye`;
  throw new AgentError("STATE_UNSET", "nothing says where to keep the node's state: HOME is not set", {
    fix: "Set CAYE_STATE to a directory, for example: CAYE_STATE=/var/lib/caye npm start",
  });
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, "");
}
