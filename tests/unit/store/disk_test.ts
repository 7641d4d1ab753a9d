import { openStore } from "../../../lib/store/mod.ts";
import { storeConformance } from "../../conformance/store.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
// Opens libc before the first test begins.
import "../../support/machine/needs.ts";

for (const durability of ["full", "none"] as const) {
  storeConformance(`disk store, durability ${durability}`, async () => {
    const temp = await tempDir();
    const store = await openStore({ root: temp.join("store"), durability });
    return {
      store,
      async [Symbol.asyncDispose](): Promise<void> {
        await store[Symbol.asyncDispose]();
        await temp[Symbol.asyncDispose]();
      },
    };
  });
}
