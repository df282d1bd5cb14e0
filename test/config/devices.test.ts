/** Device URIs. @module */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseEntropy, parseModem, parseTpm } from "../../src/config/devices.ts";

test.each([
  ["auto", { kind: "auto" }],
  ["sim:", { kind: "sim" }],
  ["serial:///dev/ttyACM0", { kind: "serial", path: "/dev/ttyACM0", baud: 115_200 }],
  ["serial:///dev/ttyUSB1?baud=9600", { kind: "serial", path: "/dev/ttyUSB1", baud: 9_600 }],
  [
    "serial:///dev/serial/by-id/usb-Espressif_JTAG_34:85:18-if00",
    { kind: "serial", path: "/dev/serial/by-id/usb-Espressif_JTAG_34:85:18-if00", baud: 115_200 },
  ],
  ["tcp://127.0.0.1:4403", { kind: "tcp", host: "127.0.0.1", port: 4403 }],
  ["tcp://radio.local", { kind: "tcp", host: "radio.local", port: 4403 }],
  ["tcp://[fe80::1]:4404", { kind: "tcp", host: "fe80::1", port: 4404 }],
])("%s is a radio", (uri, parts) => {
  expect(parseModem(uri)).toEqual({ ok: true, value: { uri, ...parts } });
});

test.each([
  ["", "it starts with none of serial://, tcp:// and sim:"],
  ["sim:fast", "it starts with none of serial://, tcp:// and sim:"],
  ["serial://dev/ttyACM0", "serial:// takes three slashes and a device file, then at most ?baud="],
  ["serial:///dev/ttyACM0?speed=1", "serial:// takes three slashes and a device file, then at most ?baud="],
  ["serial:///etc/passwd", "serial:// takes a device file under /dev"],
  ["serial:///dev/../etc/passwd", "serial:// takes a device file under /dev"],
  ["serial:///dev/ttyACM0?baud=1", "baud is 300 to 4000000"],
  ["tcp://", "tcp:// takes a host and at most a port"],
  ["tcp://host:port", "tcp:// takes a host and at most a port"],
  ["tcp://user@host:1", "tcp:// takes a host and at most a port"],
  ["tcp://host:0", "a TCP port is 1 to 65535"],
  ["tcp://host:65536", "a TCP port is 1 to 65535"],
])("%j is no radio: %s", (uri, reason) => {
  expect(parseModem(uri)).toEqual({ ok: false, reason });
});

test("TPMs and entropy sources are told apart", () => {
  expect(parseTpm("tpm:/dev/tpmrm0")).toMatchObject({ value: { kind: "device", path: "/dev/tpmrm0" } });
  expect(parseTpm("swtpm:")).toMatchObject({ value: { kind: "swtpm" } });
  expect(parseTpm("none")).toMatchObject({ value: { kind: "none" } });
  expect(parseTpm("swtpm:tcp://127.0.0.1:2321")).toMatchObject({
    value: { kind: "swtpm-tcp", host: "127.0.0.1", port: 2321 },
  });
  expect(parseTpm("swtpm:tcp://[::1]:2321/")).toMatchObject({ value: { kind: "swtpm-tcp", host: "::1", port: 2321 } });
  expect(parseTpm("swtpm:unix:/run/x.sock")).toMatchObject({ value: { kind: "swtpm-unix", path: "/run/x.sock" } });
  expect(parseEntropy("kernel")).toMatchObject({ value: { kind: "kernel" } });
  expect(parseEntropy("tpm")).toMatchObject({ value: { kind: "tpm" } });
  expect(parseEntropy("hwrng:/dev/hwrng")).toMatchObject({ value: { kind: "hwrng", path: "/dev/hwrng" } });
  expect(parseEntropy("hwrng:hwrng")).toMatchObject({ ok: false });
});

test("generators on a serial line are named with their device, and with what must be true of it", () => {
  const key = "0a".repeat(64);
  expect(parseEntropy("qrng:qcicada:/dev/ttyUSB0")).toMatchObject({
    value: { kind: "qrng", device: "qcicada", path: "/dev/ttyUSB0" },
  });
  for (const uri of [
    "qrng:truerng:/dev/ttyACM0",
    "qrng:truerngpro:/dev/ttyACM0",
    "qrng:onerng:/dev/serial/by-id/usb-x?serial=4F2A11",
    `qrng:qcicada:/dev/ttyUSB0?serial=QC0000000217&ca=${key}`,
  ]) {
    expect(parseEntropy(uri), uri).toMatchObject({ ok: true, value: { uri } });
  }
  for (const uri of [
    "qrng:",
    "qrng:quantis:/dev/qrandom0",
    "qrng:qcicada:ttyUSB0",
    "qrng:qcicada:/dev/../etc/passwd",
    "qrng:qcicada:/dev/ttyUSB0?",
    "qrng:qcicada:/dev/ttyUSB0?ca=0a",
    "qrng:qcicada:/dev/ttyUSB0?serial=a b",
    "qrng:onerng:/dev/ttyACM0?ca=" + key,
    "qrng:truerng:/dev/ttyACM0?serial=1",
  ]) {
    expect(parseEntropy(uri), uri).toMatchObject({ ok: false });
  }
  expect(parseEntropy("qrng:infnoise:/dev/ttyUSB0")).toMatchObject({ reason: expect.stringMatching(/libusb/) });
});

test.each([
  "swtpm:/x",
  "swtpm:unix:x.sock",
  `swtpm:unix:/${"x".repeat(107)}`,
  "swtpm:tcp://127.0.0.1",
  "swtpm:tcp://127.0.0.1:0",
  "swtpm:tcp://192.168.1.5:2321",
  "swtpm:tcp://tpm.example:2321",
  "swtpm:tcp://127.0.0.1.example:2321",
  "swtpm:tcp://[::2]:2321",
])("%s is no TPM", (uri) => {
  expect(parseTpm(uri)).toMatchObject({ ok: false });
});

test("any text is a device or has a reason", () => {
  const near = fc.tuple(
    fc.constantFrom("serial://", "tcp://", "sim:", "tpm:", "swtpm:", "swtpm:tcp://", "swtpm:unix:", "hwrng:", ""),
    fc.string(),
  );
  fc.assert(
    fc.property(near, ([scheme, rest]) => {
      for (const parse of [parseModem, parseTpm, parseEntropy]) {
        const result = parse(scheme + rest);
        if (result.ok) expect(result.value.uri).toBe(scheme + rest);
        else expect(result.reason).not.toBe("");
      }
    }),
    { numRuns: 3_000 },
  );
});
