/** The node's keys in memory: for tests of the API, of the commands and of the desk. @module */
import type { KeysView } from "../../src/api/keys.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { KeysReport, RecoveryTools } from "../../src/kernel/keys.ts";
import { aborted } from "../../src/kernel/service.ts";
import type { NodeKeys } from "../../src/trust/keychain.ts";

export interface FakeKeys extends KeysView {
  /** One a call; the last stays. */
  reports: KeysReport[];
  /** Public keys that a box was closed to, hex. */
  readonly boxes: string[];
  readonly approvals: Uint8Array[];
}

export function keysReport(changes: Partial<KeysReport> = {}): KeysReport {
  return {
    store_key: { state: "settled", id: "00112233aabbccdd", looked: 0, moved: 0 },
    recovery: { state: "made", words: "8899aabbccddeeff" },
    attestation_key: { generation: 0, next_generation: 0 },
    author_key: { id: "3f9a1c20b4d5e6f7", replaced_at_next_start: false },
    approvals: [],
    ...changes,
  };
}

export function fakeKeys(): FakeKeys {
  const keys: FakeKeys = {
    reports: [keysReport()],
    boxes: [],
    approvals: [],
    report: async () => (keys.reports.length > 1 ? keys.reports.shift() : keys.reports[0]) ?? keysReport(),
    makeRecovery: async (publicKey) => {
      keys.boxes.push(toHex(publicKey));
      return { words: "8899aabbccddeeff" };
    },
    rotateStoreKey: async () => ({ state: "moving", id: "445566778899aabb", looked: 0, moved: 0 }),
    rotateAttestationKey: async () => ({ next_generation: 1 }),
    rotateAuthorKey: async () => ({ id: "3f9a1c20b4d5e6f7", replaced_at_next_start: true }),
    approve: async (file) => {
      if (file.length === 0) throw new AgentError("APPROVAL_INVALID", "that is no approval of an update: empty");
      keys.approvals.push(file);
      return { verdict: "new", digest: "ab".repeat(32) };
    },
  };
  return keys;
}

/** Of words that all stand for the same secret. */
export function fakeRecovery(): RecoveryTools {
  return {
    create: () => ({ secret: new Uint8Array(32).fill(0x5a), publicKey: new Uint8Array(32).fill(0xa5) }),
    check: async () => ({ keyId: "00112233aabbccdd", current: true }),
    open: async () => ["sealed.bin.lost"],
  };
}

/** Of a node in quarantine, but for what a test says. */
export function keysOf(changes: Partial<NodeKeys> = {}): NodeKeys {
  const shut = (): Promise<never> => Promise.reject(new AgentError("QUARANTINE", "shut"));
  return {
    name: "keys",
    run: aborted,
    report: async () => keysReport(),
    storeKey: () => keysReport().store_key,
    allowNext: shut,
    makeRecovery: shut,
    rotateStoreKey: shut,
    rotateAttestationKey: shut,
    takeApproval: shut,
    ...changes,
  };
}
