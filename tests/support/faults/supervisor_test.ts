import { assert, assertEquals } from "@std/assert";
import { tempDir } from "../machine/temp_dir.ts";
import { buildSupervisor, needsSupervisor, type SuperviseOptions } from "./supervisor.ts";

/** Writes, renames and removes, the second half of it in a session of its own. */
const SCRIPT = `
echo one > a
setsid sh -c 'mkdir d; mv a d/b'
ln d/b d/c
rm d/b
sync d/c
echo elsewhere > "$OUTSIDE/x"
`;

type Options = Omit<SuperviseOptions, "below">;

async function supervised(options: Options, program = SCRIPT) {
  await using supervisor = await buildSupervisor();
  await using temp = await tempDir();
  await using outside = await tempDir();
  const env = { OUTSIDE: outside.path };
  const below = [temp.path];
  const command = ["sh", "-c", program];
  const result = await supervisor.run(command, { ...options, below, cwd: temp.path, env });
  const files = await Array.fromAsync(Deno.readDir(temp.path), ({ name }) => name);
  const short = (path: string) => path.slice(temp.path.length + 1);
  const calls = result.calls.map(({ name, paths }) => [name, ...paths.map(short)].join(" "));
  return { ...result, calls, files };
}

Deno.test({
  name: "the supervisor logs the calls of a process tree in their order",
  ...needsSupervisor(),
  fn: async () => {
    const { code, calls, files, left } = await supervised({});
    assertEquals(code, 0);
    assertEquals(calls, [
      ...["open a", "write a", "mkdir d", "rename a d/b", "link d/b d/c", "unlink d/b", "sync d/c"],
    ]);
    assertEquals(files, ["d"]);
    assertEquals(left, false);
  },
});

Deno.test({
  name: "the supervisor kills a process tree before a call, children in their own sessions too",
  ...needsSupervisor(),
  fn: async () => {
    const { code, calls, files } = await supervised({ fault: { kind: "kill", at: 4 } });
    assertEquals(code, 137);
    assertEquals(calls.at(-1), "rename a d/b");
    assertEquals(files.sort(), ["a", "d"]);
    for (let at = 1; at <= 7; at++) {
      const killed = await supervised({ fault: { kind: "kill", at } });
      assertEquals([killed.code, killed.calls.length], [137, at]);
    }
    assertEquals((await supervised({ fault: { kind: "kill", at: 8 } })).code, 0);
  },
});

Deno.test({
  name: "the supervisor answers an errno to one call, or to many",
  ...needsSupervisor(),
  fn: async () => {
    const once = await supervised({ fault: { kind: "errno", errno: "ENOSPC", at: 3 } });
    assert(once.stderr.includes("No space left"), once.stderr);
    assertEquals(once.files, ["a"]);
    const many = await supervised({
      fault: { kind: "errno", errno: "EROFS", at: 1, times: 1000 },
    });
    assert(many.stderr.includes("Read-only file system"), many.stderr);
    assertEquals(many.files, []);
  },
});

Deno.test({
  name: "the supervisor runs a command before a call, and then the call goes on",
  ...needsSupervisor(),
  fn: async () => {
    const command = 'ls > "$OUTSIDE/seen"; cp "$OUTSIDE/seen" .';
    const { code, files } = await supervised({ fault: { kind: "hook", at: 3, command } });
    assertEquals([code, files.sort()], [0, ["d", "seen"]]);
  },
});

Deno.test({
  name: "the supervisor runs a command before each call: a copy then is what a kill leaves",
  ...needsSupervisor(),
  fn: async () => {
    await using copies = await tempDir();
    const each = `cp -a . "${copies.path}/$1"`;
    const { code, calls } = await supervised({ each });
    assertEquals([code, calls.length], [0, 7]);
    for (const [index] of calls.entries()) {
      const at = index + 1;
      const copied = await Array.fromAsync(
        Deno.readDir(copies.join(String(at))),
        ({ name }) => name,
      );
      const killed = await supervised({ fault: { kind: "kill", at } });
      assertEquals(copied.sort(), killed.files.sort());
    }
  },
});

Deno.test({
  name: "the supervisor tells that a process of the tree outlived the command, and ends it",
  ...needsSupervisor(),
  fn: async () => {
    const { left, code } = await supervised({}, "setsid sleep 600 >/dev/null 2>&1 & echo a > a");
    assertEquals([left, code], [true, 0]);
  },
});
