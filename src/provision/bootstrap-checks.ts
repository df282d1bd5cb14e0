/** The steps of a bootstrap that look: the clock, the configuration, the TPM, the sources of randomness, the agent. @module */
import { parseConfig } from "../config/parse.ts";
import type { Config } from "../config/schema.ts";
import { equalBytes, fromUtf8, utf8 } from "../kernel/bytes.ts";
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import { healthOf } from "../kernel/health.ts";
import type { BootStep, StatusReport } from "../kernel/reports.ts";
import {
  agentStatus,
  done,
  type Ending,
  endingFrom,
  failed,
  type Scene,
  startAgent,
  unchanged,
} from "./bootstrap-scene.ts";

const TPM_DEVICE = "/dev/tpmrm0";
const RTC_DEVICE = "/dev/rtc0";
const SECRET_MODE = 0o600;
const TRUST_STEPS: ReadonlySet<string> = new Set(["selftest", "measure", "attest", "unseal", "store"]);
/** The boot's named states that are about the chip, as errors; all others keep their name. */
const TPM_CODES: Readonly<Record<string, string>> = {
  "no-tpm": "TPM_MISSING",
  "tpm-locked": "TPM_LOCKED",
  "tpm-failed": "TPM_FAILED",
  "tpm-error": "TPM_ERROR",
  "sealed-away": "TPM_OTHER_KEYS",
};

/** Never an obstacle: a box without internet has no other clock than its own, and its neighbours. */
export async function clockStep({ machine, clock }: Scene): Promise<Ending> {
  const isSet = (): boolean => clock.nowMs() / 1000 >= CLOCK_SET_S;
  if (isSet()) return unchanged("the clock is set");
  if ((await machine.status(RTC_DEVICE)) !== undefined) await machine.run("hwclock", ["--hctosys", "--utc"]);
  if (isSet()) return done("the clock was set from the board's own");
  return unchanged("the clock was never set: dates are not judged until somebody or something sets it");
}

export async function configStep(scene: Scene): Promise<Ending> {
  const { machine, places, order } = scene;
  const bytes = await machine.read(places.config);
  if (bytes === undefined) {
    return failed(
      "CONFIG_MISSING",
      `there is no ${places.config}`,
      "Put the card's caye/caye.toml there, and restart.",
    );
  }
  let config: Config;
  try {
    config = parseConfig(fromUtf8(bytes) ?? "?", {});
  } catch (error) {
    return endingFrom(error);
  }
  scene.config = config;
  const wrong = mismatches(config, order);
  if (wrong.length > 0) {
    const detail = `${places.config} is not what the order says: ${wrong.join(", ")}`;
    return failed("CONFIG_MISMATCH", detail, "Change the one that is wrong: the configuration, or order.toml.");
  }
  return await groupKey(scene, config);
}

/** `auto` is what the radio says, and that is as ordered. */
function mismatches({ node, radio, trust }: Config, order: Scene["order"]): readonly string[] {
  const wanted = order.radio;
  const kinds = { chip: ["device"], software: ["swtpm"], any: undefined }[order.trust.tpm];
  const pairs: readonly (readonly [string, string, string])[] = [
    ["node.name", node.name, order.node.name],
    ["radio.modem", radio.modem.uri, wanted.modem],
    ["radio.region", radio.region, radio.region === "auto" ? "auto" : wanted.region],
    ["radio.preset", radio.preset, radio.preset === "auto" ? "auto" : wanted.preset],
    ["radio.channel", String(radio.channel), String(wanted.channel)],
  ];
  const fields = pairs.filter(([, is, to]) => is !== to).map(([field, is, to]) => `${field} is ${is}, not ${to}`);
  const tpm = kinds === undefined || kinds.includes(trust.tpm.kind) ? [] : [`trust.tpm is ${trust.tpm.uri}`];
  return [...fields, ...tpm];
}

async function groupKey({ machine, secrets }: Scene, { village }: Config): Promise<Ending> {
  const file = village.group_key_file;
  if (secrets.group_key === "") return unchanged("valid, and as ordered");
  if (file === "") {
    const fix = 'Set [village] group_key_file = "/etc/caye/group.key" in it, or leave group_key out of secrets.toml.';
    return failed("GROUP_KEY_UNUSED", "there is a group key, and the configuration names no file for it", fix);
  }
  const bytes = utf8(`${secrets.group_key}\n`);
  const before = await machine.read(file);
  if (before !== undefined && equalBytes(before, bytes)) return unchanged("valid, and as ordered");
  await machine.write(file, bytes, SECRET_MODE);
  const { status, stderr } = await machine.run("chown", ["caye:caye", file]);
  if (status !== 0) {
    return failed(
      "GROUP_KEY_OWNER",
      `${file} can't be given to the agent: ${stderr.trim()}`,
      "Is the package installed?",
    );
  }
  await startAgent(machine, "restart");
  return done("valid, and as ordered; the group key is in its place");
}

export async function tpmStep(scene: Scene): Promise<Ending> {
  const { machine, order } = scene;
  if (order.trust.tpm === "chip" && (await machine.status(TPM_DEVICE)) === undefined) {
    const fix =
      "Look whether the hat sits well, and config.txt has dtoverlay=tpm-slb9670; for a node without a chip order tpm = software.";
    return failed("TPM_MISSING", `a chip is ordered, and there is no ${TPM_DEVICE}`, fix);
  }
  const { trust } = await agentStatus(scene);
  const wrong = trust.steps.find(({ step, ok }) => !ok && TRUST_STEPS.has(step));
  if (wrong !== undefined) return bootFailure(wrong);
  return unchanged(trust.tpm);
}

function bootFailure({ step, state, detail, fix }: BootStep): Ending {
  const code = TPM_CODES[state] ?? `${step}_${state}`.toUpperCase().replaceAll("-", "_");
  return failed(code, `${step}: ${detail}`, fix === "" ? "caye status tells more." : fix);
}

export async function entropyStep(scene: Scene): Promise<Ending> {
  const { source: wanted } = scene.order.entropy;
  const status = await agentStatus(scene);
  const source = status.entropy?.sources.find(({ source: uri }) => uri === wanted);
  if (source?.ok === true) return unchanged(`${wanted}: ${source.state}`);
  if (source !== undefined) {
    const code = `ENTROPY_${source.state.toUpperCase().replaceAll("-", "_")}`;
    return failed(
      code,
      `${wanted}: ${source.detail}`,
      source.fix === "" ? "caye entropy status tells more." : source.fix,
    );
  }
  const seed = status.trust.steps.find(({ step, ok }) => step === "seed" && !ok);
  if (seed !== undefined) return bootFailure(seed);
  const fix = `Set [entropy] source = "${wanted}" in the configuration, or order another one.`;
  return failed("ENTROPY_MISSING", `the agent does not use the source that is ordered, ${wanted}`, fix);
}

export async function agentStep(scene: Scene): Promise<Ending> {
  const demands = { radio: scene.withoutRadio !== true };
  const well = (status: StatusReport): boolean => healthOf(status, demands).healthy;
  const { reasons, healthy, state, version } = healthOf(await agentStatus(scene, well), demands);
  if (healthy) return unchanged(`caye ${version} is ${state}`);
  return failed("AGENT_UNHEALTHY", reasons.join("; "), "caye doctor tells what to do about it.");
}

/** What a step throws that is foreseen is how it ends. */
export async function ended(work: (scene: Scene) => Promise<Ending>, scene: Scene): Promise<Ending> {
  try {
    return await work(scene);
  } catch (error) {
    return endingFrom(error);
  }
}
