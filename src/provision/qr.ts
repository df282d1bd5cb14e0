/** QR codes (ISO/IEC 18004) as text of half blocks and as SVG. @module */
import { encodeQR } from "qr";

/** White around it, in modules: readers need so much to find it. */
const QUIET = 4;
/** Against a scratch or a fold on paper. */
const CORRECTION = "medium";

/** The modules, row by row: true is dark. With the white that belongs around it. @throws Error when it is too long */
function modulesOf(text: string): readonly (readonly boolean[])[] {
  return encodeQR(text, "raw", { ecc: CORRECTION, border: QUIET });
}

/** Two rows of modules in one line of text, dark on light as a text is read on paper or in an editor. */
export function qrText(text: string): string {
  const modules = modulesOf(text);
  const lines: string[] = [];
  for (let y = 0; y < modules.length; y += 2) {
    const [upper = [], lower = []] = [modules[y], modules[y + 1]];
    lines.push(upper.map((dark, x) => halfBlock(dark, lower[x] === true)).join(""));
  }
  return `${lines.join("\n")}\n`;
}

function halfBlock(upper: boolean, lower: boolean): string {
  if (upper) return lower ? "█" : "▀";
  return lower ? "▄" : " ";
}

/** As a path of squares, in a box of its own. */
export interface QrDrawing {
  /** Side in modules, the white around it included. */
  readonly side: number;
  /** Of SVG's `path`. */
  readonly path: string;
}

export function qrDrawing(text: string): QrDrawing {
  const modules = modulesOf(text);
  const squares = modules.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return { side: modules.length, path: squares.join("") };
}
