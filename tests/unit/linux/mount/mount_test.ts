import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  bindMount,
  findMount,
  overlayMount,
  performMount,
  performUnmount,
  readMountInfo,
} from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../../support/machine/temp_dir.ts";

const b = fromText;
const mount = needs({ root: true, mount: true, kernel: "6.7" });

async function layers(temp: TempDir, names: readonly string[]): Promise<string[]> {
  for (const [i, name] of [...names, "up", "work", "merged"].entries()) {
    await Deno.mkdir(temp.join(name), { recursive: true });
    if (i < names.length) await Deno.writeTextFile(`${temp.join(name)}/f${i}`, name);
  }
  return names.map((name) => temp.join(name));
}

async function names(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory), ({ name }) => name)).sort();
}

for (const withMountCall of [false, true]) {
  const how = withMountCall ? "mount(2)" : "fsconfig(2)";

  Deno.test({
    name: `I15 an overlay of directories with odd names by ${how}`,
    ...mount,
    fn: async () => {
      await using temp = await tempDir();
      const lowers = await layers(temp, ["a,b", "c:d", "e\\f", " g\nh", "ü"]);
      const upper = { directory: b(temp.join("up")), work: b(temp.join("work")) };
      const merged = b(temp.join("merged"));
      performMount(overlayMount({ lowers: lowers.map(b), upper }), merged, { withMountCall });
      assertEquals(await names(temp.join("merged")), ["f0", "f1", "f2", "f3", "f4"]);
      await Deno.writeTextFile(temp.join("merged/f1"), "changed");
      assertEquals(findMount(readMountInfo(), merged)?.type, b("overlay"));
      assertEquals(performUnmount(merged), true);
      assertEquals(performUnmount(merged), false);
      assertEquals(await names(temp.join("up")), ["f1"]);
      assertEquals(await Deno.readTextFile(`${lowers[1]}/f1`), "c:d");
    },
  });

  Deno.test({
    name: `a read-only overlay by ${how}`,
    ...mount,
    fn: async () => {
      await using temp = await tempDir();
      const lowers = await layers(temp, ["a", "b"]);
      const merged = b(temp.join("merged"));
      performMount(overlayMount({ lowers: lowers.map(b) }), merged, { withMountCall });
      const info = findMount(readMountInfo(), merged);
      assert(info?.options.includes(b("ro")));
      assert(info?.superOptions.includes(b("ro")));
      let code = "";
      try {
        await Deno.writeTextFile(temp.join("merged/x"), "");
      } catch (error) {
        code = (error as { code?: string }).code ?? "";
      }
      assertEquals(code, "EROFS");
      performUnmount(merged);
    },
  });

  Deno.test({
    name: `a read-only bind by ${how}`,
    ...mount,
    fn: async () => {
      await using temp = await tempDir();
      const [source = ""] = await layers(temp, ["a"]);
      const merged = b(temp.join("merged"));
      performMount(bindMount(b(source), { readOnly: true }), merged, { withMountCall });
      assertEquals(await names(temp.join("merged")), ["f0"]);
      assert(findMount(readMountInfo(), merged)?.options.includes(b("ro")));
      performUnmount(merged);
      performMount(bindMount(b(source)), merged, { withMountCall });
      await Deno.writeTextFile(temp.join("merged/new"), "");
      performUnmount(merged);
      assertEquals(await names(source), ["f0", "new"]);
    },
  });
}

Deno.test({
  name: "300 lowers with paths longer than an option string holds",
  ...mount,
  fn: async () => {
    await using temp = await tempDir();
    const count = 300;
    const long = "l".repeat(250);
    const lowers = await layers(
      temp,
      Array.from({ length: count }, (_, i) => i % 3 === 0 ? `${long}/${i}` : `${i}`),
    );
    const merged = b(temp.join("merged"));
    const value = overlayMount({ lowers: lowers.map(b) });
    const error = assertThrows(
      () => performMount(value, merged, { withMountCall: true }),
      VarveError,
      "this kernel takes 4095",
    );
    assertEquals(error.code, "E_UNSUPPORTED");
    performMount(value, merged);
    assertEquals((await names(temp.join("merged"))).length, count);
    performUnmount(merged);
  },
});

Deno.test({
  name: "a failed mount says what is wrong, and leaves nothing mounted",
  ...mount,
  fn: async () => {
    await using temp = await tempDir();
    const [lower = ""] = await layers(temp, ["a"]);
    const merged = b(temp.join("merged"));
    const upper = { directory: b(temp.join("up")), work: b(temp.join("none")) };
    const value = overlayMount({ lowers: [b(lower)], upper });
    const error = assertThrows(
      () => performMount(value, merged),
      VarveError,
      "Cannot mount overlay",
    );
    assertEquals(error.code, "E_SYSCALL");
    assertEquals(error.details.errno, "ENOENT");
    assert(error.message.includes("/none"), error.message);
    const unknown = { type: "nofs", source: b("x"), options: [] };
    assertEquals(
      assertThrows(() => performMount(unknown, merged), VarveError).code,
      "E_UNSUPPORTED",
    );
    const odd = { type: "tmpfs", source: b("tmpfs"), options: ["nonsense=1"] };
    const told = assertThrows(() => performMount(odd, merged), VarveError);
    assert(told.message.includes("nonsense"), told.message);
    assertEquals(findMount(readMountInfo(), merged), undefined);
  },
});

Deno.test({
  name: "unmounting a mount in use fails with E_BUSY, and a lazy unmount detaches it",
  ...mount,
  fn: async () => {
    await using temp = await tempDir();
    const [lower = ""] = await layers(temp, ["a"]);
    const merged = b(temp.join("merged"));
    performMount(bindMount(b(lower)), merged);
    {
      using _held = await Deno.open(temp.join("merged/f0"));
      const error = assertThrows(() => performUnmount(merged), VarveError, "in use");
      assertEquals(error.code, "E_BUSY");
      assertEquals(performUnmount(merged, { lazy: true }), true);
    }
    assertEquals(findMount(readMountInfo(), merged), undefined);
  },
});

function mountReadUnmount(source: string, target: string): void {
  performMount(bindMount(b(source)), b(target));
  for (let i = 0; i < 10; i++) Deno.readTextFileSync(`${target}/f0`);
  assertEquals(performUnmount(b(target)), true);
}

/** A worker that starts one program after another until its control word is not 0. */
const SPAWNER = `onmessage = async ({ data: control }) => {
  do {
    await new Deno.Command("true").output();
    postMessage("at work");
  } while (Atomics.load(control, 0) === 0);
  postMessage("ended");
  close();
}`;

Deno.test({
  name: "a mount can be unmounted while another thread starts programs",
  ...mount,
  fn: async () => {
    await using temp = await tempDir();
    const [lower = ""] = await layers(temp, ["a"]);
    const control = new Int32Array(new SharedArrayBuffer(4));
    const spawner = new Worker(`data:application/javascript,${encodeURIComponent(SPAWNER)}`, {
      type: "module",
    });
    using _ = { [Symbol.dispose]: () => spawner.terminate() };
    const said = (what: string) =>
      new Promise<void>((resolve) => {
        spawner.onmessage = ({ data }) => data === what && resolve();
      });
    const begun = said("at work");
    spawner.postMessage(control);
    await begun;
    const ended = said("ended");
    for (let i = 0; i < 400; i++) mountReadUnmount(lower, temp.join("merged"));
    Atomics.store(control, 0, 1);
    await ended;
  },
});

Deno.test({
  name: "a link at the mount point is not followed",
  ...mount,
  fn: async () => {
    await using temp = await tempDir();
    const [lower = ""] = await layers(temp, ["a"]);
    await Deno.symlink("merged", temp.join("link"));
    const value = bindMount(b(lower));
    assertThrows(() => performMount(value, b(temp.join("link"))), VarveError);
    assertEquals(findMount(readMountInfo(), b(temp.join("merged"))), undefined);
  },
});
