import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type DiffId, sha256 } from "../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  appendLayer,
  compressionOf,
  type Descriptor,
  editConfig,
  encodeArchiveManifest,
  encodeConfig,
  encodeIndex,
  encodeManifest,
  type HistoryEntry,
  imageLayers,
  isNondistributable,
  layerMediaType,
  MEDIA_TYPES,
  parseArchiveManifest,
  parseImageConfig,
  parseIndex,
  parseManifest,
  rebasedConfig,
} from "../../../../lib/oci/mod.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const diffId = (n: number) => sha256(new Uint8Array([n])) as DiffId;
const blob = (mediaType: string, n: number): Descriptor => ({
  mediaType,
  digest: sha256(new Uint8Array([n])),
  size: n,
});

Deno.test("a manifest is written with the fields in the usual order, and read back", () => {
  const fields = {
    config: blob(MEDIA_TYPES.config, 1),
    layers: [blob(MEDIA_TYPES.layerGzip, 2), blob(MEDIA_TYPES.layerZstd, 3)],
    annotations: { b: "2", a: "1" },
  };
  const bytes = encodeManifest(fields);
  assertEquals(
    text(bytes),
    `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.manifest}","config":{"mediaType":"${MEDIA_TYPES.config}",` +
      `"digest":"${
        diffId(1)
      }","size":1},"layers":[{"mediaType":"${MEDIA_TYPES.layerGzip}","digest":"${
        diffId(2)
      }","size":2},{"mediaType":"${MEDIA_TYPES.layerZstd}","digest":"${
        diffId(3)
      }","size":3}],"annotations":{"a":"1","b":"2"}}`,
  );
  const parsed = parseManifest(bytes);
  assertEquals([parsed.config, ...parsed.layers], [fields.config, ...fields.layers]);
  assertEquals(parsed.raw, bytes);
  assertEquals(encodeManifest({ ...parsed, annotations: { a: "1", b: "2" } }), bytes);
});

Deno.test("an index keeps the platforms and annotations of its manifests", () => {
  const manifests: Descriptor[] = [{
    ...blob(MEDIA_TYPES.manifest, 1),
    annotations: { "org.opencontainers.image.ref.name": "1" },
    platform: { os: "windows", architecture: "amd64", osVersion: "10.0.1", osFeatures: ["x"] },
  }, { ...blob(MEDIA_TYPES.index, 2), artifactType: "application/x" }];
  const parsed = parseIndex(encodeIndex({ manifests }));
  const plain = parsed.manifests.map((descriptor) => ({
    ...descriptor,
    ...(descriptor.annotations ? { annotations: { ...descriptor.annotations } } : {}),
  }));
  assertEquals(plain, manifests);
});

Deno.test("a manifest is not an index, and an index is not a manifest", () => {
  const manifest = encodeManifest({ config: blob(MEDIA_TYPES.config, 1), layers: [] });
  const index = encodeIndex({ manifests: [] });
  assertEquals(assertThrows(() => parseIndex(manifest), VarveError).code, "E_MEDIA_TYPE");
  assertEquals(assertThrows(() => parseManifest(index), VarveError).code, "E_MEDIA_TYPE");
  assertEquals(
    assertThrows(() => parseManifest(manifest, MEDIA_TYPES.dockerManifest), VarveError).code,
    "E_MEDIA_TYPE",
  );
});

Deno.test("layer media types say how the layer is compressed", () => {
  const cases: [string, string, boolean][] = [
    [MEDIA_TYPES.layer, "none", false],
    [MEDIA_TYPES.layerGzip, "gzip", false],
    [MEDIA_TYPES.layerZstd, "zstd", false],
    [MEDIA_TYPES.dockerLayer, "none", false],
    [MEDIA_TYPES.dockerLayerGzip, "gzip", false],
    ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd", false],
    ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip", true],
    ["application/vnd.oci.image.layer.nondistributable.v1.tar", "none", true],
    ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "zstd", true],
  ];
  for (const [type, compression, foreign] of cases) {
    assertEquals([compressionOf(type), isNondistributable(type)], [compression, foreign], type);
  }
  for (const compression of ["none", "gzip", "zstd"] as const) {
    assertEquals(compressionOf(layerMediaType(compression)), compression);
  }
  for (const type of [MEDIA_TYPES.config, "text/plain", `${MEDIA_TYPES.layer}+xz`, ""]) {
    assertEquals(assertThrows(() => compressionOf(type), VarveError).code, "E_MEDIA_TYPE", type);
  }
});

const DOCKER_CONFIG = JSON.stringify({
  architecture: "arm",
  variant: "v7",
  os: "linux",
  created: "2024-01-02T03:04:05.123456789Z",
  container_config: { Cmd: null },
  config: {
    User: "app",
    Env: ["PATH=/bin"],
    Cmd: "true",
    Entrypoint: null,
    Volumes: { "/b": {}, "/a": {} },
    ExposedPorts: { "80/tcp": {} },
    Labels: null,
    OnBuild: null,
    WorkingDir: "/",
    Memory: 0,
  },
  history: [
    { created: "2024-01-02T03:04:05Z", created_by: "/bin/sh" },
    { created_by: "ENV", empty_layer: true },
  ],
  rootfs: { type: "layers", diff_ids: [diffId(1)] },
});

Deno.test("a config is read with what Docker writes into it", () => {
  const config = parseImageConfig(utf8(DOCKER_CONFIG));
  assertEquals({ ...config.platform }, { os: "linux", architecture: "arm", variant: "v7" });
  assertEquals(config.created, "2024-01-02T03:04:05.123456789Z");
  assertEquals(config.config, {
    user: "app",
    exposedPorts: ["80/tcp"],
    env: ["PATH=/bin"],
    cmd: ["true"],
    volumes: ["/a", "/b"],
    workingDir: "/",
  });
  assertEquals(config.history, [
    { created: "2024-01-02T03:04:05Z", createdBy: "/bin/sh" },
    { createdBy: "ENV", emptyLayer: true },
  ]);
  assertEquals(config.diffIds, [diffId(1)]);
  assertEquals(config.raw, utf8(DOCKER_CONFIG));
});

Deno.test("wrong types in a config are refused", () => {
  const wrong: [string, string][] = [
    ['"User":"app"', '"User":7'],
    ['"Env":["PATH=/bin"]', '"Env":"PATH=/bin"'],
    ['"Env":["PATH=/bin"]', '"Env":[7]'],
    ['"Labels":null', '"Labels":{"a":1}'],
    ['"Volumes":{', '"Volumes":[],"x":{'],
    ['"empty_layer":true', '"empty_layer":"yes"'],
    ['"os":"linux"', '"os":7'],
    ['"history":[', '"history":[7,'],
    ['"config":{', '"config":[],"x":{'],
  ];
  for (const [from, to] of wrong) {
    const changed = DOCKER_CONFIG.replace(from, to);
    assertNotEquals(changed, DOCKER_CONFIG, from);
    assertEquals(
      assertThrows(() => parseImageConfig(utf8(changed)), VarveError).code,
      "E_JSON",
      to,
    );
  }
});

Deno.test("an edit changes what it names; the rest stays, byte for byte", () => {
  const config = parseImageConfig(utf8(DOCKER_CONFIG));
  assertEquals(text(editConfig(config, {}).raw), DOCKER_CONFIG);
  const edited = editConfig(config, {
    created: "1970-01-01T00:00:00Z",
    author: "me",
    config: { cmd: ["sh"], user: null, labels: { a: "1" } },
  });
  assertEquals(edited.created, "1970-01-01T00:00:00Z");
  assertEquals(edited.author, "me");
  assertEquals(edited.config.cmd, ["sh"]);
  assertEquals({ ...edited.config.labels }, { a: "1" });
  assertEquals(edited.config.user, undefined);
  assertEquals(edited.config.env, ["PATH=/bin"]);
  assertEquals(Object.keys(edited.document), [...Object.keys(config.document), "author"]);
  assertEquals(config.config.user, "app");
});

Deno.test("a layer on top adds a diffID and a step; an empty one only the step", () => {
  const config = parseImageConfig(utf8(DOCKER_CONFIG));
  const more = appendLayer(config, diffId(2), { created: "2025-01-01T00:00:00Z", comment: "c" });
  assertEquals(more.diffIds, [diffId(1), diffId(2)]);
  assertEquals(more.created, "2025-01-01T00:00:00Z");
  assertEquals(more.history.slice(2), [{ created: "2025-01-01T00:00:00Z", comment: "c" }]);
  const same = appendLayer(config, null, { createdBy: "commit" });
  assertEquals(same.diffIds, config.diffIds);
  assertEquals(same.history.at(-1), { createdBy: "commit", emptyLayer: true });
});

Deno.test("a new step describes its own layer, also above layers that have no steps", () => {
  const platform = { os: "linux", architecture: "arm64" };
  const of = (layers: readonly number[], history: readonly HistoryEntry[]) =>
    parseImageConfig(encodeConfig({ platform, diffIds: layers.map(diffId), history }));
  const own = { createdBy: "own" };
  const silent = of([1, 2], []);
  assertEquals(appendLayer(silent, diffId(3), own).history, [{}, {}, own]);
  assertEquals(appendLayer(silent, null, own).history, [{}, {}, { ...own, emptyLayer: true }]);
  const first = { createdBy: "first" };
  const half = of([1, 2], [first]);
  assertEquals(appendLayer(half, diffId(3), own).history, [first, {}, own]);
  const app = appendLayer(silent, diffId(3), own);
  const at = "2025-01-01T00:00:00Z";
  assertEquals(rebasedConfig(app, silent, half, at).history, [first, {}, own]);
  assertEquals(rebasedConfig(of([1, 2, 3], []), silent, half, at).history, [first, {}, {}]);
  assertEquals(rebasedConfig(appendLayer(half, diffId(3), own), half, silent, at).history, [
    {},
    {},
    own,
  ]);
});

Deno.test("an image without layers is read, whether its lists are empty, null or absent", () => {
  const head = '"os":"linux","architecture":"amd64"';
  const part = `{"mediaType":"${MEDIA_TYPES.config}","digest":"${diffId(1)}","size":9}`;
  for (const none of ["[]", "null", undefined]) {
    const list = (name: string) => none === undefined ? "" : `,"${name}":${none}`;
    const config = utf8(`{${head},"rootfs":{"type":"layers"${list("diff_ids")}}}`);
    const manifest = utf8(`{"schemaVersion":2,"config":${part}${list("layers")}}`);
    const image = parseManifest(manifest);
    assertEquals([image.mediaType, image.layers], [MEDIA_TYPES.manifest, []]);
    assertEquals(imageLayers(image, parseImageConfig(config)), []);
    const docker = parseArchiveManifest(utf8(`[{"Config":"c.json"${list("Layers")}}]`));
    assertEquals(docker[0]?.layers, []);
  }
});

Deno.test("a new config is read back with the same fields", () => {
  const config = parseImageConfig(encodeConfig({
    platform: { os: "linux", architecture: "arm", variant: "v7" },
    created: "1970-01-01T00:00:00Z",
    config: { env: ["A=b"], cmd: ["sh"], user: null },
    diffIds: [diffId(1)],
    history: [{ createdBy: "import" }],
  }));
  assertEquals({ ...config.platform }, { os: "linux", architecture: "arm", variant: "v7" });
  assertEquals(config.config, { env: ["A=b"], cmd: ["sh"] });
  assertEquals(config.diffIds, [diffId(1)]);
  assertEquals(config.history, [{ createdBy: "import" }]);
});

Deno.test("manifest.json is read back as it was written", () => {
  const images = [
    { config: "blobs/sha256/aa", repoTags: ["a:1", "b:2"], layers: ["l1", "l/2"] },
    { config: "c.json", repoTags: [], layers: [] },
  ];
  const bytes = encodeArchiveManifest(images);
  assertEquals(parseArchiveManifest(bytes) as unknown, images);
  assertEquals(
    text(encodeArchiveManifest(images.slice(1))),
    '[{"Config":"c.json","RepoTags":null,"Layers":[]}]',
  );
});
