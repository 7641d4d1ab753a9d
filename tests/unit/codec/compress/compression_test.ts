import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { checkMediaType, type Compression, sniff } from "../../../../lib/codec/compress/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { concat, frame, member, skippable, text } from "./support.ts";

const OCI = "application/vnd.oci.image.layer.v1.tar";
const DOCKER = "application/vnd.docker.image.rootfs.diff.tar";

function refusal(head: Uint8Array): unknown {
  const error = assertThrows(() => sniff(head), VarveError);
  assertEquals(error.code, "E_COMPRESSION");
  return error.details.actual;
}

Deno.test("sniff detects gzip, zstd and plain by their first bytes", () => {
  assertEquals(sniff(member(text("x"))), "gzip");
  assertEquals(sniff(frame(text("x"))), "zstd");
  for (let nibble = 0; nibble < 16; nibble++) {
    assertEquals(sniff(skippable(text("x"), nibble)), "zstd");
  }
  for (const plain of [text(""), text("a"), text("\x1f"), text("etc/passwd"), text("(\xb5/")]) {
    assertEquals(sniff(plain), "none");
  }
});

Deno.test("E10 sniff refuses other compressions and names them", () => {
  assertEquals(refusal(new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0])), "xz");
  assertEquals(refusal(text("BZh91AY&SY...")), "bzip2");
  assertEquals(refusal(concat(text("BZh1"), bytes("177245385090"))), "bzip2");
  assertEquals(refusal(bytes("04224d18")), "lz4");
  assertEquals(refusal(bytes("1f9d90")), "compress (.Z)");
  assertEquals(refusal(text("LZIP\x01")), "lzip");
  assertEquals(refusal(bytes("504b0304")), "zip");
  assertEquals(refusal(bytes("377abcaf271c")), "7z");
});

Deno.test("sniff takes a tar for a tar when its first name looks like a magic", () => {
  for (const name of ["LZIP", "BZh91AY&SY", "PK\x03\x04", "]\0\0"]) {
    const block = new Uint8Array(512);
    block.set(text(name));
    assertThrows(() => sniff(block), VarveError);
    const ustar = block.slice();
    ustar.set(text("ustar\x0000"), 257);
    assertEquals(sniff(ustar), "none");
    const old = block.slice();
    const sum = old.reduce((total, byte) => total + byte, 8 * 0x20);
    old.set(text(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    assertEquals(sniff(old), "none");
  }
});

Deno.test("E10 a media type that states another compression gives a warning", () => {
  const other: [string, Compression][] = [
    [`${OCI}+gzip`, "zstd"],
    [`${OCI}+gzip`, "none"],
    [`${OCI}+zstd`, "gzip"],
    [`${DOCKER}.gzip`, "none"],
    ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "zstd"],
  ];
  for (const [type, actual] of other) {
    assertStringIncludes(checkMediaType(type, actual) ?? "", type);
  }
});

Deno.test("E10 a media type that agrees gives no warning", () => {
  const same: [string, Compression][] = [
    [OCI, "none"],
    [`${OCI}+gzip`, "gzip"],
    [`${OCI}+zstd; charset=x`, "zstd"],
    ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
    [DOCKER, "none"],
    [`${DOCKER}.gzip`, "gzip"],
    [`${DOCKER}.zstd`, "zstd"],
  ];
  for (const [type, actual] of same) assertEquals(checkMediaType(type, actual), undefined);
});

Deno.test("E11 compressed bytes with a media type that states uncompressed are refused", () => {
  for (const type of [OCI, DOCKER]) {
    for (const actual of ["gzip", "zstd"] as const) {
      const error = assertThrows(() => checkMediaType(type, actual), VarveError);
      assertEquals(error.code, "E_COMPRESSION");
      assertEquals(error.details, { expected: "none", actual });
    }
  }
});

Deno.test("E15 encrypted and foreign media types are refused", () => {
  for (const type of [`${OCI}+gzip+encrypted`, `${OCI}+encrypted`, "text/html", "", `${OCI}+xz`]) {
    const error = assertThrows(() => checkMediaType(type, "gzip"), VarveError);
    assertEquals(error.code, "E_MEDIA_TYPE");
  }
});

function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
