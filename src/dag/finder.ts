/**
 * From what a person types to the files that are meant.
 * @module
 */
import { base32 } from "multiformats/bases/base32";
import { fromHex, startsWith, toHex } from "../kernel/bytes.ts";
import type { Store } from "../ports/store.ts";
import { FILE_PREFIX_BYTES, rootOf, textOfRef } from "./block-ref.ts";
import { type Catalogue, MAX_RESOLVED } from "./catalogue.ts";
import { type Cid, codecOf, digestOf, parseCid } from "./cid.ts";
import type { Roster } from "./roster.ts";
import { namedRange, parseNamedKey } from "./keys.ts";
import type { FileRow } from "./shard.ts";

/** The beginning of a CID, 6 characters at least; a digest's, 8 hex digits at least. */
const CID_BEGINNING = /^b[a-z2-7]{5,57}$/;
const HEX_BEGINNING = /^[0-9a-f]{8,64}$/;
const ENTRY = /^([^/]+)\/([1-9][0-9]{0,9})$/;
const AUTHOR_BEGINNING = /^[0-9a-f]{4,16}$/;
const CID_CHARACTERS = 59;
const CID_HEAD_BYTES = 4;
/** Names of entries that are looked at for one beginning. */
const MAX_LOOKED_AT = 4096;

export class Finder {
  readonly #store: Store;
  readonly #catalogue: Catalogue;
  readonly #authors: () => Roster;

  constructor(store: Store, catalogue: Catalogue, authors: () => Roster) {
    this.#store = store;
    this.#catalogue = catalogue;
    this.#authors = authors;
  }

  /** A text that is a CID, or has a `/`, is never taken for a name. */
  async find(text: string): Promise<readonly FileRow[]> {
    const cid = parseCid(text);
    if (cid !== undefined) return this.#byCid(cid);
    if (text.includes("/")) return this.#byEntry(text);
    const named = await this.#catalogue.named(text.normalize("NFC"));
    if (named.length > 0) return named;
    const beginning = text.replace(/…$/, "");
    if (CID_BEGINNING.test(beginning)) {
      return this.#named(digestOfBeginning(beginning), (row) => agrees(cidText(row), beginning, row));
    }
    if (!HEX_BEGINNING.test(beginning)) return [];
    const whole = fromHex(beginning.slice(0, 2 * Math.floor(beginning.length / 2))) ?? new Uint8Array();
    return this.#named(whole, (row) => agrees(toHex(rootOf(row).digest), beginning, row));
  }

  /** Entries that name a root by this digest, 16 … 32 bytes of it. */
  naming(digest: Uint8Array): Promise<readonly FileRow[]> {
    return this.#named(digest, (row) => {
      const known = rootOf(row).digest;
      return startsWith(known, digest) || startsWith(digest, known);
    });
  }

  /** Of an entry only the first bytes are known, so the row gets the CID that was asked for: it is the stricter check. */
  async #byCid(cid: Cid): Promise<readonly FileRow[]> {
    const rows = await this.naming(digestOf(cid));
    return rows.filter(({ codec }) => codec === codecOf(cid)).map((row) => ({ ...row, cid }));
  }

  async #byEntry(text: string): Promise<readonly FileRow[]> {
    const [, name = "", digits = ""] = ENTRY.exec(text) ?? [];
    const seq = Number(digits);
    if (seq < 1 || seq > 0xffff_ffff) return [];
    const rows: FileRow[] = [];
    for (const author of this.#authorsOf(name)) {
      const row = await this.#catalogue.entryRow(author, seq);
      if (row !== undefined) rows.push(row);
      if (rows.length === MAX_RESOLVED) break;
    }
    return rows;
  }

  /** Those whose id is or begins so, or who call themselves so. */
  #authorsOf(text: string): readonly string[] {
    const name = text.normalize("NFC");
    const beginning = AUTHOR_BEGINNING.test(text) ? text : undefined;
    const authors = this.#authors();
    return this.#catalogue.authorIds().filter((id) => {
      return authors.get(id)?.name === name || (beginning !== undefined && id.startsWith(beginning));
    });
  }

  /** Entries that name a digest which begins so, own first. */
  async #named(beginning: Uint8Array, fits: (row: FileRow) => boolean): Promise<readonly FileRow[]> {
    const rows: FileRow[] = [];
    const range = { ...namedRange(beginning.subarray(0, FILE_PREFIX_BYTES)), limit: MAX_LOOKED_AT };
    for await (const key of this.#store.keys(range)) {
      const { author, seq } = parseNamedKey(key);
      const row = await this.#catalogue.entryRow(toHex(author), seq);
      if (row !== undefined && fits(row)) rows.push(row);
      if (rows.length === MAX_RESOLVED) break;
    }
    const [self] = this.#catalogue.authorIds();
    return [...rows.filter((row) => row.author === self), ...rows.filter((row) => row.author !== self)];
  }
}

/** The whole bytes of the digest that the beginning of a CID tells. */
function digestOfBeginning(text: string): Uint8Array {
  // A character stands for 5 bits, after the `b`; the CID's head takes 4 bytes.
  const bytes = Math.floor((5 * (text.length - 1)) / 8);
  return base32.decode(text.padEnd(CID_CHARACTERS, "a")).subarray(CID_HEAD_BYTES, Math.max(CID_HEAD_BYTES, bytes));
}

/** The CID as far as it is known. */
function cidText(row: FileRow): string {
  return textOfRef(rootOf(row)).replace(/…$/, "");
}

/** Of a file whose CID is not known yet, as far as it is known. */
function agrees(known: string, beginning: string, { cid }: FileRow): boolean {
  return known.startsWith(beginning) || (cid === undefined && beginning.startsWith(known));
}
