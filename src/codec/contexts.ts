/**
 * What stands before the next byte, looked at in twelve ways: each gives one hash of 32 bits.
 *
 * All arithmetic is modulo 2^32. The bytes are those of one text only: its beginning looks like zeros before it.
 * @module
 */

export const CONTEXTS = 12;

/** Odd constants of the multiplicative hashes. */
export const HASH_A = 0x9e37_79b1;
export const HASH_B = 0x85eb_ca6b;

const MAX_FIELDS = 32;
const NEWLINE = 0x0a;
const QUOTE = 0x22;

/** The class of a byte, 0 … 7: control, space, punctuation, digit, capital, small letter, part of UTF-8, bracket. */
export const CLASSES = classes();
const CONTROL = 0;
const SPACE = 1;
const PUNCTUATION = 2;
const DIGIT = 3;
const CAPITAL = 4;
const SMALL = 5;
const HIGH = 6;
const BRACKET = 7;

export function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, HASH_A);
  return Math.imul(mixed ^ (mixed >>> 15), HASH_B);
}

/** Follows one text, byte for byte. */
export class Contexts {
  /** One hash a way, for the byte that comes next. */
  readonly hashes = new Int32Array(CONTEXTS);
  /** The last four bytes, the latest lowest, and the four before them. */
  recent = 0;
  before = 0;
  /** Of the word that is being written, without regard to case; 0 between words. */
  #word = 0;
  #lastWord = 0;
  #wordBefore = 0;
  /** What a value stands under: the last name before `:`, `=` or `>`. */
  #key = 0;
  /** Of the bytes since the last key, comma or line. */
  #token = 0;
  /** Of the bytes since the last field began. */
  #field = 0;
  #shape = 0;
  /** Where the fields of the line above and of this line begin, as positions in the history. */
  #above = new Int32Array(MAX_FIELDS);
  #current = new Int32Array(MAX_FIELDS);
  #aboveFields = 0;
  #fieldNumber = 0;
  readonly #followers = new Uint8Array(256 * 2);

  /** @param kind what the text is, 0 … 255: known to both sides before its first byte */
  begin(kind: number, at: number, history: Uint8Array): void {
    this.recent = kind;
    this.before = 0;
    this.#word = 0;
    this.#lastWord = 0;
    this.#wordBefore = 0;
    this.#key = 0;
    this.#token = 0;
    this.#field = 0;
    this.#shape = 0;
    this.#aboveFields = 0;
    this.#fieldNumber = 0;
    this.#current[0] = at;
    this.#followers.fill(0);
    this.#rehash(at, history);
  }

  /** @param at the position after this byte, which stands in the history already */
  add(byte: number, at: number, history: Uint8Array): void {
    const previous = this.recent & 0xff;
    this.#followers[2 * previous + 1] = this.#followers[2 * previous] ?? 0;
    this.#followers[2 * previous] = byte;
    this.before = (this.before << 8) | (this.recent >>> 24);
    this.recent = (this.recent << 8) | byte;
    const kind = CLASSES[byte] ?? 0;
    this.#shape = (this.#shape << 4) | (kind === PUNCTUATION || kind === BRACKET ? 8 | (byte & 7) : kind);
    this.#addToWord(byte, kind);
    this.#addToKey(byte);
    this.#addToField(byte, at);
    this.#rehash(at, history);
  }

  #addToWord(byte: number, kind: number): void {
    if (kind === SMALL || kind === CAPITAL || kind === HIGH) {
      this.#word = mix(this.#word, (kind === CAPITAL ? byte | 0x20 : byte) + 1);
    } else if (this.#word !== 0) {
      this.#wordBefore = this.#lastWord;
      this.#lastWord = this.#word;
      this.#word = 0;
    }
  }

  #addToKey(byte: number): void {
    // ":", "=" and ">" end a name; "<", ",", ";" and the end of a line end a value.
    if (byte === 0x3a || byte === 0x3d || byte === 0x3e) {
      this.#key = this.#lastWord;
      this.#token = 0;
    } else if (byte === 0x2c || byte === 0x3b || byte === 0x3c || byte === NEWLINE) this.#token = byte;
    else this.#token = mix(this.#token, byte + 1);
  }

  #addToField(byte: number, at: number): void {
    if (byte === NEWLINE) {
      const spare = this.#above;
      this.#above = this.#current;
      this.#current = spare;
      this.#aboveFields = this.#fieldNumber + 1;
      this.#fieldNumber = 0;
      this.#current[0] = at;
      this.#field = 0;
    } else if (byte === 0x2c || byte === 0x3b || byte === 0x7c || byte === 0x09) {
      if (this.#fieldNumber < MAX_FIELDS - 1) this.#fieldNumber++;
      this.#current[this.#fieldNumber] = at;
      this.#field = 0;
    } else this.#field = mix(this.#field, byte + 1);
  }

  #rehash(at: number, history: Uint8Array): void {
    const { hashes, recent, before } = this;
    const last = recent & 0xff;
    const word = this.#word;
    const number = this.#fieldNumber;
    const start = this.#current[number] ?? at;
    const overhead = number < this.#aboveFields ? (this.#above[number] ?? 0) + at - start : -1;
    const up = overhead < 0 || overhead >= at ? 0 : (history[overhead] ?? 0);
    const afterUp = overhead < 0 || overhead + 1 >= at ? 0 : (history[overhead + 1] ?? 0);
    const follower = this.#followers[2 * last] ?? 0;
    const follower2 = this.#followers[2 * last + 1] ?? 0;
    hashes[0] = mix(1, last);
    hashes[1] = mix(2, recent & 0xffff);
    hashes[2] = mix(3, recent & 0xff_ffff);
    hashes[3] = mix(4, recent);
    hashes[4] = mix(mix(5, recent), before & 0xff);
    hashes[5] = mix(mix(6, recent), before & 0xffff);
    hashes[6] = mix(mix(7, word), word === 0 ? recent & 0xffff : 0);
    hashes[7] = mix(mix(mix(8, word), this.#lastWord), word === 0 ? last : 0);
    hashes[8] = mix(mix(mix(9, up), afterUp), last | (number << 8));
    hashes[9] = mix(mix(10, this.#key), this.#token);
    hashes[10] = mix(mix(11, this.#shape), follower === 0 ? 0 : 1);
    hashes[11] = mix(mix(12, follower | (follower2 << 8)), last);
    void this.#wordBefore;
    void this.#field;
    void QUOTE;
    void CONTROL;
    void SPACE;
    void DIGIT;
  }
}

function classes(): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) table[byte] = classOf(byte);
  return table;
}

function classOf(byte: number): number {
  if (byte >= 0x80) return 6;
  if (byte >= 0x61 && byte <= 0x7a) return 5;
  if (byte >= 0x41 && byte <= 0x5a) return 4;
  if (byte >= 0x30 && byte <= 0x39) return 3;
  if (byte === 0x20) return 1;
  if (byte < 0x20 || byte === 0x7f) return 0;
  return "()[]{}<>".includes(String.fromCharCode(byte)) ? 7 : 2;
}
