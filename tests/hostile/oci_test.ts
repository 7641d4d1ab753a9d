/** Rows F of the documents: digests, manifests, configs that lie or can be read in two ways. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Digest, sha256 } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import {
  checkOciLimit,
  imageLayers,
  MEDIA_TYPES,
  OCI_LIMITS,
  type OciLimits,
  ociLimits,
  parseArchiveManifest,
  parseDescriptor,
  parseDocument,
  parseImageConfig,
  parseManifest,
  parseStrictJson,
  requireImage,
} from "../../lib/oci/mod.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const DIGEST = sha256(utf8("blob"));
const OF_NOTHING = sha256(new Uint8Array());

type Json = Record<string, unknown>;
const descriptor = (more: Json = {}): Json => ({
  mediaType: MEDIA_TYPES.layerGzip,
  digest: DIGEST,
  size: 4,
  ...more,
});
const manifest = (more: Json = {}): Json => ({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.manifest,
  config: descriptor({ mediaType: MEDIA_TYPES.config }),
  layers: [descriptor()],
  ...more,
});
const index = (more: Json = {}): Json => ({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.index,
  manifests: [descriptor({ mediaType: MEDIA_TYPES.manifest })],
  ...more,
});
const config = (more: Json = {}): Json => ({
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [DIGEST] },
  ...more,
});

/** The code that a call ends with, `"OK"` when it does not fail. */
function verdict(call: () => unknown): string {
  try {
    call();
    return "OK";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}
const bytes = (value: Json | string) =>
  utf8(typeof value === "string" ? value : JSON.stringify(value));
const document = (value: Json | string, options = {}) =>
  verdict(() => parseDocument(bytes(value), options));
const described = (more: Json) => document(manifest({ layers: [descriptor(more)] }));

Deno.test("F02 sizes are integers from 0 to 2^53 - 1, and 0 only for the empty blob", () => {
  for (const size of [-1, 1.5, "12", null, undefined, true, [], {}, 0]) {
    assertEquals(described({ size }), "E_SIZE", JSON.stringify(size) ?? "missing");
  }
  const exact = JSON.stringify(manifest()).replace('"size":4', '"size":9007199254740993');
  assertEquals(document(exact), "E_SIZE");
  for (const written of ["4.0", "4e0", "40e-1", "0.4e1", "4.000"]) {
    const fraction = JSON.stringify(manifest()).replace('"size":4', `"size":${written}`);
    assertEquals(document(fraction), "E_SIZE", written);
  }
  const version = JSON.stringify(manifest()).replace('"schemaVersion":2', '"schemaVersion":2.0');
  assertEquals(document(version), "E_FORMAT");
  assertEquals(described({ size: 2 ** 53 - 1 }), "OK");
  assertEquals(described({ size: 0, digest: OF_NOTHING }), "OK");
});

Deno.test("F03 a malformed digest is refused before anything is done with it", () => {
  const bad = [
    `sha256:${"a".repeat(63)}`,
    `sha256:${"a".repeat(65)}`,
    `sha256:${"A".repeat(64)}`,
    "sha256:../../../etc/passwd",
    "sha256:%2e%2e",
    `SHA256:${"a".repeat(64)}`,
    `md5:${"a".repeat(32)}`,
    `sha256:${"a".repeat(64)}\n`,
    "",
    "a".repeat(64),
    `sha256:${"a".repeat(65_536)}`,
    null,
    7,
  ];
  for (const digest of bad) {
    assertEquals(described({ digest }), "E_DIGEST_FORMAT", String(digest).slice(0, 80));
    const ids = config({ rootfs: { type: "layers", diff_ids: [digest] } });
    assertEquals(verdict(() => parseImageConfig(bytes(ids))), "E_DIGEST_FORMAT");
  }
});

Deno.test("F07 layers and diff_ids must be as many; the same one twice is fine", () => {
  const of = (layers: number, rootfs: Json) =>
    verdict(() =>
      imageLayers(
        parseManifest(bytes(manifest({ layers: Array(layers).fill(descriptor()) }))),
        parseImageConfig(bytes(config({ rootfs }))),
      )
    );
  const ids = (n: number) => ({ type: "layers", diff_ids: Array(n).fill(DIGEST) });
  assertEquals(of(1, ids(2)), "E_FORMAT");
  assertEquals(of(2, ids(1)), "E_FORMAT");
  assertEquals(of(1, ids(0)), "E_FORMAT");
  assertEquals(of(2, ids(2)), "OK");
  assertEquals(of(1, { type: "layers" }), "E_FORMAT");
  assertEquals(of(1, { type: "layers", diff_ids: null }), "E_FORMAT");
  assertEquals(of(1, { type: "layers", diff_ids: "x" }), "E_JSON");
});

Deno.test("F10 a manifest and index at once is refused", () => {
  assertEquals(document({ ...manifest(), ...index() }), "E_AMBIGUOUS");
  assertEquals(document(index({ config: descriptor() })), "E_AMBIGUOUS");
  assertEquals(document(index({ layers: [] })), "E_AMBIGUOUS");
  assertEquals(document(manifest({ manifests: [] })), "E_AMBIGUOUS");
  assertEquals(document(manifest({ manifests: null })), "OK");
  assertEquals(document({ schemaVersion: 2 }), "E_FORMAT");
});

Deno.test("F11 all media types that are known must agree, with each other and the fields", () => {
  const disagreeing: [Json, Json][] = [
    [manifest(), { mediaType: MEDIA_TYPES.dockerManifest }],
    [manifest(), { contentType: MEDIA_TYPES.index }],
    [manifest(), { mediaType: MEDIA_TYPES.manifest, contentType: MEDIA_TYPES.dockerManifest }],
    [manifest({ mediaType: undefined }), { mediaType: MEDIA_TYPES.index }],
    [manifest({ mediaType: MEDIA_TYPES.index }), {}],
    [index({ mediaType: MEDIA_TYPES.manifest }), {}],
    [manifest({ mediaType: MEDIA_TYPES.config }), {}],
    [manifest({ mediaType: undefined }), {
      mediaType: MEDIA_TYPES.manifest,
      contentType: MEDIA_TYPES.dockerManifest,
    }],
    [manifest({ mediaType: "application/vnd.unknown+json" }), {}],
  ];
  for (const [value, options] of disagreeing) {
    assertEquals(document(value, options), "E_MEDIA_TYPE", JSON.stringify(options));
  }
});

Deno.test("F11 H27 unknown outer types say nothing; without any, the fields decide", () => {
  const typeOf = (value: Json, options = {}) => parseDocument(bytes(value), options).mediaType;
  const bare = manifest({ mediaType: undefined });
  assertEquals(typeOf(manifest(), { contentType: "text/html" }), MEDIA_TYPES.manifest);
  assertEquals(typeOf(bare), MEDIA_TYPES.manifest);
  assertEquals(typeOf(index({ mediaType: null })), MEDIA_TYPES.index);
  assertEquals(
    typeOf(bare, { contentType: `${MEDIA_TYPES.dockerManifest}; charset=utf-8` }),
    MEDIA_TYPES.dockerManifest,
  );
});

Deno.test("F13 a key that is there twice, or once more in other letters, is refused", () => {
  const text = JSON.stringify(manifest());
  const twice = [
    text.replace('"layers":', '"layers":[],"layers":'),
    text.replace('"layers":', '"layers":[],"\\u006cayers":'),
    text.replace('"layers":', '"Layers":[],"layers":'),
    text.replace('"layers":', '"LAYER\u017f":[],"layers":'),
    text.replace('"size":4', '"size":4,"SIZE":5'),
    text.replace('"layers":', '"annotations":{"a":"1","a":"2"},"layers":'),
  ];
  for (const value of twice) assertEquals(document(value), "E_JSON", value.slice(0, 120));
  // Letters of annotations mean nothing: both stay.
  assertEquals(document(manifest({ annotations: { a: "1", A: "2" } })), "OK");
});

Deno.test("F14 keys like __proto__ are keys", () => {
  const text = '{"__proto__":"1","constructor":"2","toString":"3"}';
  const { annotations } = parseManifest(
    bytes(JSON.stringify(manifest()).replace('"layers":', `"annotations":${text},"layers":`)),
  );
  assertEquals(Object.getPrototypeOf(annotations), null);
  assertEquals(Object.entries(annotations), [
    ["__proto__", "1"],
    ["constructor", "2"],
    ["toString", "3"],
  ]);
  const labels = `{"Labels":${text}}`;
  const parsed = parseImageConfig(
    bytes(
      JSON.stringify(config()).replace('"os":', `"config":${labels},"__proto__":{"os":"x"},"os":`),
    ),
  );
  assertEquals(Object.keys(parsed.config.labels ?? {}), ["__proto__", "constructor", "toString"]);
  assertEquals(parsed.platform.os, "linux");
  assertEquals(({} as Json).os, undefined);
});

Deno.test("F15 depth, size and number of layers are bounded", () => {
  const deep = (n: number) => "[".repeat(n) + "]".repeat(n);
  assertEquals(verdict(() => parseStrictJson(utf8(deep(64)))), "OK");
  assertEquals(verdict(() => parseStrictJson(utf8(deep(65)))), "E_LIMIT");
  assertEquals(verdict(() => parseStrictJson(utf8("[".repeat(1_000_000)))), "E_LIMIT");
  assertEquals(verdict(() => parseStrictJson(utf8('{"a":'.repeat(65)))), "E_LIMIT");
  const layers = (n: number) => manifest({ layers: Array(n).fill(descriptor()) });
  for (const n of [499, 500]) assertEquals(document(layers(n)), "OK", `${n}`);
  assertEquals(document(layers(501)), "E_LIMIT");
  const ids = (n: number) =>
    bytes(config({ rootfs: { type: "layers", diff_ids: Array(n).fill(DIGEST) } }));
  assertEquals(verdict(() => parseImageConfig(ids(500))), "OK");
  assertEquals(verdict(() => parseImageConfig(ids(501))), "E_LIMIT");
});

Deno.test("F15 the size limit of each kind of document holds at limit - 1, limit and limit + 1", () => {
  const length = (value: Json) => bytes(value).length;
  const cases = [
    ["manifest", manifest(), (limits: Json) => document(manifest(), { limits })],
    ["index", index(), (limits: Json) => document(index(), { limits: { manifest: 1, ...limits } })],
    [
      "config",
      config(),
      (limits: Json) => verdict(() => parseImageConfig(bytes(config()), { limits })),
    ],
  ] as const;
  for (const [name, value, run] of cases) {
    const size = length(value);
    assertEquals(run({ [name]: size + 1, ...(name === "manifest" ? { index: 1 } : {}) }), "OK");
    assertEquals(run({ [name]: size, ...(name === "manifest" ? { index: 1 } : {}) }), "OK");
    assertEquals(
      run({ [name]: size - 1, ...(name === "manifest" ? { index: 1 } : {}) }),
      "E_LIMIT",
    );
  }
  const large = new Uint8Array(4 * 1024 * 1024 + 1).fill(0x20);
  assertEquals(verdict(() => parseDocument(large)), "E_LIMIT");
  assertEquals(verdict(() => parseImageConfig(large)), "E_LIMIT");
  assertEquals(verdict(() => parseArchiveManifest(large)), "E_LIMIT");
});

Deno.test("F17 the number of manifests and the depth of indexes are bounded", () => {
  const manifests = (n: number) => index({ manifests: Array(n).fill(descriptor()) });
  assertEquals(document(manifests(10), { limits: { manifests: 10 } }), "OK");
  assertEquals(document(manifests(11), { limits: { manifests: 10 } }), "E_LIMIT");
  assertEquals(document(manifests(10_000)), "OK");
  assertEquals(document(manifests(10_001)), "E_LIMIT");
  const depth = (n: number) => verdict(() => checkOciLimit("indexDepth", 4, n));
  assertEquals([depth(3), depth(4), depth(5)], ["OK", "OK", "E_LIMIT"]);
});

Deno.test("F18 Docker's schema 1 is refused by any of its marks", () => {
  const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  assertEquals(document({ schemaVersion: 1, name: "x", fsLayers: [] }), "E_SCHEMA1");
  assertEquals(document(manifest({ fsLayers: [{ blobSum: DIGEST }] })), "E_SCHEMA1");
  assertEquals(document(manifest({ mediaType: type })), "E_SCHEMA1");
  assertEquals(document(manifest({ mediaType: undefined }), { contentType: type }), "E_SCHEMA1");
  for (const schemaVersion of [0, 3, "2", null, undefined]) {
    assertEquals(document(manifest({ schemaVersion })), "E_FORMAT", `${schemaVersion}`);
  }
});

Deno.test("F19 an artifact is no image, nor is a config without layers", () => {
  const image = (more: Json) => verdict(() => requireImage(parseManifest(bytes(manifest(more)))));
  assertEquals(image({}), "OK");
  for (const mediaType of [MEDIA_TYPES.empty, "application/vnd.cncf.helm.config.v1+json"]) {
    assertEquals(image({ config: descriptor({ mediaType }) }), "E_NOT_IMAGE", mediaType);
  }
  assertEquals(image({ artifactType: "application/vnd.example" }), "E_NOT_IMAGE");
  for (
    const mediaType of [
      "application/x-tar",
      `${MEDIA_TYPES.layerGzip}+encrypted`,
      MEDIA_TYPES.config,
    ]
  ) {
    assertEquals(image({ layers: [descriptor({ mediaType })] }), "E_MEDIA_TYPE", mediaType);
  }
  const parse = (more: Json) => verdict(() => parseImageConfig(bytes(config(more))));
  assertEquals(parse({ rootfs: undefined }), "E_NOT_IMAGE");
  assertEquals(parse({ rootfs: { type: "layers+base", diff_ids: [DIGEST] } }), "E_NOT_IMAGE");
  assertEquals(parse({ rootfs: { diff_ids: [DIGEST] } }), "E_NOT_IMAGE");
  assertEquals(verdict(() => parseImageConfig(utf8("{}"))), "E_NOT_IMAGE");
});

Deno.test("F21 embedded data is the blob, or an error", () => {
  const digest = sha256(utf8("blob"));
  const data = (value: unknown, more: Json = {}) => described({ digest, data: value, ...more });
  assertEquals(data(btoa("blob")), "OK");
  assertEquals(data(btoa("blub")), "E_DIGEST");
  assertEquals(data(btoa("blobs")), "E_SIZE");
  assertEquals(data("not base64!"), "E_FORMAT");
  assertEquals(data("YmxvYg"), "E_FORMAT");
  assertEquals(data(7), "E_JSON");
  const parsed = parseDescriptor(
    parseStrictJson(bytes(descriptor({ digest, data: btoa("blob") }))),
  );
  assertEquals(parsed.data, utf8("blob"));
});

Deno.test("F22 the urls of a layer are forgotten", () => {
  for (const urls of [["http://169.254.169.254/latest"], []]) {
    const [parsed] = parseManifest(bytes(manifest({ layers: [descriptor({ urls })] }))).layers;
    assertEquals(parsed && Object.keys(parsed).sort(), ["digest", "mediaType", "size"]);
  }
});

Deno.test("F23 annotations are only text", () => {
  const annotations = { "org.opencontainers.image.title": "../../etc" };
  const layers = [descriptor({ annotations })];
  const [parsed] = parseManifest(bytes(manifest({ layers }))).layers;
  assertEquals(parsed?.annotations, annotations);
  assertEquals(described({ annotations: { a: 1 } }), "E_JSON");
  assertEquals(described({ annotations: ["a"] }), "E_JSON");
});

Deno.test("G01 G03 manifest.json names entries of the archive, and at least one image", () => {
  const archive = (value: unknown) =>
    verdict(() => parseArchiveManifest(utf8(JSON.stringify(value))));
  const image = (
    more: Json = {},
  ) => [{ Config: "c.json", RepoTags: null, Layers: ["l.tar"], ...more }];
  assertEquals(archive(image()), "OK");
  for (const name of ["../../../etc/shadow", "/etc/shadow", "a/../../b", "", "a\0b", ".."]) {
    assertEquals(archive(image({ Config: name })), "E_PATH_ESCAPE", name);
    assertEquals(archive(image({ Layers: [name] })), "E_PATH_ESCAPE", name);
  }
  for (const value of [null, {}, [], "x", 7]) assertEquals(archive(value), "E_FORMAT", `${value}`);
  assertEquals(archive([null]), "E_JSON");
  assertEquals(archive(image({ Config: null })), "E_FORMAT");
  assertEquals(archive(image({ Layers: [1] })), "E_JSON");
});

Deno.test("F15 the values of a document are limited", () => {
  const count = (text: string, maxValues?: number) => {
    const bytes = new TextEncoder().encode(text);
    try {
      parseStrictJson(bytes, { maxValues });
      return "OK";
    } catch (error) {
      assert(error instanceof VarveError);
      return `${error.code} ${error.details.setting}`;
    }
  };
  const limit = "E_LIMIT limits.oci.jsonValues";
  for (const text of ["[{},[]]", '{"a":1.5,"b":"x"}', "[null,true]", "[[1]]"]) {
    assertEquals([count(text, 3), count(text, 2)], ["OK", limit], text);
  }
  // A document of 4 MiB could hold 1,400,000 objects, which take several hundred bytes each.
  const objects = (n: number) => `[${Array(n).fill("{}").join(",")}]`;
  assertEquals([count(objects(99_999)), count(objects(100_000))], ["OK", limit]);
  const raised = { jsonValues: 300_000 };
  const config = (limits: Partial<OciLimits>) =>
    parseImageConfig(
      new TextEncoder().encode(
        `{"rootfs":{"type":"layers"},"history":${objects(260_000)}}`,
      ),
      { limits },
    ).history.length;
  assertEquals(config(raised), 260_000);
  assertEquals(assertThrows(() => config({}), VarveError).code, "E_LIMIT");
});

Deno.test("F15 every default limit is the documented one, and has a setting", () => {
  assertEquals(ociLimits(), {
    manifest: 4 * 1024 * 1024,
    index: 4 * 1024 * 1024,
    config: 4 * 1024 * 1024,
    jsonDepth: 64,
    jsonValues: 100_000,
    layers: 500,
    manifests: 10_000,
    names: 1000,
    indexDepth: 4,
  });
  for (const [name, { setting }] of Object.entries(OCI_LIMITS)) {
    assertEquals(setting, `limits.oci.${name}`);
  }
  const error = assertThrows(() => checkOciLimit("layers", 5, 6), VarveError);
  assertEquals([error.details.setting, error.details.expected, error.details.actual], [
    "limits.oci.layers",
    5,
    6,
  ]);
});

Deno.test("F05 a sha512 digest is a digest, and never the same as a sha256 one", () => {
  const digest = `sha512:${"a".repeat(128)}` as Digest;
  assertEquals(described({ digest }), "OK");
  assertEquals(described({ digest: `sha512:${"a".repeat(64)}` }), "E_DIGEST_FORMAT");
});
