/**
 * A small strict reader of XML 1.0 with namespaces, for files that anybody may have written.
 *
 * No document type, so no entities but the five and character references; depth, elements and length are bounded. Comments
 * and processing instructions are skipped. Total: what is not well-formed gives a reason.
 * @module
 */
import { fromUtf8 } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";

export interface XmlElement {
  /** Without its prefix. */
  readonly name: string;
  /** The namespace's URI; empty when it is in none. */
  readonly namespace: string;
  readonly children: readonly XmlElement[];
  /** Its own character data, joined; of an element without children. */
  readonly text: string;
}

export const MAX_XML_BYTES = 262_144;
const MAX_DEPTH = 16;
const MAX_ELEMENTS = 4_096;

const NAME = /[A-Za-z_][\w.-]{0,127}(?::[A-Za-z_][\w.-]{0,127})?/y;
const SPACE = /[ \t\r\n]*/y;
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", apos: "'", quot: '"' };
const REFERENCE = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,8}));/g;
// oxlint-disable-next-line no-control-regex -- what XML 1.0 forbids
const NO_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

interface Open {
  readonly tag: string;
  readonly name: string;
  readonly namespace: string;
  readonly scope: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  text: string;
}

/** The document's element. @param bytes UTF-8, with or without a byte order mark */
export function parseXml(bytes: Uint8Array): Decoded<XmlElement> {
  if (bytes.length > MAX_XML_BYTES) return refused("XML longer than 256 KiB");
  const text = fromUtf8(bytes);
  if (text === undefined) return refused("XML not in UTF-8");
  if (NO_CHARACTER.test(text)) return refused("XML with a control character");
  return new Reader(
    text
      .replace(/^\uFEFF/, "")
      .replaceAll("\r\n", "\n")
      .replaceAll("\r", "\n"),
  ).document();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #elements = 0;
  readonly #open: Open[] = [];
  #root: XmlElement | undefined;
  #failure: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Decoded<XmlElement> {
    const declaration = /^<\?xml\s[^>]{0,200}\?>/.exec(this.#text);
    if (declaration !== null) {
      this.#at = declaration[0].length;
      if (/encoding\s*=/.test(declaration[0]) && !/encoding\s*=\s*["'](?:utf-8|us-ascii)["']/i.test(declaration[0]))
        return refused("XML not in UTF-8");
    }
    while (this.#failure === undefined && this.#at < this.#text.length) this.#step();
    if (this.#open.length > 0) this.#fail("XML breaks off");
    if (this.#failure !== undefined) return refused(this.#failure);
    return this.#root === undefined ? refused("no XML") : decoded(this.#root);
  }

  #step(): void {
    const text = this.#text;
    if (text[this.#at] !== "<") return this.#characters();
    if (text.startsWith("<!--", this.#at)) return this.#skip("<!--", "-->");
    if (text.startsWith("<![CDATA[", this.#at)) return this.#cdata();
    if (text.startsWith("<!", this.#at)) return this.#fail("XML with a document type");
    if (text.startsWith("<?", this.#at)) return this.#skip("<?", "?>");
    if (text.startsWith("</", this.#at)) return this.#endTag();
    return this.#startTag();
  }

  #characters(): void {
    const end = this.#text.indexOf("<", this.#at);
    const raw = this.#text.slice(this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end;
    this.#addText(this.#resolved(raw));
  }

  #cdata(): void {
    const end = this.#text.indexOf("]]>", this.#at);
    if (end < 0 || this.#open.length === 0) return this.#fail("XML breaks off");
    this.#addText(this.#text.slice(this.#at + 9, end));
    this.#at = end + 3;
  }

  #addText(text: string): void {
    const top = this.#open.at(-1);
    if (top !== undefined) top.text += text;
    else if (text.trim() !== "") this.#fail("text outside of the XML element");
  }

  #resolved(raw: string): string {
    const text = raw.replaceAll(REFERENCE, (_, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return (Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined) ?? this.#unknown();
      const point = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
      const valid = point <= 0x10_ffff && !(point >= 0xd800 && point <= 0xdfff);
      const character = valid ? String.fromCodePoint(point) : "\u0000";
      return NO_CHARACTER.test(character) ? this.#unknown() : character;
    });
    if (raw.replaceAll(REFERENCE, "").includes("&")) this.#fail("XML with a stray &");
    return text;
  }

  #unknown(): string {
    this.#fail("XML with an unknown entity");
    return "";
  }

  #startTag(): void {
    this.#at++;
    const tag = this.#match(NAME);
    if (tag === "") return this.#fail("XML that is not well-formed");
    const attributes = this.#attributes();
    if (this.#failure !== undefined) return;
    const parent = this.#open.at(-1);
    if (parent === undefined && this.#root !== undefined) return this.#fail("several XML elements");
    if (this.#open.length >= MAX_DEPTH) return this.#fail("XML nested too deep");
    if (++this.#elements > MAX_ELEMENTS) return this.#fail("too many XML elements");
    this.#push(tag, scopeOf(attributes, parent?.scope ?? new Map()));
    if (this.#text[this.#at] === "/") {
      this.#at++;
      if (this.#text[this.#at] !== ">") return this.#fail("XML that is not well-formed");
      this.#close();
    }
    this.#at++;
  }

  #push(tag: string, scope: ReadonlyMap<string, string>): void {
    const [name = "", prefix = ""] = tag.split(":").toReversed();
    const namespace = scope.get(prefix);
    if (namespace === undefined && prefix !== "") return this.#fail("XML with an unknown prefix");
    this.#open.push({ tag, name, namespace: namespace ?? "", scope, children: [], text: "" });
  }

  /** Up to `>` or `/`. */
  #attributes(): ReadonlyMap<string, string> {
    const attributes = new Map<string, string>();
    for (;;) {
      const space = this.#match(SPACE);
      const next = this.#text[this.#at];
      if (next === ">" || next === "/") return attributes;
      const name = space === "" ? "" : this.#match(NAME);
      this.#match(SPACE);
      const equals = this.#text[this.#at] === "=";
      this.#at++;
      this.#match(SPACE);
      const quote = this.#text[this.#at] ?? "";
      const end = quote === '"' || quote === "'" ? this.#text.indexOf(quote, this.#at + 1) : -1;
      const value = this.#text.slice(this.#at + 1, Math.max(end, 0));
      if (name === "" || !equals || end < 0 || value.includes("<") || attributes.has(name)) {
        this.#fail("XML that is not well-formed");
        return attributes;
      }
      attributes.set(name, this.#resolved(value));
      this.#at = end + 1;
    }
  }

  #endTag(): void {
    this.#at += 2;
    const tag = this.#match(NAME);
    this.#match(SPACE);
    if (this.#text[this.#at] !== ">" || this.#open.at(-1)?.tag !== tag)
      return this.#fail("XML that is not well-formed");
    this.#at++;
    this.#close();
  }

  #close(): void {
    const closed = this.#open.pop();
    if (closed === undefined) return;
    const { name, namespace, children, text } = closed;
    if (children.length > 0 && text.trim() !== "") this.#fail("XML with text between elements");
    const element: XmlElement = { name, namespace, children, text: children.length > 0 ? "" : text };
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = element;
    else parent.children.push(element);
  }

  #skip(from: string, to: string): void {
    const end = this.#text.indexOf(to, this.#at + from.length);
    if (end < 0) return this.#fail("XML breaks off");
    this.#at = end + to.length;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #fail(reason: string): void {
    this.#failure ??= reason;
  }
}

function scopeOf(
  attributes: ReadonlyMap<string, string>,
  outer: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const declared = [...attributes].filter(([name]) => name === "xmlns" || name.startsWith("xmlns:"));
  if (declared.length === 0) return outer;
  return new Map([...outer, ...declared.map(([name, uri]) => [name === "xmlns" ? "" : name.slice(6), uri] as const)]);
}

/** For text between tags. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\r", "&#13;");
}
