/**
 * What the commands say to people, in English and in Spanish. Failures' own sentences stay English: they are looked up
 * in the documentation as they stand.
 * @module
 */
import { speaksSpanish } from "./language.ts";

const ENGLISH = {
  running: "running",
  warned: "running, with warnings",
  quarantine: "QUARANTINE: data and radio stay shut",
  trust: "Trust",
  radio: "Radio",
  air: "Air",
  shard: "Shard",
  neighbours: "Neighbours",
  since: (time: string) => `for ${time}`,
  airLine: (used: string, budget: string, queued: number) =>
    `${used} of ${budget} used in this hour, ${queued === 0 ? "nothing waits" : count(queued, "packet waits", "packets wait")}`,
  waitsFor: {
    air: "until the last packet and its relays are over",
    "duty-cycle": "for the end of the radio's silence",
    modem: "for the link to the radio",
    radio: "for the radio, which is busy",
    channel: "for the channel, which others use",
    budget: "for room in this hour",
  } as Readonly<Record<string, string>>,
  airShare: (share: string, law: string | undefined) =>
    law === undefined
      ? `Caye takes at most ${share} of the hour; the law sets no limit here`
      : `Caye takes at most ${share} of the ${law} that the law allows in an hour`,
  airOthers: (time: string) => `the radio sent ${time} for others`,
  channelUse: (share: string) => `channel in use ${share} of the last minute`,
  silence: (time: string) => `by law the radio keeps SILENCE for another ${time}`,
  shardLine: (files: number, authors: number, blocks: number, size: string) =>
    `${count(files, "file", "files")} by ${count(authors, "author", "authors")}; ${count(blocks, "block", "blocks")}, ${size} here`,
  noNeighbours: "none heard yet",
  heard: (author: string, time: string, entries: number) =>
    `${author}: heard ${time} ago, ${count(entries, "entry", "entries")}`,
  attested: (time: string, by: string) => `attested ${time} ago${by === "" ? "" : ` by ${by}`}`,
  attestFailed: (time: string, reason: string, by: string) =>
    `FAILED its attestation ${time} ago${by === "" ? "" : ` by ${by}`}: ${reason}`,
  attestSilent: (time: string) => `did not answer when it was asked to attest itself, ${time} ago`,
  unattested: "not attested yet",
  trustSays: (author: string, about: string) =>
    author === about ? `${author} says of itself` : `${author} says of ${about}`,
  trustKinds: {
    attestation: "its attestation FAILED",
    entropy: "too little ENTROPY",
    selftest: "its self-test FAILED",
    recovered: "all is well again",
  },
  simulated: "simulated",
  faster: (times: number) => `${times} times as fast as real: all times here are the village's`,
  columns: { name: "NAME", size: "SIZE", author: "AUTHOR", held: "HERE", cid: "CID", seq: "SEQ", head: "HEAD" },
  yes: "yes",
  no: "no",
  noFiles: "No files yet. Those of neighbours appear once these are heard, within minutes. Put one: caye put FILE",
  noEntries: "No entries yet. Put a file: caye put FILE",
  introduces: "(introduces itself)",
  unknownKind: "(no file: of the village, or of a later version)",
  endsHere: (id: string) => `(ends here, and goes on as ${id})`,
  ignored: "(ignored: it comes after the end of this log)",
  goesOn: (from: string, to: string, ignored: number) =>
    `${from} goes on as ${to}${ignored === 0 ? "" : `; SOMEBODY ELSE has the former key: ${count(ignored, "entry", "entries")} ignored`}`,
  contested: (from: string, to: string) => `${from} goes on as ${to}? It has signed two different logs: CONTESTED`,
  saved: (file: string, size: string) => `Saved ${file} (${size})`,
  stored: (name: string, size: string, cid: string) => `Stored ${name} (${size}) as ${cid}`,
  notByAir: (command: string) =>
    `It is too large for the radio (above 65.5 KB): neighbours see its name, and get it over a link or on a stick. For a stick: ${command}`,
  archived: (name: string, file: string, size: string) => `Wrote ${name} and all of its blocks to ${file} (${size})`,
  imported: (name: string, size: string, blocks: number, cid: string) =>
    `Stored ${name} (${size}, ${count(blocks, "block", "blocks")}) as ${cid}`,
  importedUnnamed: (size: string, blocks: number, cid: string) =>
    `Stored ${size} in ${count(blocks, "block", "blocks")} without a name, so neighbours are not told: caye get ${cid}`,
  airCost: (packets: number, bytes: string, time: string) =>
    `${count(packets, "packet", "packets")} heard, ${bytes} and ${time} on air`,
  heldAlready: "was here already, nothing on air",
  estimate: (name: string, time: string, share: string | undefined) =>
    `${name} will take about ${time} of air${share === undefined ? "" : `, ${share} of this hour's budget`}`,
  deferredForHours: "The agent fetches it then: ask again later. In a hurry: caye get --now",
  deferredForLink:
    "The agent keeps it in mind. Above that size carry the file on a stick, or raise files.max_air_bytes.",
  progress: {
    queued: "the request waits for its turn on air",
    asked: (times: number, holder: string | undefined) =>
      `asked${times > 1 ? ` ${times} times` : ""}; waiting for ${holder ?? "a neighbour"}`,
    pieces: (have: number, total: number) => `${have} of ${count(total, "piece", "pieces")}`,
    blocks: (more: number) => count(more, "more block", "more blocks"),
    onAir: (time: string) => `${time} on air`,
    left: (time: string) => `about ${time} left`,
  },
  verified: (author: string, entries: number) =>
    `${author}: ${count(entries, "entry", "entries")}, each covered by a signature`,
  unverified: (author: string, entries: number) =>
    `${author}: ${count(entries, "entry", "entries")}, NOT all covered by a signature`,
  quoteWritten: (directory: string) => `Quote written to ${directory}. Check it with:`,
  allowed: (pcr: number, value: string) => `The store will also open when register ${pcr} holds ${value}`,
  allWell: "All is well.",
  someLimits: (warn: number) => `Works, with ${count(warn, "warning", "warnings")}.`,
  someFail: (fail: number, warn: number) =>
    `${count(fail, "check", "checks")} failed, ${count(warn, "warning", "warnings")}.`,
  fix: "fix",
};

export type Words = typeof ENGLISH;

const SPANISH: Words = {
  running: "en marcha",
  warned: "en marcha, con avisos",
  quarantine: "CUARENTENA: datos y radio quedan cerrados",
  trust: "Confianza",
  radio: "Radio",
  air: "Aire",
  shard: "Archivos",
  neighbours: "Vecinos",
  since: (time) => `desde hace ${time}`,
  airLine: (used, budget, queued) =>
    `${used} de ${budget} usados en esta hora, ${queued === 0 ? "nada espera" : count(queued, "paquete espera", "paquetes esperan")}`,
  waitsFor: {
    air: "a que pasen el último paquete y sus repeticiones",
    "duty-cycle": "a que la radio termine su silencio",
    modem: "el enlace con la radio",
    radio: "a la radio, que está ocupada",
    channel: "el canal, que otros usan",
    budget: "lugar en esta hora",
  },
  airShare: (share, law) =>
    law === undefined
      ? `Caye toma como máximo ${share} de la hora; aquí la ley no pone límite`
      : `Caye toma como máximo ${share} de los ${law} que la ley permite en una hora`,
  airOthers: (time) => `la radio envió ${time} para otros`,
  channelUse: (share) => `canal ocupado ${share} del último minuto`,
  silence: (time) => `por ley la radio guarda SILENCIO otros ${time}`,
  shardLine: (files, authors, blocks, size) =>
    `${count(files, "archivo", "archivos")} de ${count(authors, "autor", "autores")}; aquí ${count(blocks, "bloque", "bloques")}, ${size}`,
  noNeighbours: "no se ha oído a ninguno todavía",
  heard: (author, time, entries) => `${author}: oído hace ${time}, ${count(entries, "entrada", "entradas")}`,
  attested: (time, by) => `atestiguado hace ${time}${by === "" ? "" : ` por ${by}`}`,
  attestFailed: (time, reason, by) =>
    `NO superó su atestación hace ${time}${by === "" ? "" : `, por ${by}`}: ${reason}`,
  attestSilent: (time) => `no respondió cuando se le pidió atestiguar, hace ${time}`,
  unattested: "aún sin atestiguar",
  trustSays: (author, about) => (author === about ? `${author} dice de sí mismo` : `${author} dice de ${about}`),
  trustKinds: {
    attestation: "NO superó su atestación",
    entropy: "ENTROPÍA insuficiente",
    selftest: "NO superó su autoprueba",
    recovered: "todo está bien otra vez",
  },
  simulated: "simulada",
  faster: (times) => `${times} veces más rápida que la real: todos los tiempos aquí son los de la aldea`,
  columns: { name: "NOMBRE", size: "TAMAÑO", author: "AUTOR", held: "AQUÍ", cid: "CID", seq: "NÚM", head: "CABEZA" },
  yes: "sí",
  no: "no",
  noFiles:
    "Todavía no hay archivos. Los de los vecinos aparecen cuando se les oye, en unos minutos. Guarde uno: caye put ARCHIVO",
  noEntries: "Todavía no hay entradas. Guarde un archivo: caye put ARCHIVO",
  introduces: "(se presenta)",
  unknownKind: "(no es archivo: de la aldea, o de una versión posterior)",
  endsHere: (id) => `(termina aquí, y sigue como ${id})`,
  ignored: "(ignorada: viene después del fin de este registro)",
  goesOn: (from, to, ignored) =>
    `${from} sigue como ${to}${ignored === 0 ? "" : `; OTRO tiene la clave anterior: ${count(ignored, "entrada ignorada", "entradas ignoradas")}`}`,
  contested: (from, to) => `¿${from} sigue como ${to}? Firmó dos registros distintos: DISPUTADO`,
  saved: (file, size) => `Guardado en ${file} (${size})`,
  stored: (name, size, cid) => `Guardado ${name} (${size}) como ${cid}`,
  notByAir: (command) =>
    `Es demasiado grande para la radio (más de 65.5 KB): los vecinos ven su nombre, y lo reciben por un enlace o en una memoria. Para una memoria: ${command}`,
  archived: (name, file, size) => `Guardado ${name} con todos sus bloques en ${file} (${size})`,
  imported: (name, size, blocks, cid) =>
    `Guardado ${name} (${size}, ${count(blocks, "bloque", "bloques")}) como ${cid}`,
  importedUnnamed: (size, blocks, cid) =>
    `Guardados ${size} en ${count(blocks, "bloque", "bloques")} sin nombre; los vecinos no lo saben: caye get ${cid}`,
  airCost: (packets, bytes, time) =>
    `${count(packets, "paquete oído", "paquetes oídos")}, ${bytes} y ${time} en el aire`,
  heldAlready: "ya estaba aquí, nada en el aire",
  estimate: (name, time, share) =>
    `${name} ocupará el aire unos ${time}${share === undefined ? "" : `, ${share} de lo permitido en esta hora`}`,
  deferredForHours: "El agente lo traerá entonces: pregunte más tarde. Si urge: caye get --now",
  deferredForLink:
    "El agente lo tiene presente. A partir de ese tamaño llévelo en una memoria, o aumente files.max_air_bytes.",
  progress: {
    queued: "la petición espera su turno en el aire",
    asked: (times, holder) => `pedido${times > 1 ? ` ${times} veces` : ""}; esperando a ${holder ?? "un vecino"}`,
    pieces: (have, total) => `${have} de ${count(total, "pieza", "piezas")}`,
    blocks: (more) => `${count(more, "bloque", "bloques")} más`,
    onAir: (time) => `${time} en el aire`,
    left: (time) => `faltan unos ${time}`,
  },
  verified: (author, entries) => `${author}: ${count(entries, "entrada", "entradas")}, todas cubiertas por una firma`,
  unverified: (author, entries) =>
    `${author}: ${count(entries, "entrada", "entradas")}, NO todas cubiertas por una firma`,
  quoteWritten: (directory) => `Prueba escrita en ${directory}. Compruébela con:`,
  allowed: (pcr, value) => `El almacén se abrirá también cuando el registro ${pcr} contenga ${value}`,
  allWell: "Todo está bien.",
  someLimits: (warn) => `Funciona, con ${count(warn, "aviso", "avisos")}.`,
  someFail: (fail, warn) =>
    `${count(fail, "comprobación falló", "comprobaciones fallaron")}, ${count(warn, "aviso", "avisos")}.`,
  fix: "remedio",
};

/** Spanish when the environment's language is, in whichever country; else English. */
export function wordsFor(env: Readonly<Record<string, string | undefined>>): Words {
  return speaksSpanish(env) ? SPANISH : ENGLISH;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
