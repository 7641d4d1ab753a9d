/** Rows I16 and D30: nothing of an image reaches a terminal or a message as a control or format character. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { loadImages } from "../../lib/archive/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { tryParseReference } from "../../lib/oci/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, jsonBytes, ociFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { Servers } from "../support/registry/hostile_registry.ts";

/** ESC, C1 CSI, soft hyphen, Arabic letter mark, zero width, right-to-left override, tags, line separator. */
const EVIL =
  "\x1b]0;x\x07\u009b2J\u00ad\u061c\u200b\u202e\u2066\u{e0001}\u{e0041}\u{e007f}\u2028\ufeff";
const RAW =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;

const NAME = "example.org/evil:1";

/** An image that has the characters wherever text can stand. */
function evilImage() {
  return buildImage({
    name: NAME,
    layers: [[
      { name: `d${EVIL}/`, mode: 0o755 },
      { name: `d${EVIL}/f${EVIL}`, content: EVIL, xattrs: { [`user.${EVIL}`]: EVIL } },
      { name: `l${EVIL}`, target: `t${EVIL}` },
      { name: `h${EVIL}`, type: "hardlink", target: `d${EVIL}/f${EVIL}` },
      { name: `x${EVIL}`, xattrs: { [`trusted.${EVIL}`]: EVIL } },
      { name: `x${EVIL}`, content: "twice" },
    ]],
    config: {
      author: `a${EVIL}`,
      variant: `v${EVIL}`,
      "os.version": EVIL,
      config: {
        Env: [`E${EVIL}=${EVIL}`],
        Cmd: [`c${EVIL}`],
        Entrypoint: [EVIL],
        User: EVIL,
        WorkingDir: `/${EVIL}`,
        Labels: { [`l${EVIL}`]: `v${EVIL}` },
        Volumes: { [`/${EVIL}`]: {} },
        ExposedPorts: { [EVIL]: {} },
        StopSignal: EVIL,
      },
      history: [{ created_by: `RUN ${EVIL}`, comment: EVIL, author: EVIL }],
    },
  });
}

Deno.test({
  name: "I16 D30 no verb writes a control or format character of an image",
  // libc stays loaded for the life of the process.
  sanitizeResources: false,
  fn: async () => {
    await using temp = await tempDir();
    const varve = commandOn(temp.join("store"));
    await Deno.writeFile(temp.join("evil.tar"), archiveTar(ociFiles([evilImage()])));
    const verbs = [
      ["load", temp.join("evil.tar")],
      ["images"],
      ["inspect", NAME],
      ["history", NAME],
      ["layers", NAME],
      ["ls", NAME],
      ["ls", `${NAME}:/d${EVIL}`],
      ["stat", `${NAME}:/d${EVIL}/f${EVIL}`],
      ["stat", `${NAME}:/nothing${EVIL}`],
      ["cat", `${NAME}:/nothing${EVIL}`],
      ["tree", NAME],
      ["diff", NAME],
      ["diff", NAME, NAME],
      ["tag", NAME, `b${EVIL}`],
      ["rmi", EVIL],
      ["mount", NAME, `/nothing${EVIL}`],
      ["unpack", NAME, `/nothing${EVIL}/x`],
      ["load", `/nothing${EVIL}`],
      ["pull", `127.0.0.1:1/a${EVIL}`],
      ["config", "set", EVIL, EVIL],
      [EVIL],
      ["images", `--${EVIL}`],
    ];
    for (const args of verbs) {
      for (const format of ["text", "json"]) {
        const { code, stdout, stderr } = await varve([...args, "--format", format]);
        const shown = JSON.stringify([args[0], format, code, stdout, stderr]);
        assert(!RAW.test(stdout), `stdout: ${shown}`);
        assert(!RAW.test(stderr), `stderr: ${shown}`);
        assert(args[0] === "diff" || stdout !== "" || stderr !== "", shown);
      }
    }
  },
});

Deno.test("I16 no message of the library holds a control or format character, nor does a hint or a warning", async () => {
  const error = new VarveError("E_FORMAT", `Cannot read ${EVIL}: x`, { hint: EVIL });
  assert(!RAW.test(error.message) && !RAW.test(error.details.hint ?? ""), error.message);
  assert(!RAW.test(error.stack ?? ""));
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const warnings: string[] = [];
  const files = new Map(ociFiles([evilImage()]));
  const index = JSON.parse(new TextDecoder().decode(files.get("index.json")));
  for (const manifest of index.manifests) {
    manifest.annotations = { "io.containerd.image.name": `${EVIL}:1` };
    manifest.platform = { os: `o${EVIL}`, architecture: `a${EVIL}` };
  }
  files.set("index.json", jsonBytes(index));
  const [loaded] = await loadImages(store, ReadableStream.from([archiveTar(files)]), {
    pool,
    onWarning: (message) => void warnings.push(message),
  });
  const examples = loaded?.layers.flatMap(({ warnings }) => warnings.map(({ example }) => example));
  assert((examples?.length ?? 0) > 0 && warnings.length > 0, JSON.stringify([examples, warnings]));
  for (const text of [...warnings, ...examples ?? []]) {
    assert(!RAW.test(text), JSON.stringify(text));
  }
  // What names bad input says it.
  for (
    const [path, value] of [[
      "index.json",
      `{"schemaVersion":2,"${EVIL.slice(-1)}${EVIL.slice(2, 3)}":1,}`,
    ], ["oci-layout", `{"imageLayoutVersion":"\\u001b\\u202e"}`]] as const
  ) {
    const broken = new Map(files);
    broken.set(path, new TextEncoder().encode(value));
    const refused = await assertRejects(
      () => loadImages(store, ReadableStream.from([archiveTar(broken)]), { pool }),
      VarveError,
    );
    assert(!RAW.test(refused.message), JSON.stringify(refused.message));
  }
  assertEquals(tryParseReference(EVIL), undefined);
});

Deno.test("I16 cat and manifest escape what controls a terminal, and give a pipe all bytes", async () => {
  await using temp = await tempDir();
  await using servers = new Servers();
  const bytes = new TextEncoder().encode(`{"schemaVersion":2,"${EVIL}":"tab\\t"}\n\tend\r\n`);
  const image = buildImage({ name: NAME, layers: [[{ name: "file", content: bytes }]] });
  await Deno.writeFile(temp.join("evil.tar"), archiveTar(ociFiles([image])));
  const varve = commandOn(temp.join("store"));
  assertEquals((await varve(["load", temp.join("evil.tar")])).code, 0);
  const origin = servers.start((_, { pathname }) =>
    pathname.includes("/manifests/")
      ? new Response(bytes, { headers: { "content-type": image.descriptor.mediaType } })
      : undefined
  );
  for (
    const args of [["cat", `${NAME}:/file`], ["manifest", `${new URL(origin).host}/app:1`]]
  ) {
    const piped = await varve(args);
    assertEquals([piped.code, piped.bytes], [0, bytes], piped.stderr);
    const { code, stdout } = await varve(args, { terminals: ["stdout"] });
    assertEquals(code, 0);
    assert(!RAW.test(stdout), JSON.stringify(stdout));
    assertStringIncludes(stdout, '":"tab\\t"}\n\tend\\u{d}\n');
  }
});
