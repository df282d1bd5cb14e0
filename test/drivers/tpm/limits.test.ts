/** How much of the TPM is ours at a time, what stays behind, and several programs on one TPM. */
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { makeCredential } from "../../../src/attest/credential.ts";
import { quoteFindings } from "../../../src/attest/quote.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { COMMAND } from "../../../src/drivers/tpm/commands.ts";
import { openSocketTransport } from "../../../src/drivers/tpm/socket.ts";
import type { Transport } from "../../../src/drivers/tpm/transport.ts";
import { ByteWriter } from "../../../src/kernel/bytes.ts";
import { isAgentError } from "../../../src/kernel/errors.ts";
import { p256FromSecret } from "../../../src/kernel/p256.ts";
import { pcrPolicyDigest } from "../../../src/kernel/pcr.ts";
import { approvalMessage, authorizePolicyDigest, orPolicyDigest } from "../../../src/kernel/tpm-policy.ts";
import { authorityKeyArea, decodePublic, objectName } from "../../../src/kernel/tpm-public.ts";
import type { Credential, KeyKind, PolicyPath, SealedBlob, Tpm } from "../../../src/ports/tpm.ts";
import { shareTpm } from "../../fakes/shared-tpm.ts";
import { startSwtpmServer } from "../../fakes/swtpm-server.ts";
import { sha256 } from "../../fakes/tpm.ts";
import { codeOf, leftInside, needs, sealedTo, tapped, tpmOver } from "./rig.ts";

interface Prepared {
  readonly blob: SealedBlob;
  readonly path: PolicyPath;
  readonly credentials: Readonly<Record<KeyKind, Credential>>;
}

/** A sealed object with the longest policy that there is, and a credential for each endorsement key. */
async function prepare(tpm: Tpm): Promise<Prepared> {
  const authority = p256FromSecret(randomBytes(32), "authority");
  const key = authorityKeyArea(authority.x, authority.y);
  const policyRef = sha256("node 1");
  const now = pcrPolicyDigest([14], await tpm.pcrRead([14]));
  const branches = [now, authorizePolicyDigest(objectName(key), policyRef)];
  const approval = { key, policyRef, signature: authority.sign(approvalMessage(now, policyRef)) };
  const blob = await tpm.seal(new Uint8Array(32).fill(5), orPolicyDigest(branches));
  const name = objectName((await tpm.attestationKey()).publicArea);
  const made: Partial<Record<KeyKind, Credential>> = {};
  for (const { kind, publicArea } of await tpm.endorsementKeys()) {
    const ek = decodePublic(publicArea);
    if (ek.ok) made[kind] = makeCredential(ek.value, name, new Uint8Array(16), systemRandom());
  }
  const { rsa, ecc } = made;
  if (rsa === undefined || ecc === undefined) throw new Error("an endorsement key is missing");
  return { blob, path: { pcrs: [14], approval, branches }, credentials: { rsa, ecc } };
}

type Operation = (tpm: Tpm, prepared: Prepared) => Promise<unknown>;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  identity: (tpm) => tpm.identity(),
  clock: (tpm) => tpm.clock(),
  selfTest: (tpm) => tpm.selfTest(),
  pcrRead: (tpm) => tpm.pcrRead([0, 14]),
  pcrExtend: (tpm) => tpm.pcrExtend(9, new Uint8Array(32)),
  endorsementKeys: (tpm) => tpm.endorsementKeys(),
  attestationKey: (tpm) => tpm.attestationKey(),
  "attestationKey, rsa": (tpm) => tpm.attestationKey({ kind: "rsa" }),
  quote: (tpm) => tpm.quote(new Uint8Array(32), [14]),
  "activateCredential, rsa": (tpm, { credentials }) => tpm.activateCredential("rsa", credentials.rsa),
  "activateCredential, ecc": (tpm, { credentials }) => tpm.activateCredential("ecc", credentials.ecc),
  seal: (tpm) => tpm.seal(new Uint8Array(32), new Uint8Array(32)),
  unseal: (tpm, { blob, path }) => tpm.unseal(blob, path),
  random: (tpm) => tpm.random(32),
};

const MAKES_HANDLE: ReadonlySet<number> = new Set([
  COMMAND.CreatePrimary,
  COMMAND.Load,
  COMMAND.LoadExternal,
  COMMAND.StartAuthSession,
]);

describe.each(Object.entries(OPERATIONS))("%s", (_name, operation) => {
  test("leaves nothing in the TPM, whichever of its commands is refused", async (context) => {
    needs(context, "swtpm");
    const { real, tpm } = await tapped();
    const prepared = await prepare(tpm);
    const refusal = new ByteWriter().u16(0x8001).u32(10).u32(0x1d5).finish();
    for (let at = 0; ; at++) {
      let commands = 0;
      let refused = false;
      const failing = tpmOver({
        send: (command, ms) => {
          if (codeOf(command) === COMMAND.FlushContext || commands++ !== at) return real.send(command, ms);
          refused = true;
          return Promise.resolve(refusal);
        },
        close: async () => undefined,
      });
      const outcome = await operation(failing, prepared).catch((error: unknown) => error);
      expect(await leftInside(real)).toBe(0);
      if (!refused) break;
      // What may be missing is no error: a key that lies ready, a certificate.
      if (outcome instanceof Error) expect(isAgentError(outcome)).toBe(true);
    }
  });

  test("leaves nothing in the TPM, whichever answer with a handle ends after it", async (context) => {
    needs(context, "swtpm");
    const { real, tpm } = await tapped();
    const prepared = await prepare(tpm);
    for (let at = 0; ; at++) {
      let made = 0;
      let cut = false;
      const failing = tpmOver({
        send: async (command, ms) => {
          const response = await real.send(command, ms);
          if (!MAKES_HANDLE.has(codeOf(command)) || codeOf(response) !== 0 || made++ !== at) return response;
          cut = true;
          const short = Uint8Array.from(response.subarray(0, 14));
          new DataView(short.buffer).setUint32(2, short.length);
          return short;
        },
        close: async () => undefined,
      });
      const outcome = operation(failing, prepared);
      const settled = await outcome.then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(await leftInside(real)).toBe(0);
      if (!cut) break;
      expect(settled).toMatchObject({ code: "TPM_BAD_WIRE" });
    }
  });
});

describe("one TPM for several programs", () => {
  test("two objects and one session are the most that Caye ever has in it", async (context) => {
    needs(context, "swtpm");
    const { real } = await tapped();
    const shared = shareTpm(real);
    const tpm = tpmOver(shared.connect());
    const prepared = await prepare(tpm);
    for (const operation of Object.values(OPERATIONS)) await operation(tpm, prepared);
    expect(shared.most).toEqual({ objects: 2, sessions: 1 });
  });

  test("two agents behind one resource manager work at once, and open nothing of each other's", async (context) => {
    needs(context, "swtpm");
    const { real } = await tapped();
    const shared = shareTpm(real);
    const agents = [tpmOver(shared.connect()), tpmOver(shared.connect())];
    const work = agents.map(async (tpm, i) => {
      const secret = new Uint8Array(32).fill(i);
      const blob = await sealedTo(tpm, 14, secret);
      const { publicArea } = await tpm.attestationKey({ generation: i });
      for (let round = 0; round < 8; round++) {
        expect(await tpm.unseal(blob, { pcrs: [14] })).toEqual(secret);
        const nonce = randomBytes(32);
        const quote = await tpm.quote(nonce, [14], { generation: i });
        const values = await tpm.pcrRead([14]);
        expect(quoteFindings({ quote, publicArea, nonce, pcrs: [14], values })).toEqual([]);
        await tpm.pcrExtend(8 + i, sha256(`${round}`));
      }
    });
    await Promise.all(work);
    expect(await leftInside(real)).toBe(0);
    expect(shared.most.objects).toBe(2);
  });

  test("a second one at a swtpm, which serves one at a time, is told so after its time, and served after the first", async (context) => {
    needs(context, "swtpm");
    const server = await startSwtpmServer("unix");
    onTestFinished(async () => server[Symbol.asyncDispose]());
    const path = server.uri.slice("swtpm:unix:".length);
    const first = await openSocketTransport({ path });
    await expect(tpmOver(first).random(4)).resolves.toHaveLength(4);
    const second = await openSocketTransport({ path });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const waiting = expect(tpmOver(second).random(4)).rejects.toMatchObject({
      code: "TPM_GONE",
      fix: expect.stringContaining("nothing else holds it"),
    });
    await vi.advanceTimersByTimeAsync(5_000);
    await waiting;
    vi.useRealTimers();
    await first.close();
    const third = await openSocketTransport({ path });
    await expect(tpmOver(third).random(4)).resolves.toHaveLength(4);
    await third.close();
  });

  test("keys that another program left in a bare TPM are named as what they are", async (context) => {
    needs(context, "swtpm");
    const { real, tpm } = await tapped();
    const hoard: Transport = {
      send: (command, ms) =>
        codeOf(command) === COMMAND.FlushContext
          ? Promise.resolve(new ByteWriter().u16(0x8001).u32(10).u32(0).finish())
          : real.send(command, ms),
      close: async () => undefined,
    };
    for (let i = 0; i < 3; i++) await tpmOver(hoard).attestationKey();
    await expect(tpm.attestationKey()).rejects.toMatchObject({
      code: "TPM_RC",
      message: expect.stringContaining("0x902 OBJECT_MEMORY"),
      fix: expect.stringContaining("/dev/tpmrm0"),
    });
  });
});

test("a socket that somebody closes in the midst of an answer gives a typed error", async () => {
  const server = createServer((socket) => {
    socket.once("data", () => socket.end(Uint8Array.of(0x80, 1, 0, 0, 0, 14)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const tpm = tpmOver(await openSocketTransport({ host: "127.0.0.1", port: address.port }));
  await expect(tpm.random(4)).rejects.toMatchObject({ code: "TPM_BAD_WIRE" });
});
