/** Who belongs to the village, for its operators. @module */
import { toHex, utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { MemberRow, MemberStanding, RequestReport, RosterReport, StatementReport } from "../kernel/village.ts";
import type { VillageView } from "../api/village.ts";
import type { Member, Membership } from "../dag/membership.ts";
import { decodeStatementFile, encodeRequest } from "../dag/statement-file.ts";
import { handoverReports } from "./handovers.ts";
import type { DeskParts, OpenParts } from "./parts.ts";
import { authorLabel } from "./author-label.ts";

const MAX_NAME_BYTES = 24;

export class VillageDesk implements VillageView {
  readonly #parts: DeskParts;
  readonly #open: () => OpenParts;

  /** @param open throws AgentError "QUARANTINE" while data and radio are shut */
  constructor(parts: DeskParts, open: () => OpenParts) {
    this.#parts = parts;
    this.#open = open;
  }

  async roster(): Promise<RosterReport> {
    const { checkpoints, membership, shard } = this.#open();
    const signed = new Map(checkpoints?.list().map((row) => [row.author, row]));
    const members = membership?.members() ?? [];
    const known = new Set(members.map(({ id }) => id));
    return {
      authority: membership?.authority ?? "",
      strangers: membership?.strangers ?? "accept",
      members: members.map((member) => ({
        ...memberRow(member),
        entries: shard.count(member.id),
        checkpointed: signed.get(member.id)?.count ?? 0,
        contradicted: signed.get(member.id)?.verdict === "disagrees",
      })),
      others: shard
        .authors()
        .filter(({ id }) => !known.has(id))
        .map(({ id, name }) => authorLabel(name, id)),
      handovers: await handoverReports(shard),
      revocations: membership?.revocationNumber() ?? 0,
      revoked: membership?.revoked() ?? [],
    };
  }

  async request(): Promise<RequestReport> {
    const { modem, shard } = this.#open();
    const link = modem.state();
    if (link.kind !== "ready") {
      throw new AgentError("RADIO_UNKNOWN", "the radio has not told its number yet, which the certificate binds", {
        fix: "wait until caye status shows the radio as ready, then ask again",
      });
    }
    const { author } = shard;
    const name = this.#parts.nodeName;
    if (utf8(name).length > MAX_NAME_BYTES) throw new AgentError("NAME_INVALID", "the node's name is too long");
    const asked = { radio: link.settings.nodeNumber, mlDsaFingerprint: author.mlDsa.fingerprint, name };
    const request = Buffer.from(encodeRequest(asked, author)).toString();
    return { id: toHex(author.id), name, request };
  }

  async join(file: Uint8Array): Promise<StatementReport> {
    const { exchange, membership, shard } = this.#open();
    if (membership === undefined) throw noAuthority();
    const statement = decodeStatementFile(file);
    if (!statement.ok) throw invalid(statement.reason);
    const { entry, proof } = statement.value;
    const verdict = await membership.take(entry, proof);
    if (verdict === "forged") throw invalid("it is not signed by the authority of this node's configuration");
    if (verdict === "malformed") throw invalid("it says nothing that this version understands");
    if (verdict === "too many") throw new AgentError("TOO_MANY", "the village has as many members as it may");
    if (verdict === "new") {
      await shard.putStatement(entry);
      exchange.announce();
    }
    return { verdict };
  }
}

/** How an author is to be shown; nothing where there is no authority, or strangers are as good as others. */
export function standingOf(membership: Membership | undefined, id: string): { readonly standing?: MemberStanding } {
  return membership === undefined || membership.strangers === "accept" ? {} : { standing: membership.standing(id) };
}

type FromCertificate = Omit<MemberRow, "entries" | "checkpointed" | "contradicted">;

function memberRow({ id, certificate, standing, postQuantum }: Member): FromCertificate {
  const { name, radio, serial, fromS, untilS, attestationKey } = certificate;
  const [from, until] = [fromS, untilS].map((seconds) => new Date(1000 * seconds).toISOString());
  return {
    id,
    name,
    radio,
    serial,
    from: from ?? "",
    until: until ?? "",
    standing,
    post_quantum: postQuantum,
    attestation_key: attestationKey === undefined ? "" : toHex(attestationKey),
  };
}

function noAuthority(): AgentError {
  return new AgentError("NO_AUTHORITY", "the configuration names no authority of the village", {
    fix: 'set [village] authority = "…" to what caye village create printed, and start the agent again',
  });
}

function invalid(reason: string): AgentError {
  return new AgentError("STATEMENT_INVALID", `this is no certificate or revocation list for here: ${reason}`, {
    fix: "check that the file is whole, and that [village] authority is the one who signed it",
  });
}
