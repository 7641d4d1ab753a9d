import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { CommandError } from "../../../lib/container/root/executable.ts";
import { quote } from "../../../lib/container/runtime/chroot.ts";
import { runCommand, runtimeCall } from "../../../lib/container/runtime/commands.ts";
import { findInit, findRuntime } from "../../../lib/container/runtime/find.ts";
import { runtimeFailure } from "../../../lib/container/runtime/log.ts";
import { VarveError } from "../../../lib/errors.ts";
import { bindMount, overlayMount } from "../../../lib/linux/mod.ts";
import { readOnlyMount, withTopLower } from "../../../lib/snapshot/internal.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

function exitOfLog(text: string): number | string | undefined {
  const failure = runtimeFailure(text, "p");
  return failure instanceof CommandError ? failure.exit : failure?.code;
}

Deno.test("runtimeFailure: distinguishes a missing program from one that is not executable", () => {
  const line = (msg: string, level = "error") => JSON.stringify({ level, msg }) + "\n";
  const start = "runc run failed: unable to start container process: exec: ";
  const cases: [string, number | string | undefined][] = [
    [line(`${start}"x": executable file not found in $PATH`), 127],
    [line(`${start}"/x": stat /x: no such file or directory`), 127],
    [line(`${start}"/x": permission denied`), 126],
    [line(`${start}"/x": is a directory`), 126],
    [line("executable file `x` not found in $PATH: No such file or directory"), 127],
    [line("the path `/x` exists but it is not executable: Operation not permitted"), 126],
    [line("error mounting /proc: permission denied"), "E_SYSCALL"],
    [line("something", "warning"), undefined],
    [line(`${start}"x": permission denied`) + line("after", "warning") + "no json\n", 126],
    ["", undefined],
  ];
  for (const [text, expected] of cases) assertEquals(exitOfLog(text), expected, text);
});

Deno.test("runtimeCall: each run has its own state; crun is kept from cgroups of version 2", () => {
  const runc = { name: "runc", program: "/bin/runc", hideUnified: false } as const;
  const run = { id: "id", key: "k", directory: "/d" };
  assertEquals(runtimeCall({ ...run, runtime: runc }, ["pause", "id"]), {
    program: "/bin/runc",
    args: ["--root", "/d/runtime", "pause", "id"],
  });
  const crun = { name: "crun", program: "/bin/crun", hideUnified: true } as const;
  const hidden = runtimeCall({ ...run, runtime: crun }, ["delete", "id"]);
  assertEquals(hidden.program, "unshare");
  assertEquals(hidden.args.slice(-5), ["/bin/crun", "--root", "/d/runtime", "delete", "id"]);
  const { args } = runCommand({ ...run, runtime: crun });
  assertEquals(args.slice(-6), ["run", "--bundle", "/d/bundle", "--pid-file", "/d/pid", "id"]);
});

Deno.test("runCommand: crun takes the path of a log for one also where it has a colon", () => {
  const logOf = (name: "runc" | "crun", directory: string) => {
    const runtime = { name, program: `/bin/${name}`, hideUnified: false };
    const { args } = runCommand({ id: "id", key: "k", directory, runtime });
    return args[args.indexOf("--log") + 1];
  };
  assertEquals(logOf("crun", "/a:b/d"), "file:/a:b/d/log");
  assertEquals(logOf("crun", "/d"), "/d/log");
  assertEquals(logOf("runc", "/a:b/d"), "/a:b/d/log");
});

Deno.test("quote: a shell gives every word back", async () => {
  const words = ["", "a b", "'", "''", "\\", "$x", "`", "*", "\n", "-n", "é", '"', "~", "!", "#"];
  const { stdout } = await run(["sh", "-c", `printf '%s\\0' ${words.map(quote).join(" ")}`]);
  assertEquals(stdout.split("\0").slice(0, -1), words);
});

Deno.test({
  name: "findRuntime: the first that is installed, in absolute directories only",
  ...needs({}),
  async fn() {
    await using temp = await tempDir();
    await Deno.writeTextFile(temp.join("crun"), "", { mode: 0o755 });
    await Deno.writeTextFile(temp.join("runc"), "", { mode: 0o644 });
    await Deno.writeTextFile(temp.join("tini"), "", { mode: 0o755 });
    const found = await findRuntime("auto", `.:/no/such:${temp.path}`);
    assertEquals([found.name, found.program], ["crun", temp.join("crun")]);
    assertEquals(await findInit(temp.path), temp.join("tini"));
    for (const [wanted, code] of [["runc", "E_UNSUPPORTED"], ["docker", "E_USAGE"]]) {
      const error = await assertRejects(() => findRuntime(wanted as string, temp.path), VarveError);
      assertEquals(error.code, code);
    }
    const none = await assertRejects(() => findRuntime("auto", "/no/such"), VarveError);
    assert(none.message.includes("no runtime is installed"), none.message);
  },
});

Deno.test("withTopLower: one more lower on top, whatever its name", () => {
  const lowers = [fromText("/a"), fromText("/b:c")];
  const upper = { directory: fromText("/u,x"), work: fromText("/w") };
  const mount = withTopLower(overlayMount({ lowers, upper }), "/i:n");
  const expected = overlayMount({ lowers: [fromText("/i:n"), ...lowers], upper });
  assertEquals(mount, expected);
  assertEquals(
    readOnlyMount(mount),
    overlayMount({ lowers: [upper.directory, fromText("/i:n"), ...lowers] }),
  );
  const bind = bindMount(fromText("/x"), { recursive: true });
  assertEquals(withTopLower(bind, "/i"), bind);
  assertEquals(readOnlyMount(bind), bindMount(fromText("/x"), { recursive: true, readOnly: true }));
});
