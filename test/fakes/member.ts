/** An enrolled member of a village, without a village. @module */
import type { Member } from "../../src/dag/membership.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { toHex } from "../../src/kernel/bytes.ts";

export function memberOf({ author }: Pick<Shard, "author">): Member {
  const { publicKey, mlDsa } = author;
  const certificate: Member["certificate"] = {
    kind: "certificate",
    serial: 1,
    radio: 1,
    publicKey,
    mlDsaFingerprint: mlDsa.fingerprint,
    fromS: 0,
    untilS: 1,
    name: "writer",
  };
  return { id: toHex(author.id), certificate, standing: "enrolled", postQuantum: true };
}
