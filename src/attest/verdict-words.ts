/** What an operator can do about each reason for which evidence is not believed. @module */
import type { AttestReason } from "../kernel/attest.ts";

export const FIXES: Readonly<Record<AttestReason, string>> = {
  malformed: "fetch the evidence again: caye attest quote --nonce HEX --out DIR",
  "other-key":
    "use this node's own enrolment; if its TPM or its attestation key was exchanged on purpose, enrol it anew: caye attest enrol",
  "key-attributes": "do not trust this key: enrol the TPM's own attestation key: caye attest enrol",
  signature: "fetch the evidence again; if it stays so, somebody changed it on its way",
  nonce: "give the nonce that the quote was asked for with, and use each nonce once",
  "bank-missing":
    "allocate the TPM's SHA-256 bank (tpm2_pcrallocate sha256:all), restart the machine, and enrol it anew",
  selection: "quote the registers that were enrolled; after a change of trust.pcrs enrol the node anew",
  values: "fetch the evidence again; if it stays so, somebody changed it on its way",
  "counters-backward":
    "do not trust this node until it is known why: an old quote was shown, or its TPM was cleared or exchanged",
  "unknown-reset":
    "if you know of the restarts, say how many with --reboots; if not, somebody may have reset the TPM while the machine ran: look at the machine",
  "reset-missing": "give --reboots the number of restarts since the last good verification, or leave it out",
  firmware: "if the TPM's firmware was updated on purpose, list it in the policy or enrol the node anew",
  "not-measured":
    "take out of trust.pcrs what nothing measures on this machine (on a stock Raspberry Pi all but the agent's own), and enrol it anew",
  unexplained:
    "quote with the logs beside it; if a log is there and does not fit, restart the machine and look at what changed",
  "policy-missing": "give a policy: --policy FILE --authority HEX; or judge the quote alone: --quote-only",
  "policy-forged": "get the policy's file from the village's authority again, and check the authority's digits",
  "policy-not-yet": "set this machine's clock; if it is right, wait, or use the policy before this one",
  "policy-expired": "set this machine's clock; if it is right, get a new policy: caye attest policy sign",
  "policy-stale": "use the newest policy: an older one may allow what is no longer right",
  drift: "put back what changed; after a planned change sign a policy that lists the new state, or enrol the node anew",
};
