/** What making a node's card takes and gives: for the command line. @module */

/** What somebody wants of a node, by the names of a fleet file's fields; from flags, or from that file. */
export type CardWishes = Readonly<Record<string, string | number | readonly string[]>>;

export interface CardRequest {
  /** The mounted boot partition of the card. */
  readonly directory: string;
  /** A fleet file, and which node of it; both or none. */
  readonly fleet: string | undefined;
  readonly node: string | undefined;
  /** Win over what the fleet file says. */
  readonly wishes: CardWishes;
  /** Write nothing. */
  readonly dryRun: boolean;
  /** Also over the card of another node, or another's `user-data`. */
  readonly replace: boolean;
  /** Also where nothing looks like the boot partition of a Raspberry Pi. */
  readonly forceDirectory: boolean;
}

export interface CardFile {
  readonly path: string;
  readonly bytes: number;
  readonly change: "new" | "changed" | "same" | "removed";
}

export interface CardReport {
  readonly node: string;
  readonly hostname: string;
  readonly directory: string;
  readonly instance_id: string;
  /** In the order in which they are written. */
  readonly files: readonly CardFile[];
  /** What the operator should know. */
  readonly notes: readonly string[];
  /** False after a dry run, and when nothing had changed. */
  readonly written: boolean;
}

export interface CardCheck {
  readonly name: string;
  readonly state: "OK" | "WARN" | "FAIL";
  readonly detail: string;
  readonly fix: string;
}

export interface ImageCheck {
  readonly directory: string;
  readonly checks: readonly CardCheck[];
}

/** A boot.img signed, or its signature judged. */
export interface BootSignature {
  /** Of the image, hex. */
  readonly sha256: string;
  /** Unix time in s that stands in the signature's file. */
  readonly ts: number;
  readonly bytes: number;
}

/** How to reach the key that signs: a PEM file, or a key in a token by its PKCS#11 URI. */
export interface BootKey {
  readonly file: string | undefined;
  readonly pkcs11: string | undefined;
}

export interface ProvisionTools {
  /** @throws AgentError "ORDER_INVALID", "CARD_REFUSED", "CARD_SPACE", "FILE_UNREADABLE", "CONFIG_INVALID" */
  card(request: CardRequest, tell: (what: string) => void): Promise<CardReport>;
  check(directory: string): Promise<readonly CardCheck[]>;
  /** Requests that a node has left on its card: name of the file, bytes. */
  requests(directory: string): Promise<readonly { readonly name: string; readonly bytes: Uint8Array }[]>;
  /** Puts a certificate on the card; the same again is no change. */
  putCertificate(directory: string, name: string, bytes: Uint8Array): Promise<"new" | "same">;
  /** An authority's secret file, closed so that only this machine's TPM opens it. @throws AgentError of the TPM */
  sealAuthority(file: Uint8Array, tpmUri: string): Promise<Uint8Array>;
  /** The file that was closed. @throws AgentError "AUTHORITY_KEY", and those of the TPM */
  openSealedAuthority(file: Uint8Array): Promise<Uint8Array>;
  checkImage(directory: string): Promise<ImageCheck>;
  /** @throws AgentError "SECURE_BOOT_KEY", "FILE_UNREADABLE" */
  signBoot(image: string, key: BootKey, out: string, ts: number): Promise<BootSignature>;
  /** @throws AgentError "SECURE_BOOT_SIGNATURE", "SECURE_BOOT_KEY", "FILE_UNREADABLE" */
  verifyBoot(image: string, signature: string, publicKey: string): Promise<BootSignature>;
}
