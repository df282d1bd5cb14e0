/** Releases and updates: what `caye update` and `caye release` do and tell. @module */
import type { Bytes } from "./bytes.ts";

/**
 * `announced`: all is prepared, the old version runs. `installing`, `returning`: dpkg exchanges the code. `installed`,
 * `returned`: it has. `watching`: the new version runs and is looked at. `confirmed`, `rolled-back`, `failed`: over.
 */
export type UpdateStep =
  | "announced"
  | "installing"
  | "installed"
  | "watching"
  | "confirmed"
  | "returning"
  | "returned"
  | "rolled-back"
  | "failed";

export interface UpdateReport {
  /** Version that dpkg knows as installed; empty when there is none. */
  readonly installed: string;
  /** `none`: there was no update yet. */
  readonly step: UpdateStep | "none";
  readonly from: string;
  readonly to: string;
  /** Why it was taken back, or failed; empty when all went well. */
  readonly why: string;
  /** True when the machine must be restarted for the update to go on. */
  readonly needs_reboot: boolean;
  /** Versions whose packages are kept, to go back to. */
  readonly kept: readonly string[];
}

/** What a package is. */
export interface PackageReport {
  readonly file: string;
  readonly version: string;
  readonly arch: string;
  /** Id of the release key that signed it; empty where this node has no release keys. */
  readonly key: string;
  /** Of the machine that looks; empty when caye is not installed there. */
  readonly installed: string;
}

export interface ReleaseKeyReport {
  readonly id: string;
  readonly secret: Bytes;
  readonly publicKey: Bytes;
}

export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ApplyOptions {
  /** Seconds that the new version has to become healthy. */
  readonly waitS: number;
  /** Restart the machine at once, where that is needed. */
  readonly now: boolean;
}

/** Called with a sentence when something begins. */
export type Tell = (sentence: string) => void;

export interface UpdateTools {
  createKeys(): ReleaseKeyReport;
  /**
   * The manifest of a package. @param beside its SBOM and list of hashes, as far as they are there
   * @throws AgentError "RELEASE_KEY", "RELEASE_NAME"
   */
  sign(deb: NamedFile, beside: readonly NamedFile[], secret: Uint8Array): Bytes;
  /** @param keysDirectory else that of the node. @throws AgentError "RELEASE_…" */
  verify(file: string, keysDirectory: string | undefined): Promise<PackageReport>;
  /** What an upgrade of this node demands. @throws AgentError "RELEASE_…" */
  check(file: string): Promise<PackageReport>;
  /** Prepares all and begins. @throws AgentError: nothing was changed then */
  apply(file: string, options: ApplyOptions, tell: Tell): Promise<UpdateReport>;
  status(): Promise<UpdateReport>;
  /** @throws AgentError "UPDATE_NONE" */
  confirm(): Promise<UpdateReport>;
  /** @throws AgentError "UPDATE_NONE", "STATE_NEWER", … */
  rollback(options: ApplyOptions, tell: Tell): Promise<UpdateReport>;
  /** Goes on where an update stands: for the unit. */
  resume(tell: Tell): Promise<UpdateReport>;
}

export function isOver(step: UpdateReport["step"]): boolean {
  return step === "none" || step === "confirmed" || step === "rolled-back" || step === "failed";
}
