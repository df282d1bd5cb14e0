/** Reads udev's rules as far as ours use them, and follows them for a device. udev(7). @module */

export interface UdevDevice {
  readonly subsystem: string;
  /** `ttyUSB0` */
  readonly kernel: string;
  /** Of its parents: all conditions on attributes of one rule must hold for one of them. */
  readonly parents?: readonly Readonly<Record<string, string>>[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface UdevOutcome {
  readonly links: readonly string[];
  readonly group: string;
  readonly mode: string;
  readonly tags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Token {
  readonly key: string;
  /** `idVendor` in `ATTRS{idVendor}` */
  readonly name: string;
  readonly operator: string;
  readonly value: string;
}

const TOKEN = /^(SUBSYSTEM|KERNEL|ATTRS|ENV|SYMLINK|GROUP|MODE|TAG)(?:\{(\w+)\})?(==|!=|\+=|=)"([^"]*)"$/;

/** One rule a line. @throws on whatever is no token of those */
export function parseRules(text: string): readonly (readonly Token[])[] {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => line.split(/,\s*(?=[A-Z])/).map((word) => token(word.trim(), line)));
}

function token(word: string, line: string): Token {
  const [, key = "", name = "", operator = "", value = ""] = TOKEN.exec(word) ?? [];
  if (key === "") throw new Error(`no token of udev: ${word} in ${line}`);
  if (["ATTRS", "ENV"].includes(key) !== (name !== "")) throw new Error(`${key} with or without a name: ${line}`);
  const isCondition = operator === "==" || operator === "!=";
  if (["SUBSYSTEM", "KERNEL", "ATTRS"].includes(key) && !isCondition) throw new Error(`${key} can't be set: ${line}`);
  return { key, name, operator, value };
}

export function follow(rules: readonly (readonly Token[])[], device: UdevDevice): UdevOutcome {
  const env: Record<string, string> = { ...device.env };
  const done = { links: new Set<string>(), group: "", mode: "", tags: new Set<string>() };
  for (const rule of rules) {
    if (!holds(rule, device, env)) continue;
    for (const { key, name, operator, value } of rule.filter((each) => !each.operator.endsWith("=="))) {
      const text = value.replaceAll(/\$env\{(\w+)\}/g, (_, other: string) => env[other] ?? "");
      if (key === "ENV") env[name] = operator === "+=" && env[name] !== undefined ? `${env[name]} ${text}` : text;
      if (key === "SYMLINK") for (const link of text.split(" ")) done.links.add(link);
      if (key === "GROUP") done.group = text;
      if (key === "MODE") done.mode = text;
      if (key === "TAG") done.tags.add(text);
    }
  }
  return { ...done, links: [...done.links].toSorted(), tags: [...done.tags], env };
}

function holds(rule: readonly Token[], device: UdevDevice, env: Readonly<Record<string, string>>): boolean {
  const conditions = rule.filter(({ operator }) => operator === "==" || operator === "!=");
  const own: Readonly<Record<string, string>> = { SUBSYSTEM: device.subsystem, KERNEL: device.kernel };
  const attributes = conditions.filter(({ key }) => key === "ATTRS");
  const rest = conditions.filter(({ key }) => key !== "ATTRS");
  return (
    rest.every((token) => isMet(token, token.key === "ENV" ? (env[token.name] ?? "") : (own[token.key] ?? ""))) &&
    (attributes.length === 0 ||
      (device.parents ?? []).some((parent) =>
        attributes.every((token) => parent[token.name] !== undefined && isMet(token, parent[token.name] ?? "")),
      ))
  );
}

function isMet({ operator, value }: Token, actual: string): boolean {
  const pattern = value
    .split("|")
    .map((glob) =>
      glob
        .replaceAll(/[.+^${}()\\]/g, "\\$&")
        .replaceAll("*", ".*")
        .replaceAll("?", "."),
    )
    .join("|");
  return new RegExp(`^(?:${pattern})$`, "u").test(actual) === (operator === "==");
}
