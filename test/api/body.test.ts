import { describe, expect, test } from "vitest";
import { BodyRoom } from "../../src/api/body.ts";

const post = (bytes: number, headers: Record<string, string> = { "content-length": String(bytes) }): Request =>
  new Request("http://127.0.0.1/", { method: "POST", body: new Uint8Array(bytes), headers });

describe("room for bodies", () => {
  test("is given while there is some, refused with a sentence while others take it, and free again afterwards", async () => {
    const room = new BodyRoom(100);
    const first = Promise.withResolvers<void>();
    const taking = room.withBytes(post(80), 1_000, async (bytes) => {
      await first.promise;
      return bytes.length;
    });
    expect(await room.withBytes(post(20), 1_000, async (bytes) => bytes.length)).toBe(20);
    await expect(room.withBytes(post(21), 1_000, async () => 0)).rejects.toMatchObject({ code: "TOO_MANY" });
    first.resolve();
    expect(await taking).toBe(80);
    expect(await room.withBytes(post(100), 1_000, async (bytes) => bytes.length)).toBe(100);
  });

  test("is given to a body larger than all of it when that is alone, and freed when the work fails", async () => {
    const room = new BodyRoom(10);
    const failing = room.withBytes(post(50), 1_000, () => Promise.reject(new Error("no disk")));
    await expect(failing).rejects.toThrow("no disk");
    expect(await room.withBytes(post(50), 1_000, async (bytes) => bytes.length)).toBe(50);
  });

  test("counts a body of unknown length as the largest", async () => {
    const room = new BodyRoom(100);
    const first = Promise.withResolvers<void>();
    const taking = room.withBytes(post(1, {}), 100, () => first.promise);
    await expect(room.withBytes(post(1), 100, async () => 0)).rejects.toMatchObject({ code: "TOO_MANY" });
    first.resolve();
    await taking;
  });
});
