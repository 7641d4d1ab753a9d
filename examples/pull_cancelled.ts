// A pull that shows its progress, and is cancelled.
// deno run --allow-read --allow-write=STORE --allow-sys=uid --allow-net examples/pull_cancelled.ts STORE IMAGE BYTES
import { openStore, pullImage } from "@varve/varve";

const [root = "", reference = "", most = ""] = Deno.args;
await using store = await openStore({ root });
const controller = new AbortController();
const pulling = pullImage(store, reference, {
  signal: controller.signal,
  onProgress({ layer, read, total }) {
    console.log(`${layer} ${read} of ${total}`);
    if (read > Number(most)) controller.abort(new Error(`more than ${most} bytes`));
  },
});
await pulling.catch((error) => console.log(`Cancelled: ${error.message}`));
