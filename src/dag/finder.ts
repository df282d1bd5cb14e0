/**
 * From what a person types to the files that are meant.
 * @module
 */
import { fromHex, toHex } from "../kernel/bytes.ts";
import type { Store } from "../ports/store.ts";
import { FILE_PREFIX_BYTES, textOfRef } from "./block-ref.ts";
import { type Catalogue, MAX_RESOLVED } from "./catalogue.ts";
import { type Cid, codecOf, digestOf, parseCid } from "./cid.ts";
import type { Roster } from "./roster.ts";
import { namedRange, parseNamedKey } from "./keys.ts";
import type { FileRow } from "./shard.ts";

/** The beginning of a CID, 6 characters at least; a digest's, 8 hex digits at least. */
const CID_BEGINNING = /^b[a-z2-7]{5,57}$/;
const HEX_BEGINNING = /^(?:[0-9a-f]{2}){4,32}$/;
const ENTRY = /^([^/]+)\/([1-9][0-9]{0,9})$/;
const AUTHOR_BEGINNING = /^[0-9a-f]{4,16}$/;
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
    if (CID_BEGINNING.test(beginning))
      return this.#named(new Uint8Array(), (row) => cidText(row).startsWith(beginning));
    const digest = HEX_BEGINNING.test(text) ? fromHex(text) : undefined;
    return digest === undefined ? [] : this.#byDigest(digest);
  }

  /** Of an entry only the first bytes are known, so the row gets the CID that was asked for: it is the stricter check. */
  async #byCid(cid: Cid): Promise<readonly FileRow[]> {
    const codec = codecOf(cid);
    const rows = await this.#named(digestOf(cid), (row) => row.codec === codec && (row.cid?.equals(cid) ?? true));
    return rows.map((row) => ({ ...row, cid }));
  }

  #byDigest(digest: Uint8Array): Promise<readonly FileRow[]> {
    const hex = toHex(digest);
    return this.#named(digest, ({ cid }) => cid === undefined || toHex(digestOf(cid)).startsWith(hex));
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

/** The CID as far as it is known. */
function cidText({ cid, codec, prefix }: FileRow): string {
  return cid?.toString() ?? textOfRef({ codec, digest: prefix });
}
