/** Node and Bun, which some tests run beside Deno. */
import { runAny } from "./process.ts";

/** A JavaScript runtime, or the reason why it cannot be used. */
export type Runtime = { readonly program: string } | { readonly missing: string };

/** The oldest Node with zstd in its zlib. */
const OLDEST_NODE: readonly [number, number] = [22, 15];

/** Node, from `VARVE_NODE` or the PATH. Older ones than 22.15 count as missing. */
export async function findNode(): Promise<Runtime> {
  return await find("VARVE_NODE", "node", (version) => {
    const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
    const [oldest, least] = OLDEST_NODE;
    return major > oldest || major === oldest && minor >= least;
  }, `node ${OLDEST_NODE.join(".")} or newer (npx -y node@22, or VARVE_NODE)`);
}

/** Bun, from `VARVE_BUN` or the PATH. */
export async function findBun(): Promise<Runtime> {
  return await find("VARVE_BUN", "bun", () => true, "bun (npx -y bun, or VARVE_BUN)");
}

async function find(
  variable: string,
  name: string,
  fits: (version: string) => boolean,
  missing: string,
): Promise<Runtime> {
  const program = Deno.env.get(variable) || name;
  const { code, stdout } = await runAny([program, "--version"]);
  return code === 0 && fits(stdout.trim()) ? { program } : { missing };
}
