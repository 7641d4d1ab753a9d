import { assert, assertEquals, assertMatch } from "@std/assert";
import { sha256 } from "../../lib/digest/mod.ts";
import { openStore } from "../../lib/store/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const APP = "example.org/app:1";

interface Told {
  readonly thing: string;
  readonly reasons: readonly { readonly thing: string; readonly why: string }[];
  readonly gc: { readonly action: string; readonly reason: string; readonly bytes: number };
}

async function loaded() {
  const temp = await tempDir();
  const image = sampleImage({ name: APP });
  const varve = commandOn(temp.join("store"));
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
  assertEquals((await varve(["load", temp.join("app.tar")])).code, 0);
  const why = async (text: string): Promise<Told[]> => {
    const { code, stdout, stderr } = await varve(["why", text, "--format", "json"]);
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const { diffId = "" } = image.layers[0] ?? {};
  return {
    temp,
    varve,
    why,
    diffId,
    chainId: image.chainId,
    root: temp.join("store"),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

Deno.test("why shows the shortest chain of reasons from an image name to a layer", async () => {
  await using store = await loaded();
  const { why, varve, diffId, chainId } = store;
  const [layer] = await why(`layer:${diffId}`);
  assertEquals(layer?.reasons.map(({ why }) => why), [
    "image name",
    "the document that it names",
    "layer 1 of it",
  ]);
  assertEquals([layer?.reasons[0]?.thing, layer?.reasons.at(-1)?.thing], [
    `image:${APP}`,
    `layer:${diffId}`,
  ]);
  assertEquals(layer?.gc.action, "keeps");
  // A name, a digest, and the beginning of one.
  for (const text of [APP, "example.org/app:1", chainId, chainId.slice(7, 19)]) {
    const [one] = await why(text);
    assertEquals(one?.reasons[0], { thing: `image:${APP}`, why: "image name" }, text);
  }
  const { stdout } = await varve(["why", chainId.slice(7, 19)]);
  assertMatch(stdout, /^KIND +NAME +WHY\nimage +\S+ +image name\nblob .*\nchain +[0-9a-f]{12} +/);
});

Deno.test("why says that nothing keeps a thing, and what gc does with it", async () => {
  await using store = await loaded();
  const { why, varve, diffId, root } = store;
  await varve(["rmi", "--no-gc", APP]);
  const [layer] = await why(`layer:${diffId}`);
  assertEquals([layer?.reasons, layer?.gc.action], [[], "removes"]);
  assert((layer?.gc.bytes ?? 0) > 0);
  const { stdout } = await varve(["why", `layer:${diffId}`]);
  assertMatch(
    stdout,
    /^layer [0-9a-f]{12}: nothing keeps it; 'varve gc' removes it and frees [0-9.]+ kB\n$/,
  );
  {
    await using open = await openStore({ root });
    open.leases.create({
      id: "build",
      createdAt: 0,
      expiresAt: null,
      labels: {},
      resources: [`layer:${diffId}`],
    });
  }
  assertEquals((await why(`layer:${diffId}`))[0]?.reasons, [
    { thing: "lease:build", why: "lease" },
    { thing: `layer:${diffId}`, why: "a resource of it" },
  ]);
  assertEquals((await why("build"))[0]?.reasons, [{ thing: "lease:build", why: "lease" }]);
});

/** Two texts whose digests have the same first four digits. */
function twins(): [string, string] {
  const seen = new Map<string, string>();
  for (let i = 0;; i++) {
    const text = `twin ${i}`;
    const prefix = sha256(new TextEncoder().encode(text)).slice(7, 11);
    const other = seen.get(prefix);
    if (other !== undefined) return [other, text];
    seen.set(prefix, text);
  }
}

Deno.test("why of something that is not there ends with 4, of an ambiguous prefix with 2", async () => {
  await using store = await loaded();
  const { varve, root } = store;
  let prefix = "";
  {
    await using open = await openStore({ root });
    await using ingest = await open.ingest();
    for (const text of twins()) {
      const { digest } = await ingest.blob(new TextEncoder().encode(text), "text/plain");
      prefix = digest.slice(7, 11);
    }
    await ingest.commit();
  }
  const ambiguous = await varve(["why", prefix]);
  assertEquals([ambiguous.code, ambiguous.stdout], [2, ""]);
  assertMatch(ambiguous.stderr, /digests begin with it \(give more digits/);
  for (
    const text of ["absent", "absent:1", "ffffffffffff", `sha256:${"0".repeat(64)}`, "/absent"]
  ) {
    const { code, stdout, stderr } = await varve(["why", text]);
    assertEquals([code, stdout], [4, ""], stderr);
    assertMatch(stderr, /^varve: Cannot explain ".*": the store has no such thing/);
  }
});

Deno.test({
  name: "why of a mount directory and of a container's key names the lease and the snapshot",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using store = await loaded();
    const { temp, varve, why } = store;
    const mnt = temp.join("mnt");
    await Deno.mkdir(mnt);
    assertEquals((await varve(["mount", APP, mnt, "--rw", "web"], { isRoot: true })).code, 0);
    try {
      assertEquals((await why(mnt))[0]?.reasons, [{ thing: `lease:mount:${mnt}`, why: "lease" }]);
      // The snapshot is a root itself, so that is shorter than by its lease.
      assertEquals((await why("web"))[0]?.reasons, [
        { thing: "snapshot:web", why: "read-write snapshot" },
      ]);
    } finally {
      await varve(["umount", mnt], { isRoot: true });
    }
  },
});
