/**
 * On a machine whose TPM can't open the store: the recovery words put the key back, as a bare file which the next boot
 * seals into that machine's TPM. To be done while no agent runs.
 *
 * The key file stands before anything else is moved away: whenever the power fails, this can be done again.
 * @module
 */
import { AgentError } from "../kernel/errors.ts";
import { toHex, utf8 } from "../kernel/bytes.ts";
import type { RecoveryTools } from "../kernel/keys.ts";
import type { Memory } from "../ports/memory.ts";
import type { Random } from "../ports/random.ts";
import { KEY_FILE, RECOVERED_FILE, readSealed, SEALED_FILE, SEALED_FILES } from "./key-files.ts";
import { openBox, RECOVERY_FILE, RECOVERY_SECRET_BYTES, recoveryPair } from "./recovery.ts";
import { REFERENCE_FILE } from "./reference.ts";
import { areSameIds, encodeKeys, idsOf, wipeKeys } from "./store-keys.ts";

/** What belonged to the other TPM. */
const LEFT_BEHIND: readonly string[] = [...SEALED_FILES, REFERENCE_FILE];

interface RecoveryCheck {
  /** Of the store key in the box, hex. */
  readonly keyId: string;
  /** False when the sealed file says that the store is under another key by now. */
  readonly current: boolean;
}

/** Whether the words open the box. @throws AgentError "RECOVERY_NONE", and as `openBox` */
async function checkRecovery(memory: Pick<Memory, "read">, secret: Uint8Array): Promise<RecoveryCheck> {
  const keys = openBox(await demandBox(memory), secret);
  const ids = idsOf(keys);
  wipeKeys(keys);
  const sealed = await readSealed(memory, SEALED_FILE);
  return { keyId: toHex(ids.keyId), current: sealed?.ok !== true || areSameIds(sealed.value, ids) };
}

/** @returns the names of the files that were set aside, as they are called now. @throws as {@link checkRecovery} */
async function recover(memory: Memory, secret: Uint8Array): Promise<readonly string[]> {
  const keys = openBox(await demandBox(memory), secret);
  const bare = encodeKeys(keys);
  const ids = idsOf(keys);
  try {
    await memory.writeAtomic(KEY_FILE, bare);
  } finally {
    bare.fill(0);
    wipeKeys(keys);
  }
  await memory.writeAtomic(RECOVERED_FILE, utf8(`${toHex(ids.keyId)}\n`));
  const aside: string[] = [];
  for (const name of LEFT_BEHIND) {
    const bytes = await memory.read(name);
    if (bytes === undefined) continue;
    await memory.writeAtomic(`${name}.lost`, bytes);
    await memory.remove(name);
    aside.push(`${name}.lost`);
  }
  return aside;
}

async function demandBox(memory: Pick<Memory, "read">): Promise<Uint8Array> {
  const box = await memory.read(RECOVERY_FILE);
  if (box !== undefined) return box;
  throw new AgentError("RECOVERY_NONE", `there is no ${RECOVERY_FILE} in that state directory`, {
    fix: "recovery words exist only after caye recovery create; copy the whole state directory, with that file",
  });
}

export interface RecoveryPorts {
  readonly random: Random;
  /** The files of a state directory, whether an agent runs on it or not. */
  readonly lookAt: (statePath: string) => Pick<Memory, "read">;
  /** The same for this process alone. @throws AgentError "STATE_IN_USE", … */
  readonly open: (statePath: string) => Promise<Memory & AsyncDisposable>;
}

export function recoveryTools({ random, lookAt, open }: RecoveryPorts): RecoveryTools {
  return {
    create: () => {
      const secret = random.bytes(RECOVERY_SECRET_BYTES);
      return { secret, publicKey: recoveryPair(secret).publicKey };
    },
    check: (statePath, secret) => checkRecovery(lookAt(statePath), secret),
    open: async (statePath, secret) => {
      // Before the directory is opened, which makes one where there is none.
      await demandBox(lookAt(statePath));
      await using state = await open(statePath);
      return await recover(state, secret);
    },
  };
}
