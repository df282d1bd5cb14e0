/** YAML as far as the files here need it: maps, lists, texts, numbers. A text always stands in quotes. @module */

export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };

export function toYaml(value: Yaml, comment: string): string {
  return `${comment
    .split("\n")
    .map((line) => `# ${line}`)
    .join("\n")}\n${lines(value).join("\n")}\n`;
}

function lines(value: Yaml): readonly string[] {
  if (isList(value)) return value.length === 0 ? ["[]"] : value.flatMap((item) => under("-", lines(item), true));
  if (typeof value !== "object") return [JSON.stringify(value)];
  const entries = Object.entries(value);
  if (entries.length === 0) return ["{}"];
  return entries.flatMap(([key, item]) => under(`${key}:`, lines(item), typeof item !== "object" || isEmpty(item)));
}

/** Behind its head where that is possible, else indented below it. */
function under(head: string, [first = "", ...rest]: readonly string[], beside: boolean): readonly string[] {
  const indented = rest.map((line) => `  ${line}`);
  return beside ? [`${head} ${first}`, ...indented] : [head, `  ${first}`, ...indented];
}

function isEmpty(value: Yaml): boolean {
  return isList(value) ? value.length === 0 : Object.keys(value).length === 0;
}

function isList(value: Yaml): value is readonly Yaml[] {
  return Array.isArray(value);
}
