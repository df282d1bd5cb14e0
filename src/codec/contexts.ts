/**
 * What stands before the next byte, looked at in ten ways: each gives one hash of 32 bits.
 *
 * All arithmetic is modulo 2^32. The bytes are those of one text only: before its beginning there seem to be zeros.
 * @module
 */

export const CONTEXTS = 10;
/** So many of them, the first ones, are simply the last 1, 2, 3 and 4 bytes. */
export const ORDERS = 4;

/** Odd constants of the multiplicative hashes: ⌊2^32 / golden ratio⌋, and one more without meaning. */
export const HASH_A = 0x9e37_79b1;
export const HASH_B = 0x85eb_ca6b;

/** Of a line, only so many fields are told apart. */
const MAX_FIELDS = 32;
const [TAB, NEWLINE, COMMA, COLON, SEMICOLON, LESS, EQUALS, GREATER, BAR] = [
  9, 10, 0x2c, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x7c,
];

const PUNCTUATION = 2;
const CAPITAL = 4;
const SMALL = 5;
const HIGH = 6;
const BRACKET = 7;
/** 0 control, 1 space, 2 punctuation, 3 digit, 4 capital, 5 small letter, 6 part of a longer UTF-8 letter, 7 bracket. */
export const CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => classOf(byte));

/** Mixes a value into a hash. */
export function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, HASH_A);
  return Math.imul(mixed ^ (mixed >>> 15), HASH_B);
}

/** Follows one text, byte for byte. */
export class Contexts {
  /** One hash a way, for the byte that comes next. */
  readonly hashes = new Int32Array(CONTEXTS);
  /** The last four bytes, the latest lowest. */
  recent = 0;
  /** Of the letters of the word that is being written, without regard to case; 0 between words. */
  #word = 0;
  #lastWord = 0;
  /** What a value stands under: the last word before `:`, `=` or `>`. */
  #key = 0;
  /** Of the bytes since the last key, comma or line. */
  #token = 0;
  /** The kinds of the last eight bytes, 4 bits each, the latest lowest. */
  #shape = 0;
  /** Where the fields of the line above and of this line begin in the history. */
  #above = new Int32Array(MAX_FIELDS);
  #current = new Int32Array(MAX_FIELDS);
  #aboveFields = 0;
  #field = 0;

  /** @param kind what the text is, 0 … 255: it stands in the place of the byte before the first */
  begin(kind: number, at: number, history: Uint8Array): void {
    this.recent = kind;
    this.#word = 0;
    this.#lastWord = 0;
    this.#key = 0;
    this.#token = 0;
    this.#shape = 0;
    this.#aboveFields = 0;
    this.#field = 0;
    this.#current[0] = at;
    this.#rehash(at, history);
  }

  /** @param at the position after this byte, which stands in the history already */
  add(byte: number, at: number, history: Uint8Array): void {
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
      this.#lastWord = this.#word;
      this.#word = 0;
    }
  }

  #addToKey(byte: number): void {
    if (byte === COLON || byte === EQUALS || byte === GREATER) {
      this.#key = this.#lastWord;
      this.#token = 0;
    } else if (byte === COMMA || byte === SEMICOLON || byte === LESS || byte === NEWLINE) this.#token = byte;
    else this.#token = mix(this.#token, byte + 1);
  }

  #addToField(byte: number, at: number): void {
    if (byte === NEWLINE) {
      const spare = this.#above;
      this.#above = this.#current;
      this.#current = spare;
      this.#aboveFields = this.#field + 1;
      this.#field = 0;
      this.#current[0] = at;
    } else if (byte === COMMA || byte === SEMICOLON || byte === BAR || byte === TAB) {
      if (this.#field < MAX_FIELDS - 1) this.#field++;
      this.#current[this.#field] = at;
    }
  }

  #rehash(at: number, history: Uint8Array): void {
    const { hashes, recent } = this;
    const last = recent & 0xff;
    const word = this.#word;
    // The byte above: as far into the same field of the line before, and its successor.
    let up = 0;
    if (this.#field < this.#aboveFields) {
      const place = (this.#above[this.#field] ?? 0) + at - (this.#current[this.#field] ?? 0);
      up = (((history[place] ?? 0) << 8) | (place + 1 < at ? (history[place + 1] ?? 0) : 0)) + 1;
    }
    hashes[0] = mix(1, last);
    hashes[1] = mix(2, recent & 0xffff);
    hashes[2] = mix(3, recent & 0xff_ffff);
    hashes[3] = mix(4, recent);
    hashes[4] = mix(mix(5, word), word === 0 ? recent & 0xffff : 0);
    hashes[5] = mix(mix(mix(6, word), this.#lastWord), word === 0 ? last : 0);
    hashes[6] = mix(mix(7, word), this.#shape & 0xfff);
    hashes[7] = mix(mix(8, up), last | (this.#field << 8));
    hashes[8] = mix(mix(9, this.#key), this.#token);
    hashes[9] = mix(10, this.#shape);
  }
}

function classOf(byte: number): number {
  if (byte >= 0x80) return HIGH;
  const letter = String.fromCharCode(byte);
  if (letter >= "a" && letter <= "z") return SMALL;
  if (letter >= "A" && letter <= "Z") return CAPITAL;
  if (letter >= "0" && letter <= "9") return 3;
  if (byte === 0x20) return 1;
  if (byte < 0x20 || byte === 0x7f) return 0;
  return "()[]{}<>".includes(letter) ? BRACKET : PUNCTUATION;
}
