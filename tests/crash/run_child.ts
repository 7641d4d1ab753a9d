/**
 * A process that is killed when it has made the snapshot of a container, before the container has a lease:
 * `deno run run_child.ts ROOT IMAGE REMOVE`, where REMOVE is `true` or `false`.
 */
import { runContainer } from "../../lib/container/mod.ts";
import { createSnapshotter, type Snapshotter } from "../../lib/snapshot/mod.ts";
import { openStore, readImage } from "../../lib/store/mod.ts";

/** A snapshotter that kills this process when it has made a snapshot. */
function killing(inner: Snapshotter): Snapshotter {
  return new Proxy(inner, {
    get(target, name) {
      if (name === "prepare") {
        return async (...args: Parameters<Snapshotter["prepare"]>) => {
          await target.prepare(...args);
          Deno.kill(Deno.pid, "SIGKILL");
          // Nothing goes on until the signal has ended this process.
          await new Promise(() => {});
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

if (import.meta.main) {
  const [root = "", name = "", remove] = Deno.args;
  await using store = await openStore({ root });
  await runContainer({
    store,
    snapshotter: killing(createSnapshotter(store, { driver: "native" })),
    image: await readImage(store, name),
    process: { command: ["/bin/true"] },
    remove: remove === "true",
    runtime: "chroot",
    searchPath: Deno.env.get("PATH") ?? "",
  });
}
