/** The changes of a container that ran are kept, however the call that ran it ends. */
import { assertEquals, assertRejects } from "@std/assert";
import {
  listContainers,
  reapRuns,
  runContainer,
  type RunContainerOptions,
} from "../../lib/container/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { createSnapshotter, selectDriver, type Snapshotter } from "../../lib/snapshot/mod.ts";
import { type DiskStore, findImage, openStore, readImage } from "../../lib/store/mod.ts";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import { waitUntil } from "../support/machine/wait.ts";
import {
  CONTAINER_TOOLS,
  type ContainerFixture,
  containerFixture,
  leftovers,
  runsOf,
} from "../support/peers/container_fixture.ts";

const need = needs({ root: true, mount: true, tools: CONTAINER_TOOLS });
const KEY = "box";

interface Machine {
  readonly fixture: ContainerFixture;
  readonly store: DiskStore;
  readonly snapshotter: Snapshotter;
  /** Runs a shell's commands in a container. */
  run(script: string, more?: Partial<RunContainerOptions>): Promise<number>;
}

async function onMachine(check: (machine: Machine) => Promise<void>): Promise<void> {
  await using fixture = await containerFixture();
  await using store = await openStore({ root: fixture.root, durability: "none" });
  await using pool = createPool({ inline: true });
  const snapshotter = createSnapshotter(store, { driver: selectDriver(store, { pool }) });
  const image = await readImage(store, await findImage(store, BOX));
  const run = async (script: string, more: Partial<RunContainerOptions> = {}) => {
    const { exit } = await runContainer({
      ...{ store, snapshotter, image, key: KEY, runtime: "chroot" },
      searchPath: Deno.env.get("PATH") ?? "",
      process: { command: ["sh", "-c", script] },
      ...more,
    });
    return exit;
  };
  await check({ fixture, store, snapshotter, run });
  assertEquals(await leftovers(fixture), []);
}

/** Aborts a run when its program has written a file. */
async function aborted({ fixture, run }: Machine, more: Partial<RunContainerOptions> = {}) {
  const controller = new AbortController();
  const script =
    "trap 'echo end >>/kept; exit 9' TERM; echo begin >/kept; while :; do sleep 0.01; done";
  const running = run(script, { ...more, signal: controller.signal });
  running.catch(() => {});
  await waitUntil("the file", async () => {
    const [name] = await runsOf(fixture.root);
    const path = `${fixture.root}/mounts/${name}/rootfs/kept`;
    return (await Deno.readTextFile(path).catch(() => "")) !== "";
  });
  controller.abort(new RangeError("enough"));
  await assertRejects(() => running, RangeError, "enough");
}

Deno.test({
  name: "an aborted container keeps its snapshot, with what the program wrote to its end",
  ...need,
  fn: () =>
    onMachine(async (machine) => {
      await aborted(machine);
      const [found] = await listContainers(machine.store);
      assertEquals([found?.key, found?.status, found?.exit], [KEY, "exited", 9]);
      assertEquals(await machine.run('[ "$(cat /kept)" = "$(echo begin; echo end)" ]'), 0);
    }),
});

Deno.test({
  name: "an aborted container is removed if that was asked for, or if its program did not begin",
  ...need,
  fn: () =>
    onMachine(async (machine) => {
      const { store, run } = machine;
      await aborted(machine, { remove: true });
      assertEquals(await listContainers(store), []);
      const signal = AbortSignal.abort(new RangeError("enough"));
      await assertRejects(() => run("true", { signal }), RangeError, "enough");
      assertEquals(await listContainers(store), []);
    }),
});

Deno.test({
  name: "a container whose end cannot be recorded keeps its snapshot",
  ...need,
  fn: () =>
    onMachine(async (machine) => {
      const { store, snapshotter, run } = machine;
      const full = new Proxy(snapshotter, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            const [, labels = {}] = args as [string, Record<string, string>?];
            if (name === "update" && labels["varve.container.exit"]) {
              throw new VarveError("E_SYSCALL", "Cannot write: no space is left");
            }
            return value.apply(target, args);
          };
        },
      });
      const error = await assertRejects(
        () => run("echo >/kept", { snapshotter: full }),
        VarveError,
      );
      assertEquals(error.code, "E_SYSCALL");
      await reapRuns(store, snapshotter);
      const [found] = await listContainers(store);
      assertEquals([found?.key, found?.status, found?.exit], [KEY, "exited", null]);
      assertEquals(await run("[ -e /kept ]"), 0);
    }),
});
