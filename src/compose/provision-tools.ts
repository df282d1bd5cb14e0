/** What makes nodes on an operator's laptop, over this machine's drivers. @module */
import { join } from "node:path";
import { systemClock } from "../drivers/clock.ts";
import { thisMachine } from "../drivers/machine.ts";
import { systemRandom } from "../drivers/random.ts";
import { openTpm } from "../drivers/tpm/open.ts";
import type { Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import type { ProvisionTools } from "../kernel/provision.ts";
import type { Log } from "../ports/log.ts";
import type { Machine } from "../ports/machine.ts";
import type { Tpm } from "../ports/tpm.ts";
import { openSealedAuthority, sealAuthority, sealedIn } from "../provision/authority-seal.ts";
import { checkCard } from "../provision/card-check.ts";
import type { CardParts, PackageVerdict } from "../provision/card-files.ts";
import { putCertificate, requestsOn } from "../provision/card-papers.ts";
import { writeCard } from "../provision/card.ts";
import { checkImage } from "../provision/image-check.ts";
import { signBoot, verifyBoot } from "../provision/secure-boot.ts";
import { decodeReleaseKey } from "../release/keys.ts";
import { isOfRelease, verifyManifest } from "../release/manifest.ts";

/** @param root of Caye's own files */
export function provisionTools(root: string): ProvisionTools {
  const machine = thisMachine();
  const parts: CardParts = { machine, firstBoot: () => firstBoot(machine, root), judgePackage };
  return {
    card: (request, tell) => writeCard(parts, request, tell),
    check: (directory) => checkCard(parts, directory),
    requests: (directory) => requestsOn(machine, directory),
    putCertificate: (directory, name, bytes) => putCertificate(machine, directory, name, bytes),
    sealAuthority: (file, uri) => withTpm(uri, (tpm) => sealAuthority(file, tpm, systemRandom())),
    openSealedAuthority: async (file) => await withTpm(sealedIn(file), (tpm) => openSealedAuthority(file, tpm)),
    checkImage: (directory) => checkImage(machine, directory),
    signBoot: (image, key, out, ts) => signBoot(machine, image, key, out, ts),
    verifyBoot: (image, signature, publicKey) => verifyBoot(machine, image, signature, publicKey),
  };
}

/** Of a laptop: a chip, or a TPM in software that somebody runs; never one that would be made anew each time. */
async function withTpm<T>(uri: string, use: (tpm: Tpm) => Promise<T>): Promise<T> {
  if (uri === "swtpm:") throw new AgentError("TPM_URI", "an authority is sealed in a chip, or in a TPM on a socket");
  const limits = { stateDir: "/nonexistent", clock: systemClock(), random: systemRandom(), log: silentLog() };
  await using tpm = await openTpm(uri, limits);
  return await use(tpm);
}

function silentLog(): Log {
  const nothing = (): void => undefined;
  return { debug: nothing, info: nothing, warn: nothing, error: nothing, named: silentLog };
}

async function firstBoot(machine: Machine, root: string): Promise<Bytes> {
  const file = join(root, "provisioning/first-boot/first-boot.sh");
  const bytes = await machine.read(file);
  if (bytes !== undefined) return bytes;
  throw new AgentError("FILE_UNREADABLE", `${file} is missing from this installation of Caye`);
}

/** @param name as the file is called that was named: it must be the one that was signed */
export function judgePackage(
  name: string,
  bytes: Uint8Array,
  manifest: Uint8Array,
  keyFiles: readonly Uint8Array[],
): Decoded<PackageVerdict> {
  const keys = keyFiles.map((file) => decodeReleaseKey(file));
  const trusted = keys.flatMap((key) => (key.ok ? [key.value] : []));
  // A secret that was named by mistake would go out with every card.
  if (trusted.length < keys.length) {
    return refused("a file that was named as a release key is no public one: name those that end with .pub");
  }
  if (trusted.length === 0) return refused("no release key to hold it against");
  const release = verifyManifest(manifest, trusted);
  if (!release.ok) return refused(`its manifest: ${release.reason}`);
  const file = isOfRelease(release.value, name, bytes);
  if (!file.ok) return file;
  return decoded({ version: release.value.version, arch: release.value.arch });
}
