/** Authors for people: name and id. @module */

/** `clinic (3f9a1c20b4d5e6f7)`: the name is the author's own claim, the id is not. */
export function authorLabel(name: string | undefined, id: string): string {
  return name === undefined || name === "" ? id : `${name} (${id})`;
}
