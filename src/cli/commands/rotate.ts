/** `caye rotate …` and `caye keys`: new keys in place of old ones, and how the node's keys are. @module */
import type { KeysReport, StoreKeyReport } from "../../kernel/keys.ts";
import { type AgentClient, findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";

const isKeys = shape<KeysReport>("store_key", "recovery", "attestation_key", "author_key", "approvals");
const isStoreKey = shape<StoreKeyReport>("state", "id", "looked", "moved");
const isAuthorKey = shape<KeysReport["author_key"]>("id", "replaced_at_next_start");
const isNext = shape<{ readonly next_generation: number }>("next_generation");
const POLL_MS = 1_000;

interface Json {
  readonly json?: boolean;
}

export interface StoreKeyOptions extends Json {
  /** Until the store has arrived. */
  readonly wait?: boolean;
}

export async function rotateStoreKey(io: CliIo, { json, wait }: StoreKeyOptions): Promise<void> {
  const agent = await findAgent(io);
  const begun = await agent.post("/v1/keys/store", {}, isStoreKey);
  const report = wait === true ? await arrived(io, agent) : begun;
  if (json === true) return print(io, report);
  if (report.state === "settled")
    io.stdout(`The store is under its new key, ${report.id}: ${report.moved} values moved.\n`);
  else {
    io.stdout(
      `The store moves to a new key, ${report.id}, while the agent runs. Power may fail meanwhile: nothing is lost.\n` +
        "caye keys tells how far it is. Recovery words stay the same.\n",
    );
  }
}

async function arrived(io: CliIo, agent: AgentClient): Promise<StoreKeyReport> {
  for (;;) {
    const { store_key: report } = await agent.getSecret("/v1/keys", isKeys);
    if (report.state !== "moving" && report.state !== "tidying") return report;
    if (io.isTty) io.stderr(`\r${report.looked} values looked at, ${report.moved} moved `);
    await io.sleep(POLL_MS);
  }
}

export async function rotateAttestationKey(io: CliIo, { json }: Json): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.post("/v1/keys/attestation", {}, isNext);
  if (json === true) return print(io, report);
  io.stdout(
    `From the agent's next start on, its TPM signs with attestation key ${report.next_generation}.\n` +
      "Whoever verifies this node must enrol it again then: caye attest enrol. Until that, they see another key.\n",
  );
}

export async function rotateAuthorKey(io: CliIo, { json }: Json): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.post("/v1/keys/author", {}, isAuthorKey);
  if (json === true) return print(io, report);
  io.stdout(
    `From the agent's next start on, this node writes a new log under a new key. ${report.id} ends by naming it;\n` +
      "its files stay, here and with the neighbours. To the village's authority the node is then a stranger, so after\n" +
      "the start: caye village request, and caye attest enrol. Approvals of updates must be made again, too.\n" +
      "If somebody else may have the former key, the authority revokes it: caye village revoke\n",
  );
}

export async function keys(io: CliIo, { json }: Json): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.getSecret("/v1/keys", isKeys);
  if (json === true) return print(io, report);
  const { store_key: store, recovery, attestation_key: attestation, author_key: author, approvals } = report;
  io.stdout(`store key        ${STORE[store.state](store)}\n`);
  io.stdout(`recovery words   ${RECOVERY[recovery.state](recovery.words)}\n`);
  const { generation, next_generation: next } = attestation;
  const then = next === generation ? "" : `; ${next} from the next start on`;
  io.stdout(`attestation key  number ${generation}${then}\n`);
  const another = author.replaced_at_next_start ? "; another from the next start on" : "";
  io.stdout(
    `author's key     ${author.id === "" ? "out of reach, as the node is in quarantine" : author.id}${another}\n`,
  );
  const kept = approvals.length === 0 ? ["none"] : approvals;
  for (const approval of kept) io.stdout(`approved update  ${approval}\n`);
}

const STORE: Readonly<Record<StoreKeyReport["state"], (report: StoreKeyReport) => string>> = {
  settled: ({ id }) => id,
  moving: ({ id, looked, moved }) => `${id}, to which the store moves: ${looked} values looked at, ${moved} moved`,
  tidying: ({ id }) => `${id}; the former key is taken out of the sealed files`,
  shut: () => "out of reach, as the node is in quarantine",
};

const RECOVERY: Readonly<Record<KeysReport["recovery"]["state"], (words: string) => string>> = {
  none: () => "none: caye recovery create",
  made: (words) => `made, named ${words}`,
  stale: () => "they open an older key than the store's: caye recovery create",
  damaged: () => "recovery.bin is damaged: caye recovery create",
};

function print(io: CliIo, value: object): void {
  io.stdout(`${JSON.stringify(value, null, 2)}\n`);
}
