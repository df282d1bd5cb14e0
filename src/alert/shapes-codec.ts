/**
 * The shapes of areas in a notice: count of areas (u8); each: polygons × 16 + circles (u8), polygons as a count of points
 * and the points' distances in 10^-5 degrees (zigzag varints, the first from 0), circles as a point and a radius in units
 * of 10 m.
 * @module
 */
import type { ByteReader, ByteWriter } from "../kernel/bytes.ts";
import type { CapPoint } from "./cap.ts";
import { MAX_POINTS, MAX_SHAPES, type NoticeShape } from "./notice.ts";

const DEGREE_STEPS = 100_000;
const METRES_A_STEP = 10;

type DrawnShape = Omit<NoticeShape, "geocodes">;

/** @throws RangeError for more than 15 polygons or circles in one area */
export function writeShapes(writer: ByteWriter, shapes: readonly DrawnShape[]): void {
  writer.u8(shapes.length);
  for (const { polygons, circles } of shapes) {
    if (polygons.length > 15 || circles.length > 15) throw new RangeError("more than 15 shapes in one area");
    writer.u8(polygons.length * 16 + circles.length);
    for (const polygon of polygons) {
      writer.varint(polygon.length);
      let before = { latitude: 0, longitude: 0 };
      for (const point of polygon) before = writePoint(writer, point, before);
    }
    for (const { center, radiusKm } of circles) {
      writePoint(writer, center, { latitude: 0, longitude: 0 });
      writer.varint(Math.round((radiusKm * 1000) / METRES_A_STEP));
    }
  }
}

/** Gives the point in whole steps: the next one's distance counts from there. */
function writePoint(writer: ByteWriter, { latitude, longitude }: CapPoint, before: CapPoint): CapPoint {
  const steps = { latitude: Math.round(latitude * DEGREE_STEPS), longitude: Math.round(longitude * DEGREE_STEPS) };
  writer.varint(zigzag(steps.latitude - before.latitude)).varint(zigzag(steps.longitude - before.longitude));
  return steps;
}

/** Failures are the reader's. */
export function readShapes(reader: ByteReader): DrawnShape[] {
  const count = reader.u8();
  if (count < 1 || count > MAX_SHAPES) reader.fail("not one to fifteen areas");
  const shapes: DrawnShape[] = [];
  for (let i = 0; i < count && reader.failure === undefined; i++) {
    const counts = reader.u8();
    const polygons: CapPoint[][] = [];
    for (let n = counts >> 4; n > 0 && reader.failure === undefined; n--) polygons.push(readPolygon(reader));
    const circles: DrawnShape["circles"][number][] = [];
    for (let n = counts & 15; n > 0 && reader.failure === undefined; n--) {
      const center = inDegrees(readPoint(reader, { latitude: 0, longitude: 0 }));
      circles.push({ center, radiusKm: (reader.varint() * METRES_A_STEP) / 1000 });
    }
    shapes.push({ polygons, circles });
  }
  return shapes;
}

function readPolygon(reader: ByteReader): CapPoint[] {
  const count = reader.varint();
  if (count < 3 || count > MAX_POINTS) reader.fail("polygon not of three to a hundred points");
  const points: CapPoint[] = [];
  let before: CapPoint = { latitude: 0, longitude: 0 };
  for (let i = 0; i < count && reader.failure === undefined; i++) {
    before = readPoint(reader, before);
    points.push(inDegrees(before));
  }
  return points;
}

function readPoint(reader: ByteReader, before: CapPoint): CapPoint {
  const latitude = before.latitude + unzigzag(reader.varint());
  const longitude = before.longitude + unzigzag(reader.varint());
  if (Math.abs(latitude) > 90 * DEGREE_STEPS || Math.abs(longitude) > 180 * DEGREE_STEPS)
    reader.fail("point not on Earth");
  return { latitude, longitude };
}

function inDegrees({ latitude, longitude }: CapPoint): CapPoint {
  return { latitude: latitude / DEGREE_STEPS, longitude: longitude / DEGREE_STEPS };
}

/** 0, −1, 1, −2, … as 0, 1, 2, 3, … */
export function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1;
}

export function unzigzag(code: number): number {
  return code % 2 === 0 ? code / 2 : -(code + 1) / 2;
}
