/** In words: how the store's key came, whether that is well, and what to do. @module */
import type { BootStep } from "../kernel/reports.ts";
import type { KeyOrigin } from "./unseal.ts";

const OPENED = {
  sealed: "in this state",
  announced: "in the state that was announced",
  approved: "in a state that the village's authority approved",
} as const;
const WHEN_SETTLED = "none, when the step settle says that the key is sealed";
const BARE_KEY = {
  detail: "the store's key lies unsealed in store.key: whoever has the disk can read the store",
  fix: "fit a TPM 2.0 or install swtpm, and start the agent again: it then moves the key into the TPM",
};
const MOVING_KEY = {
  detail: "the store's key lay unsealed in store.key until now: whoever has an old copy of the disk can read the store",
  fix: WHEN_SETTLED,
};

const RECOVERED = {
  detail: "the store's key came from the recovery words: this machine and its state are taken on trust, once",
  fix: WHEN_SETTLED,
};

export function describeOrigin(origin: KeyOrigin, hasTpm: boolean): Omit<BootStep, "step" | "ms"> {
  if (origin.kind === "created" && origin.into === "tpm") {
    return { state: "created", ok: true, detail: "a new store key was made and sealed in the TPM", fix: "" };
  }
  if (origin.kind === "key-file" || origin.kind === "created") {
    return { state: "unsealed-without-tpm", ok: false, ...(hasTpm ? MOVING_KEY : BARE_KEY) };
  }
  if (origin.kind === "fallback") {
    const detail = "this state was not accepted before: the key's copy that opens in any state was used";
    return { state: "unsealed-fallback", ok: false, detail, fix: WHEN_SETTLED };
  }
  if (origin.kind === "recovered")
    return { state: "unsealed-recovered", ok: false, ...(hasTpm ? RECOVERED : BARE_KEY) };
  return { state: "unsealed", ok: true, detail: `the TPM opened the store's key ${OPENED[origin.kind]}`, fix: "" };
}
