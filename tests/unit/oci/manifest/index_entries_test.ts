import { assert, assertEquals } from "@std/assert";
import { sha256 } from "../../../../lib/digest/mod.ts";
import {
  attestationAbout,
  attestedDigest,
  type Descriptor,
  encodeIndex,
  entriesFor,
  indexMediaType,
  isAttachment,
  isSamePlatform,
  MEDIA_TYPES,
  mergedEntries,
  parseIndex,
  parsePlatform,
  type Platform,
  withAttestations,
  withoutEntries,
} from "../../../../lib/oci/mod.ts";

const HOST = { os: "linux", architecture: "amd64" };
const on = (text: string): Platform => parsePlatform(text, HOST);
const entry = (n: number, more: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: MEDIA_TYPES.manifest,
  digest: sha256(new Uint8Array([n])),
  size: n,
  ...more,
});
const UNKNOWN = { os: "unknown", architecture: "unknown" };
const about = (n: number, of: Descriptor): Descriptor =>
  entry(n, { platform: UNKNOWN, annotations: { "vnd.docker.reference.digest": of.digest } });

const amd = entry(1, { platform: on("linux/amd64") });
const amd2 = entry(2, { platform: on("linux/amd64/v2") });
const arm = entry(3, { platform: { os: "linux", architecture: "arm64", variant: "v8" } });
const ofAmd = about(4, amd);
const ofArm = about(5, arm);
const chart = entry(6, { artifactType: "application/vnd.example.chart" });
const ALL = [ofArm, amd, amd2, ofAmd, chart, arm];

Deno.test("an attestation is about the manifest that its annotation names, an image about none", () => {
  assertEquals(ALL.map(isAttachment), [true, false, false, true, true, false]);
  assertEquals(attestedDigest(ofAmd), amd.digest);
  assertEquals(attestedDigest(chart), undefined);
  assertEquals(attestedDigest(attestationAbout(ofAmd, arm.digest)), arm.digest);
  // An annotation makes no attestation of an image, which would be removed with another one.
  assertEquals(attestedDigest({ ...arm, annotations: ofAmd.annotations }), undefined);
  const inner = { ...chart, mediaType: MEDIA_TYPES.index };
  assertEquals(isAttachment(inner), false);
});

Deno.test("a platform is the same with all its parts", () => {
  const windows = { os: "windows", architecture: "amd64", osVersion: "10.0.1" };
  for (
    const [wanted, actual, isSame] of [
      [on("linux/arm64"), arm.platform, true],
      [on("linux/arm64/v8"), on("arm64"), true],
      [on("linux/arm"), on("linux/arm/v7"), true],
      [on("linux/arm/v6"), on("linux/arm/v7"), false],
      [on("linux/amd64"), amd2.platform, false],
      [on("windows/amd64"), windows, true],
      [windows, on("windows/amd64"), false],
      [{ ...windows, osFeatures: ["a"] }, windows, false],
      [on("linux/amd64"), UNKNOWN, false],
    ] as const
  ) {
    assertEquals(
      isSamePlatform(wanted, actual as Platform),
      isSame,
      JSON.stringify([wanted, actual]),
    );
  }
});

Deno.test("entries are chosen and removed with the attestations about them", () => {
  assertEquals(entriesFor(ALL, [on("linux/arm64")]), [ofArm, arm]);
  assertEquals(entriesFor(ALL, [on("linux/arm64"), on("linux/amd64")]), [ofArm, amd, ofAmd, arm]);
  assertEquals(entriesFor(ALL, [on("linux/riscv64")]), []);
  assertEquals(withAttestations(ALL, new Set([ofAmd.digest])), [ofAmd]);
  assertEquals(withoutEntries(ALL, new Set([amd.digest])), [ofArm, amd2, chart, arm]);
  assertEquals(withoutEntries(ALL, new Set([ofAmd.digest])), [ofArm, amd, amd2, chart, arm]);
  assertEquals(withoutEntries(ALL, new Set()), ALL);
});

Deno.test("an added entry is there once, in its old place, with the annotations of both", () => {
  assertEquals(mergedEntries([], [amd, arm, amd]), [amd, arm]);
  const old = { ...amd, annotations: { a: "1", b: "1" } };
  const platform = on("linux/amd64/v3");
  const added = { ...amd, platform, annotations: JSON.parse('{"b":"2","__proto__":"3"}') };
  const [merged, ...rest] = mergedEntries([old, arm], [added, amd2]);
  assertEquals(rest, [arm, amd2]);
  assertEquals(merged?.platform, amd.platform);
  assertEquals(Object.entries(merged?.annotations ?? {}), [["a", "1"], ["b", "2"], [
    "__proto__",
    "3",
  ]]);
  assertEquals(mergedEntries([entry(1)], [amd]), [amd]);
});

Deno.test("a list of Docker stays one while it can hold everything", () => {
  const docker = entry(7, { mediaType: MEDIA_TYPES.dockerManifest });
  const list = { mediaType: MEDIA_TYPES.dockerIndex, manifests: [docker], annotations: {} };
  assertEquals(indexMediaType(list), MEDIA_TYPES.dockerIndex);
  for (
    const more of [
      { manifests: [docker, amd] },
      { manifests: [{ ...docker, annotations: { a: "1" } }] },
      { annotations: { a: "1" } },
      { mediaType: MEDIA_TYPES.index },
    ]
  ) assertEquals(indexMediaType({ ...list, ...more }), MEDIA_TYPES.index);
});

Deno.test("an index is written with what it refers to", () => {
  const subject = entry(9);
  const bytes = encodeIndex({ manifests: ALL, subject, annotations: { a: "1" } });
  const index = parseIndex(bytes);
  assertEquals(index.subject, subject);
  assertEquals(encodeIndex(index), bytes);
  assert(new TextDecoder().decode(bytes).endsWith('"annotations":{"a":"1"}}'));
});
