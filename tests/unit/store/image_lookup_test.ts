import { assertEquals } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { importImage } from "../../../lib/image/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { findImage, openMemoryStore, readPlatforms, type Store } from "../../../lib/store/mod.ts";
import { codeOf } from "../../support/code_of.ts";

/** The same object, but for one member. */
function withMember<T extends object>(target: T, name: keyof T, member: unknown): T {
  return new Proxy(target, {
    get(_, key) {
      if (key === name) return member;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A store whose documents cannot be read, for one reason of the kernel. */
function unreadable(store: Store, errno: string): Store {
  const read = () => Promise.reject(new VarveError("E_SYSCALL", "Cannot read a blob", { errno }));
  return withMember(store, "blobs", withMember(store.blobs, "read", read));
}

Deno.test("too many open files are no reason to leave an image out, and damage is", async () => {
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const tar = () => new Blob([new Uint8Array(1024)]).stream();
  const { imageId } = await importImage(store, tar(), { name: "app:1", pool });
  const record = await findImage(store, "app:1");
  for (const errno of ["EMFILE", "ENFILE", "ENOMEM"]) {
    const other = unreadable(store, errno);
    assertEquals(await codeOf(() => readPlatforms(other, record)), "E_SYSCALL");
    assertEquals(await codeOf(() => findImage(other, imageId)), "E_SYSCALL");
  }
  const damaged = unreadable(store, "EIO");
  assertEquals(await readPlatforms(damaged, record), []);
  assertEquals(await codeOf(() => findImage(damaged, imageId)), "E_NOT_FOUND");
});
