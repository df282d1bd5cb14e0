/**
 * The agent's two doors, API and metrics, from the moment in which their ports are taken until they close; and the two
 * files by which the commands find them: `agent.json` (where) and `token` (the secret that writers must know).
 * @module
 */
import { toHex, utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { SelfTestRecord } from "../kernel/selftest.ts";
import type { Log } from "../ports/log.ts";
import type { MachineFigures } from "../ports/machine-figures.ts";
import type { Random } from "../ports/random.ts";
import type { Tracer } from "../ports/tracer.ts";
import { createApi } from "./api.ts";
import { failureOf } from "./failure.ts";
import { createMetrics } from "./metrics.ts";
import { tracedHandler } from "./traced.ts";
import type { AgentView } from "./view.ts";

type Handler = (request: Request) => Promise<Response>;

export interface Address {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
}

interface Server extends AsyncDisposable {
  readonly url: string;
}

export interface DoorsParts {
  readonly api: Address;
  readonly metrics: Address;
  readonly pid: number;
  /** The state directory: what is written is there whole or not at all. */
  readonly state: {
    read(name: string): Promise<Uint8Array | undefined>;
    writeAtomic(name: string, bytes: Uint8Array, mode: number): Promise<void>;
    remove(name: string): Promise<void>;
  };
  readonly random: Random;
  readonly log: Log;
  /** For the figures; left out: they tell nothing of the machine. */
  readonly machine?: () => Promise<MachineFigures>;
  readonly tracer?: Tracer | undefined;
  /** Listens once the promise resolves. @throws AgentError "PORT_IN_USE", … */
  readonly openServer: (options: Address & { readonly name: string; readonly handler: Handler }) => Promise<Server>;
}

export interface Doors {
  readonly api: Server;
  readonly metrics: Server;
  /**
   * From now on requests reach the view, and the CLI finds the agent.
   * @param onSelfTest told of each report of a self-test on this machine, whether all of it holds
   */
  open(view: AgentView, onSelfTest?: (ok: boolean) => void): Promise<void>;
  close(): Promise<void>;
}

const TOKEN_BYTES = 24;
/** What a header can carry, and nobody guesses. */
const TOKEN = /^[\x21-\x7e]{32,512}$/;

/**
 * Both ports are taken before the boot, so that a second agent fails before it touches the TPM.
 * @throws what `openServer` throws
 */
export async function openDoors({
  pid,
  state,
  random,
  log,
  openServer,
  machine,
  tracer,
  ...places
}: DoorsParts): Promise<Doors> {
  const starting: Handler = () =>
    Promise.resolve(failureOf(new AgentError("STARTING", "the agent is starting; ask again in a moment")));
  let answer = { api: starting, metrics: starting };
  await using opened = new AsyncDisposableStack();
  const door = async (name: "api" | "metrics"): Promise<Server> =>
    opened.use(await openServer({ name, ...places[name], handler: (request) => answer[name](request) }));
  const api = await door("api");
  const metrics = await door("metrics");
  const servers = opened.move();
  return {
    api,
    metrics,
    open: async (view, onSelfTest) => {
      const token = await tokenOf(state, random);
      const onFault = (error: unknown): void => log.error("A request failed", { error: String(error) });
      answer = {
        api: tracedHandler(
          tracer,
          createApi(view, {
            token,
            host: places.api.host,
            onFault,
            onSelfTest: (record) => onSelfTest?.(keep(log, record)),
          }),
        ),
        metrics: createMetrics(view, { host: places.metrics.host, machine }),
      };
      const address = { api: api.url, metrics: metrics.url, pid };
      await state.writeAtomic("agent.json", utf8(`${JSON.stringify(address)}\n`), 0o644);
    },
    close: async () => {
      await servers.disposeAsync();
      await state.remove("agent.json");
    },
  };
}

/** Made once, kept with mode 0600; made anew when nobody could say it any more. */
async function tokenOf(state: DoorsParts["state"], random: Random): Promise<string> {
  const kept = new TextDecoder().decode(await state.read("token")).trim();
  if (TOKEN.test(kept)) return kept;
  const token = toHex(random.bytes(TOKEN_BYTES));
  await state.writeAtomic("token", utf8(`${token}\n`), 0o600);
  return token;
}

/**
 * A self-test that somebody has run on this machine, so that it can be shown later that it was, and how it ended.
 * @returns whether all of it holds
 */
function keep(log: Log, { report, sha256 }: SelfTestRecord): boolean {
  const { kind, node, tests } = report;
  const failed = tests.flatMap(({ name, failed: cases }) => (cases.length === 0 ? [] : [name]));
  const fields = { kind, node, tests: tests.length, failed: failed.join(", "), sha256 };
  const ok = report.ok && failed.length === 0;
  if (ok) log.info("Self-test", fields);
  else log.error("Self-test", fields);
  return ok;
}
