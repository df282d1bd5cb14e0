/** A node brought to life for real: an agent in a process of its own, a TPM in software, and a radio on TCP from the factory. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shape, type Shape } from "../../src/cli/agent-client.ts";
import { bootstrapTools } from "../../src/compose/bootstrap-tools.ts";
import { villageTools } from "../../src/dag/authority.ts";
import { scaledClock } from "../../src/drivers/clock.ts";
import { thisMachine } from "../../src/drivers/machine.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import type { AttestRequestReport } from "../../src/kernel/attest-reports.ts";
import type { AgentDoor } from "../../src/kernel/bootstrap.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { FailureReport, StatusReport } from "../../src/kernel/reports.ts";
import type { RequestReport, RosterReport, StatementReport } from "../../src/kernel/village.ts";
import type { Machine } from "../../src/ports/machine.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { orderFile, secretsFile, type Order } from "../../src/provision/order.ts";
import { channelUrl } from "../../src/provision/channel-url.ts";
import { openEther } from "../../src/sim/ether.ts";
import { openRadioDevice } from "../../src/sim/radio-device.ts";
import { line, nodeNumber } from "../../src/sim/topology.ts";
import { type AgentProcess, ROOT, startAgent } from "./agent-process.ts";
import { missingFor } from "../fakes/swtpm-server.ts";

const RADIO_SPEED = 20;
const LIMIT_MS = 240_000;
const SECRET = { name: "village", psk: Uint8Array.from({ length: 32 }, (_, i) => 5 * i) };

const isFailure = shape<FailureReport>("error");

async function send<T>(state: string, path: string, is: Shape<T>, body?: Uint8Array<ArrayBuffer>): Promise<T> {
  const named = await readFile(join(state, "agent.json"), "utf8").catch(() => undefined);
  if (named === undefined) throw new AgentError("NO_AGENT", "no agent is running here");
  const { api }: { api: string } = JSON.parse(named);
  const headers = { authorization: `Bearer ${(await readFile(join(state, "token"), "utf8")).trim()}` };
  const init = body === undefined ? { headers } : { headers, method: "POST", body };
  const response = await fetch(api + path, init).catch((cause: unknown) => {
    throw new AgentError("NO_AGENT", "nobody answers", { cause });
  });
  const answer: unknown = await response.json();
  if (response.ok && is(answer)) return answer;
  if (!isFailure(answer)) throw new Error(`HTTP status ${response.status}`);
  throw new AgentError(answer.error.code, answer.error.message, { fix: answer.error.fix });
}

function doorOf(state: string): AgentDoor {
  return {
    status: () => send(state, "/v1/status", shape<StatusReport>("radio")),
    villageRequest: () => send(state, "/v1/village/request", shape<RequestReport>("request")),
    attestRequest: () => send(state, "/v1/attest/request", shape<AttestRequestReport>("request")),
    join: (file) => send(state, "/v1/village/statements", shape<StatementReport>("verdict"), new Uint8Array(file)),
  };
}

async function allFiles(directory: string): Promise<Record<string, string>> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((name) => name.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const read = await Promise.all(files.toSorted().map(async (file) => [file, await readFile(file, "hex")] as const));
  return Object.fromEntries(read);
}

test("a blank node is set up, enrolled, and not changed by another run", { timeout: LIMIT_MS }, async (context) => {
  const missing = missingFor("swtpm", "swtpm_setup");
  if (missing !== undefined) context.skip(missing);
  const home = await mkdtemp(join(tmpdir(), "caye-bootstrap-"));
  await using cleaning = new AsyncDisposableStack();
  cleaning.defer(() => rm(home, { recursive: true, force: true }));
  // The radio restarts faster than a real one.
  const [clock, random] = [scaledClock(RADIO_SPEED), systemRandom()];
  const ether = cleaning.use(openEther({ clock, random, modulation: PRESETS.ShortFast, links: line(2) }));
  const own = { ether, nodeNumber: nodeNumber(0), clock, random };
  const device = cleaning.use(await openRadioDevice({ ...own, region: "UNSET", preset: "LongFast" }));

  const authority = villageTools(random).createAuthority(undefined);
  const [card, state, config] = [join(home, "card"), join(home, "state"), join(home, "caye.toml")];
  const radio = {
    kind: "tcp",
    modem: device.uri,
    region: "EU_868",
    preset: "ShortFast",
    channel: 0,
    hat: "auto",
  } as const;
  const order: Order = {
    node: { name: "clinic-roof", timezone: "America/Belize", language: "en" },
    radio,
    trust: { tpm: "software" },
    entropy: { source: "kernel" },
  };
  await mkdir(join(card, "caye"), { recursive: true });
  await mkdir(state);
  await writeFile(join(card, "caye/order.toml"), orderFile(order));
  const secrets = { channel_url: channelUrl([SECRET], false), group_key: "" };
  await writeFile(join(card, "caye/secrets.toml"), secretsFile(secrets));
  const { name } = order.node;
  await writeFile(
    config,
    `[node]\nname = "${name}"\n[radio]\nmodem = "${device.uri}"\nregion = "EU_868"\npreset = "ShortFast"\n[trust]\ntpm = "swtpm:"
[village]\nauthority = "${authority.authority}"\n`,
  );

  // What systemd does on a node.
  let agent: AgentProcess | undefined;
  const commands: string[] = [];
  const stop = async (): Promise<void> => {
    await agent?.stop();
    agent = undefined;
  };
  const start = async (): Promise<void> => {
    if (agent !== undefined) return;
    const command = [process.execPath, join(ROOT, "src/main.ts"), "run", "--config", config];
    agent = await startAgent({ state, command });
    await agent.printed("caye is up");
  };
  cleaning.defer(stop);
  const machine: Machine = {
    ...thisMachine(),
    isRoot: () => true,
    run: async (program, args) => {
      commands.push([program, ...args].join(" "));
      if (program === "systemctl" && args[0] === "stop") await stop();
      if (program === "systemctl" && args[0] === "start") await start();
      return { status: 0, stdout: "", stderr: "", missing: false };
    },
  };
  const places = { config, state: join(home, "provision") };
  const tools = bootstrapTools({ machine, places });
  const request = { card, order: undefined, withChannel: false };
  const run = () => tools.bootstrap(request, doorOf(state), () => undefined, new AbortController().signal);

  const first = await run();
  expect(first.steps.filter(({ state }) => state === "failed" || state === "waiting")).toEqual([]);
  expect(first.result).toBe("done");
  expect(device.flash.commits).toBe(1);
  expect(device.flash.region).toBe("EU_868");
  expect(device.flash.settings.channels[0]?.settings).toMatchObject({ name: "village" });
  expect((await doorOf(state).status()).radio).toMatchObject({ link: "ready", region: "EU_868", preset: "ShortFast" });

  // The first boot wipes the secrets; nothing else is to be done.
  await rm(join(card, "caye/secrets.toml"));
  commands.length = 0;
  const before = { ...(await allFiles(card)), ...(await allFiles(places.state)) };
  const second = await run();
  expect(second.steps.filter(({ state }) => state !== "unchanged")).toEqual([]);
  expect({ ...(await allFiles(card)), ...(await allFiles(places.state)) }).toEqual(before);
  expect(commands).toEqual([]);
  expect(device.flash.commits).toBe(1);

  // The authority signs the request that lies on the card, and the certificate comes back on it.
  const papers = await readdir(join(card, "caye/requests"));
  const asked = await readFile(join(card, "caye/requests", papers.find((file) => file.endsWith(".request")) ?? ""));
  const nowS = Math.floor(Date.now() / 1000);
  const key = { file: authority.file, passphrase: undefined };
  const certificate = villageTools(random).enrol(key, new Uint8Array(asked), nowS, nowS + 86_400);
  expect(certificate.name).toBe("clinic-roof");
  await mkdir(join(card, "caye/certificates"));
  await writeFile(join(card, `caye/certificates/${certificate.id}.certificate`), certificate.file);
  const third = await run();
  expect(third.steps.find(({ step }) => step === "join")).toMatchObject({ state: "done" });
  const { members } = await send(state, "/v1/roster", shape<RosterReport>("members"));
  expect(members).toMatchObject([{ id: certificate.id, name: "clinic-roof", standing: "enrolled" }]);
});
