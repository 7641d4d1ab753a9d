/** Pushes that are interrupted at each of their steps, to Debian's docker-registry and to varve's own. */
import { assert, assertEquals } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import { pushImage, type PushOptions, RegistryClient } from "../../lib/registry/mod.ts";
import { serveRegistry } from "../../lib/registry_server/mod.ts";
import { openMemoryStore, openStore, type Store } from "../../lib/store/mod.ts";
import { loadImages } from "../../lib/archive/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { factsOf } from "../support/faults/store_facts.ts";
import { archiveTar, ociFiles, sha256Of } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs, type Skip } from "../support/machine/needs.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { dockerRegistry, REGISTRY_TOOLS } from "../support/registry/docker_registry.ts";
import { configFor } from "../support/registry/hostile_registry.ts";
import { type RegistryStep, stepFront } from "../support/registry/step_front.ts";

const IMAGE = sampleImage();
const NAME = "example.org/sample:1";
/** docker-registry answers 404 where it is not asked for the type that it has. */
const ACCEPT = { headers: { accept: IMAGE.descriptor.mediaType } };

/** A registry without the image's blobs, for one try. */
interface Empty {
  readonly host: string;
  readonly repository: string;
}

/** A kind of registry. */
interface Kind {
  readonly name: string;
  readonly skip: Skip;
  open(): Promise<{ empty(): Promise<Empty> } & AsyncDisposable>;
}

const KINDS: readonly Kind[] = [
  {
    name: "docker-registry",
    skip: needs({ tools: REGISTRY_TOOLS }),
    // There a blob belongs to one repository, so another repository is as good as another registry.
    async open() {
      const registry = await dockerRegistry();
      let tries = 0;
      return {
        empty: () => Promise.resolve({ host: registry.host, repository: `app${++tries}` }),
        [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
      };
    },
  },
  {
    name: "varve registry serve",
    skip: needs({}),
    open() {
      const stack = new AsyncDisposableStack();
      const pool = stack.use(createPool({ inline: true }));
      return Promise.resolve({
        async empty() {
          const { port } = stack.use(await serveRegistry(stack.use(openMemoryStore()), { pool }));
          return { host: `localhost:${port}`, repository: "app" };
        },
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
      });
    },
  },
];

/** A store on the disk with the image, and what it holds. */
async function stored(temp: TempDir): Promise<{ store: Store; facts(): Promise<string[]> }> {
  const root = temp.join("store");
  const store = await openStore({ root, durability: "none" });
  await using pool = createPool({ inline: true });
  const tar = new Blob([archiveTar(ociFiles([IMAGE]))]).stream();
  await loadImages(store, tar, { pool, name: NAME });
  return { store, facts: () => factsOf(temp.path) };
}

/** Pushes once, one request after the other. `attempts` is how often a request is tried. */
async function push(
  store: Store,
  host: string,
  repository: string,
  { attempts, ...options }: PushOptions & { readonly attempts: number },
): Promise<void> {
  const config = configFor(`http://${host}`, {}, { registry: host, attempts });
  using client = new RegistryClient(config);
  await pushImage(store, NAME, `${host}/${repository}:1`, { client, concurrency: 1, ...options });
}

const isManifest = ({ method, path }: RegistryStep) =>
  method === "PUT" && path.includes("/manifests/");

/** The whole image is in the registry, byte for byte. */
async function judgeWhole({ host, repository }: Empty): Promise<void> {
  const digestOf = async (path: string) => {
    const response = await fetch(`http://${host}/v2/${repository}/${path}`, ACCEPT);
    return sha256Of(await response.bytes());
  };
  assertEquals(await digestOf("manifests/1"), IMAGE.descriptor.digest);
  for (
    const digest of [
      IMAGE.imageId,
      ...IMAGE.layers.map(({ descriptor }) => descriptor.digest),
    ]
  ) {
    assertEquals(await digestOf(`blobs/${digest}`), digest);
  }
}

/** Whether the registry has the tag. */
async function hasTag({ host, repository }: Empty): Promise<boolean> {
  const response = await fetch(`http://${host}/v2/${repository}/manifests/1`, ACCEPT);
  await response.body?.cancel();
  return response.status === 200;
}

/** What goes wrong at one step. */
type Fault = "refused" | "answer lost" | "aborted";

/** One push that is interrupted at a step, and the next that goes on. Gives false past the last step. */
async function interrupt(
  { store, facts }: Awaited<ReturnType<typeof stored>>,
  target: Empty,
  fault: Fault,
  at: number,
): Promise<boolean> {
  const what = `${fault} at step ${at}`;
  const before = await facts();
  const abort = new AbortController();
  const broken = () => new Response("broken", { status: 503 });
  const hits = ({ number }: RegistryStep) => number === at;
  await using front = stepFront(target.host, {
    before(step) {
      if (!hits(step)) return;
      if (fault === "refused") return broken();
      if (fault === "aborted") abort.abort(new DOMException("stop", "AbortError"));
    },
    after: (step) => fault === "answer lost" && hits(step) ? broken() : undefined,
  });
  const failed = await push(store, front.host, target.repository, {
    attempts: 1,
    signal: abort.signal,
  }).then(() => undefined, (error) => error);
  if (front.steps.length < at) return false;
  assertEquals(await facts(), before, what);
  const sent = front.steps.findIndex(isManifest);
  if (failed !== undefined) {
    if (fault === "aborted") assertEquals(failed, abort.signal.reason, what);
    else assert(failed instanceof VarveError && failed.code === "E_REGISTRY", `${what}: ${failed}`);
    if (sent < 0) assert(!await hasTag(target), `${what}: a tag without its blobs`);
  }
  if (await hasTag(target)) await judgeWhole(target);
  await push(store, target.host, target.repository, { attempts: 1 });
  await judgeWhole(target);
  assertEquals(await facts(), before, what);
  return true;
}

for (const { name, skip, open } of KINDS) {
  for (const fault of ["refused", "answer lost", "aborted"] as const) {
    Deno.test({
      name:
        `J21: a push to ${name}, ${fault} at any step, leaves no half image, and the next goes on`,
      ...skip,
      async fn() {
        await using temp = await tempDir();
        const local = await stored(temp);
        await using _ = local.store;
        await using registries = await open();
        let steps = 0;
        while (await interrupt(local, await registries.empty(), fault, steps + 1)) steps++;
        // A look, a beginning and the bytes for each of four blobs, and the manifest.
        assert(steps >= 13, `only ${steps} steps`);
      },
    });
  }

  Deno.test({
    name:
      `J21: a push to ${name} tries each step again that fails once, and puts the manifest last`,
    ...skip,
    async fn() {
      await using temp = await tempDir();
      const local = await stored(temp);
      await using store = local.store;
      await using registries = await open();
      for (const when of ["before", "after"] as const) {
        const target = await registries.empty();
        const failed = new Set<string>();
        /** Each step fails when it comes for the first time; an upload has another path each time. */
        const once = ({ method, path }: RegistryStep) => {
          const key = `${method} ${path.replace(/uploads\/.+/, "uploads/ID")}`;
          if (failed.has(key)) return;
          failed.add(key);
          return new Response("try again", { status: 500 });
        };
        await using front = stepFront(target.host, { [when]: once });
        await push(store, front.host, target.repository, { attempts: 3 });
        await judgeWhole(target);
        const last = front.steps.findLastIndex((step) => !isManifest(step));
        const first = front.steps.findIndex(isManifest);
        assert(first > last, `${when}: the manifest came before step ${last + 1}`);
        assert(failed.size >= 4, [...failed].join());
      }
    },
  });

  Deno.test({
    name: `J21: a push to ${name} that is killed goes on in the next command`,
    ...skip,
    async fn() {
      await using temp = await tempDir();
      const local = await stored(temp);
      await local.store[Symbol.asyncDispose]();
      await using registries = await open();
      const cli = new Cli(temp.join("store"));
      const before = await local.facts();
      for (const wanted of ["POST", "PUT", "manifest"]) {
        const target = await registries.empty();
        let child: Deno.ChildProcess | undefined;
        await using front = stepFront(target.host, {
          async before(step) {
            const isWanted = wanted === "manifest"
              ? isManifest(step)
              : step.method === wanted && !isManifest(step);
            if (!isWanted || child === undefined) return;
            child.kill("SIGKILL");
            await child.status;
            child = undefined;
            return new Response(undefined, { status: 503 });
          },
        });
        const words = (host: string) =>
          cli.command(["push", NAME, `${host}/${target.repository}:1`, "--quiet"]);
        const [program = "", ...args] = words(front.host);
        child = new Deno.Command(program, {
          args,
          env: cli.env,
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).spawn();
        const { signal } = await child.status;
        assertEquals(signal, "SIGKILL", wanted);
        assert(!await hasTag(target), wanted);
        await cli.text(["push", NAME, `${target.host}/${target.repository}:1`]);
        await judgeWhole(target);
        assertEquals(await local.facts(), before, wanted);
      }
    },
  });
}
