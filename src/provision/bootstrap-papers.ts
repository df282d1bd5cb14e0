/** The steps of a bootstrap that carry papers: requests to the village's authority, certificates from it, the node card. @module */
import { createHash } from "node:crypto";
import { equalBytes, toHex, utf8 } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import { agentStatus, done, type Ending, failed, type Scene, unchanged, waiting } from "./bootstrap-scene.ts";
import { nodeCard, type NodeCard } from "./node-card.ts";

const MAX_CERTIFICATE_BYTES = 65_536;
const MAX_CERTIFICATES = 128;
const CERTIFICATE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.certificate$/;
/** Author ids, as the agent tells them. */
const ID = /^[0-9a-f]{16}$/;

/** Requests that anybody may read: they hold public keys only. */
export async function enrolStep(scene: Scene): Promise<Ending> {
  const { agent, memory, places } = scene;
  if (memory.hasJoined) return unchanged("enrolled already");
  if (scene.withoutRadio === true) {
    return waiting("ENROL_RADIO", "a request names the radio, and there is none yet", "Plug the radio in.");
  }
  const village = await agent.villageRequest();
  if (!ID.test(village.id)) throw new AgentError("AGENT_STRANGE", "the agent's id is none");
  const folder = `${places.papers}/requests`;
  const fresh = [await put(scene, `${folder}/${village.id}.request`, village.request)];
  const chip = await attestRequest(scene);
  if (chip !== undefined) fresh.push(await put(scene, `${folder}/${village.id}.attest-request`, chip));
  const detail = `requests of ${village.id} in ${folder}`;
  return fresh.includes(true) ? done(detail) : unchanged(detail);
}

/** Undefined for a node without a TPM: it belongs to the village all the same. */
async function attestRequest({ agent }: Scene): Promise<string | undefined> {
  try {
    return (await agent.attestRequest()).request;
  } catch (error) {
    if (isAgentError(error) && error.code !== "NO_AGENT") return undefined;
    throw error;
  }
}

/** True when it was not there already. */
async function put({ machine }: Scene, path: string, text: string, mode = 0o644): Promise<boolean> {
  const bytes = utf8(text);
  const before = await machine.read(path, bytes.length + 1);
  if (before !== undefined && equalBytes(before, bytes)) return false;
  await machine.write(path, bytes, mode);
  return true;
}

export async function joinStep(scene: Scene): Promise<Ending> {
  const { machine, places, config } = scene;
  const folder = `${places.papers}/certificates`;
  const names = (await machine.list(folder)).filter((name) => CERTIFICATE.test(name)).slice(0, MAX_CERTIFICATES);
  if (names.length === 0) {
    return unchanged(
      config?.village.authority === "" ? "the village has no authority" : `no certificate in ${folder} yet`,
    );
  }
  const endings: ("taken" | "known" | Ending)[] = [];
  for (const name of names) endings.push(await take(scene, folder, name));
  // One that is none does not keep those that come after it.
  const refused = endings.find((ending) => typeof ending !== "string");
  if (refused !== undefined) return refused;
  const taken = endings.filter((ending) => ending === "taken").length;
  const detail = `${names.length} ${names.length === 1 ? "certificate" : "certificates"}, ${taken} of them new`;
  return taken > 0 ? done(detail) : unchanged(detail);
}

/** @throws AgentError "NO_AGENT" */
async function take(
  { machine, agent, memory }: Scene,
  folder: string,
  name: string,
): Promise<"taken" | "known" | Ending> {
  // A folder of that name would be no file that can be read.
  const isFile = (await machine.status(`${folder}/${name}`))?.kind === "file";
  const bytes = (isFile && (await machine.read(`${folder}/${name}`, MAX_CERTIFICATE_BYTES))) || new Uint8Array();
  const sha256 = toHex(new Uint8Array(createHash("sha256").update(bytes).digest()));
  if (memory.hasTaken(sha256)) return "known";
  try {
    await agent.join(bytes);
  } catch (error) {
    if (!isAgentError(error) || error.code === "NO_AGENT") throw error;
    const fix = error.fix ?? "Take it from the card, and let this village's authority sign the request again.";
    return failed(error.code, `${name}: ${error.message}`, fix);
  }
  await memory.keepTaken(sha256);
  return "taken";
}

export async function cardStep(scene: Scene): Promise<Ending> {
  const { places, config, order, memory, channels, withChannel } = scene;
  const { node, author, radio } = await agentStatus(scene);
  const facts: NodeCard = {
    name: node,
    author,
    radio: radio.node_number,
    region: radio.region,
    preset: radio.preset,
    channelName: memory.radio?.channel_name ?? "",
    api: apiOf(config?.api),
    language: order.node.language,
  };
  const card = nodeCard(facts);
  const base = `${places.papers}/node-card`;
  const fresh = [await put(scene, `${base}.txt`, card.text), await put(scene, `${base}.svg`, card.svg)];
  if (withChannel) fresh.push(await putSheet(scene, nodeCard(facts, channels?.channels)));
  const detail = `${base}.txt and ${base}.svg`;
  return fresh.includes(true) ? done(detail) : unchanged(detail);
}

/** With the keys: for its owner's eyes, as far as the file system can keep it so. @throws AgentError "CHANNEL_UNKNOWN" */
async function putSheet(scene: Scene, { text, svg }: ReturnType<typeof nodeCard>): Promise<boolean> {
  if (scene.channels === undefined) {
    throw new AgentError("CHANNEL_UNKNOWN", "the channels' keys are not here: they are wiped once a node is set up", {
      fix: "Put secrets.toml with channel_url beside order.toml again, or print the sheet on the operator's own machine.",
    });
  }
  const base = `${scene.places.papers}/node-sheet`;
  const fresh = [await put(scene, `${base}.txt`, text, 0o600), await put(scene, `${base}.svg`, svg, 0o600)];
  return fresh.includes(true);
}

/** Empty when only the node itself reaches it. */
function apiOf(api: { readonly host: string; readonly port: number } | undefined): string {
  if (api === undefined || api.port === 0 || /^(?:127\.|localhost$|::1$)/.test(api.host)) return "";
  return `http://${api.host.includes(":") ? `[${api.host}]` : api.host}:${api.port}/`;
}
