/** One small image that has a little of everything that layers can hold. */
import type { TarFixture } from "../tar/tar_fixture.ts";
import { buildImage, type BuiltImage, type ImageSpec } from "./images.ts";

const text = new TextEncoder();

/** Capability set `cap_net_bind_service=ep`, revision 2 (linux/capability.h). */
export const CAPABILITY: Uint8Array<ArrayBuffer> = new Uint8Array([
  ...[0x01, 0x00, 0x00, 0x02, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00],
  ...[0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
]);

/** A name that is not UTF-8. */
export const ODD_NAME: Uint8Array<ArrayBuffer> = new Uint8Array([
  ...text.encode("odd/latin-"),
  0xe9,
  0xff,
]);

/** The base: directories, files, both kinds of links, attributes, odd names. */
export const BASE: readonly TarFixture[] = [
  { name: "./", mode: 0o755 },
  { name: "etc/" },
  { name: "etc/passwd", content: "root:x:0:0::/root:/bin/sh\n" },
  { name: "etc/mtab", target: "../proc/self/mounts" },
  { name: "bin/", mode: 0o755 },
  { name: "bin/tool", content: "#!/bin/sh\necho tool\n", mode: 0o4755 },
  { name: "bin/same", type: "hardlink", target: "bin/tool" },
  { name: "bin/bind", content: "bind", mode: 0o755, xattrs: { "security.capability": CAPABILITY } },
  { name: "home/user/", mode: 0o700, uid: 1000, gid: 1000 },
  { name: "home/user/notes", content: "notes", uid: 1000, gid: 1000, xattrs: { "user.tag": "a" } },
  { name: "home/user/exact", content: "", mtime: "1600000000.123456789" },
  { name: "cache/" },
  { name: "cache/one", content: "1" },
  { name: "cache/deep/two", content: "2" },
  { name: "data/big", content: "0123456789abcdef".repeat(9000) },
  { name: "odd/" },
  { name: "odd/ blank and\ttab", content: "blank" },
  { name: "odd/ünï-😀", content: "unicode" },
  { name: "odd/\\back\"quote'", content: "marks" },
  { name: `odd/${"long-".repeat(40)}`, content: "long" },
  { name: ODD_NAME, content: "bytes" },
  { name: "run/pipe", type: "fifo", mode: 0o600 },
  { name: "tmp/", mode: 0o1777 },
];

/** Deletes, replaces and adds. */
export const MIDDLE: readonly TarFixture[] = [
  { name: "etc/.wh.mtab", content: "" },
  { name: "etc/passwd", content: "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:\n" },
  { name: "cache/", mode: 0o750 },
  { name: "cache/.wh..wh..opq", content: "" },
  { name: "cache/three", content: "3" },
  { name: "data/.wh.big" },
  { name: "data/small", content: "s" },
  { name: "data/twin", type: "hardlink", target: "data/small" },
  { name: "opt/app/bin/run", content: "run", mode: 0o755 },
];

/** A file over a directory, a directory over a file, a whiteout of a whole directory. */
export const TOP: readonly TarFixture[] = [
  { name: "opt/app", content: "now a file" },
  { name: "etc/passwd/", mode: 0o711 },
  { name: "etc/passwd/nested", content: "n" },
  { name: ".wh.odd" },
];

/** The sample image; `spec` overrides its parts. */
export function sampleImage(spec: Partial<ImageSpec> = {}): BuiltImage {
  return buildImage({
    name: "example.org/sample:1",
    layers: [BASE, MIDDLE, TOP],
    packing: ["gzip", "zstd", "none"],
    ...spec,
  });
}
