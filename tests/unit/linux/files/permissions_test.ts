import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import {
  fileError,
  permissionError,
  readKernelFile,
  readKernelLink,
  requirePermissions,
} from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";

/** What Deno 2.9 says, and the hint for it. */
const SAID: readonly (readonly [string, string])[] = [
  ['Requires read access to "/a b", run again with the --allow-read flag', "--allow-read=/a b"],
  [
    "Requires write access to <TMP>, run again with the --allow-write flag",
    "--allow-write",
  ],
  ['Requires sys access to "uid", run again with the --allow-sys flag', "--allow-sys=uid"],
  ['Requires net access to "a.b:443", run again with the --allow-net flag', "--allow-net=a.b:443"],
  ['Requires env access to "HOME", run again with the --allow-env flag', "--allow-env=HOME"],
  [
    'Requires env access to "VARVE_ROOT", run again with the --allow-env flag',
    "--allow-env='VARVE_*'",
  ],
  ["Requires run access, run again with the --allow-run flag", "--allow-run"],
  ['Requires all access to "/proc/1", run again with the --allow-all flag', "-A"],
  [
    "Deno.symlink() requires unscoped --allow-read and --allow-write permissions; path-scoped grants " +
    "(e.g. --allow-write=<path>) are not supported",
    "--allow-read --allow-write",
  ],
  ["it is not permitted", "-A"],
];

Deno.test("a missing permission of Deno is E_DENIED, with the flag as its hint", () => {
  for (const [message, flags] of SAID) {
    const error = permissionError(new Deno.errors.NotCapable(message), "open store /s");
    assertEquals(
      [error?.code, error?.details.hint, error?.message.startsWith("Cannot open store /s: ")],
      ["E_DENIED", `run Deno with ${flags}`, true],
    );
    assertEquals(
      (fileError(new Deno.errors.NotCapable(message), "x") as VarveError).code,
      "E_DENIED",
    );
  }
  assertEquals(permissionError(new Deno.errors.NotFound("x"), "open"), undefined);
});

Deno.test("all permissions that are missing are named at once", async () => {
  const child = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read=/s", "--quiet", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`
    import { requirePermissions } from ${
    JSON.stringify(import.meta.resolve("../../../../lib/linux/mod.ts"))
  };
    try {
      requirePermissions("open store /s", [
        { name: "read", path: "/s" },
        { name: "write", path: "/s" },
        { name: "write", path: "/t" },
        { name: "sys", kind: "uid" },
      ]);
    } catch (error) {
      console.log(JSON.stringify([error.code, error.message, error.details.hint]));
    }
  `));
  await writer.close();
  const { stdout } = await child.output();
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [
    "E_DENIED",
    "Cannot open store /s: Deno does not have the permissions write, sys",
    "run Deno with --allow-write=/s,/t --allow-sys=uid",
  ]);
});

Deno.test("no permission is asked for that Deno has", () => {
  requirePermissions("read", [{ name: "read", path: "/" }]);
});

Deno.test({
  name: "files and links of the kernel are read; those that are not there are undefined",
  ...needs({}),
  fn: checkKernelFiles,
});

function checkKernelFiles(): void {
  assertEquals(readKernelFile("/proc/self/comm")?.endsWith("\n"), true);
  assertEquals(readKernelLink("/proc/self/ns/mnt")?.startsWith("mnt:"), true);
  assertEquals(readKernelFile("/proc/0/comm"), undefined);
  assertEquals(readKernelFile("/proc/self/comm/x"), undefined);
  assertEquals(readKernelLink("/proc/0/ns/mnt"), undefined);
  assertThrows(() => readKernelFile("/proc"), VarveError);
}
