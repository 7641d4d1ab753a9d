/** `varve run` under runc, under crun, and without a runtime: the same container each time. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";
import {
  CONTAINER_TOOLS,
  containerFixture,
  leftovers,
  RUNTIME_NAMES,
} from "../support/peers/container_fixture.ts";

const need = needs({ root: true, mount: true, tools: CONTAINER_TOOLS });

for (const runtime of RUNTIME_NAMES) {
  const run = ["run", "--rm", "--runtime", runtime];

  Deno.test({
    name: `run (${runtime}): output, input, exit code, environment, user, directory`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve } = fixture;
      const first = await varve.any([...run, BOX, "--", "sh", "-c", "cat; echo err >&2; exit 7"], {
        stdin: "hello\n",
      });
      assertEquals([first.code, first.stdout, first.stderr], [7, "hello\n", "err\n"]);
      assertEquals(await varve.text([...run, BOX]), "cmd\n");
      const script = 'id -u; id -g; id -G; pwd; umask; echo "$HOME $FROM_IMAGE $A $B"; echo "$1"';
      const args = ["-u", "web", "-w", "/new/dir", "-e", "A=1 2", "-e", "B", "-e", "NOT_THERE"];
      const said = await varve.text([...run, ...args, BOX, "--", "sh", "-c", script, "x", ""], {
        env: { B: "passed" },
      });
      assertEquals(said, "33\n33\n33 44\n/new/dir\n0022\n/srv/web yes 1 2 passed\n\n");
      const numbers = await varve.text([...run, "-u", "7:44", BOX, "--", "id"]);
      assertStringIncludes(numbers, "uid=7");
      assertStringIncludes(numbers, "gid=44");
      assertEquals(await leftovers(fixture), []);
      assertEquals(await varve.json(["ps"]), []);
      assertEquals((await varve.json(["snapshot", "ls", "--filter", "kind==active"])).length, 0);
    },
  });

  Deno.test({
    name: `run (${runtime}): a file of variables, and a host name`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve } = fixture;
      const file = `${fixture.temp.path}/env`;
      await Deno.writeTextFile(file, "# variables\nA=from file\nB=from file\nPASSED\n");
      const args = ["--env-file", file, "-e", "B=given", "--hostname", "box.example.org"];
      const script = 'hostname; cat /etc/hostname; echo "$A, $B, $PASSED, $HOSTNAME"';
      for (const network of ["host", "none"]) {
        const said = await varve.text(
          [...run, ...args, "--network", network, BOX, "--", "sh", "-c", script],
          { env: { PASSED: "passed" } },
        );
        const name = "box.example.org";
        assertEquals(said, `${name}\n${name}\nfrom file, given, passed, ${name}\n`);
      }
      if (runtime !== RUNTIME_NAMES[0]) return;
      for (const wrong of [["--hostname", "-x"], ["--hostname", "a b"], ["--env-file", "/none"]]) {
        const { code } = await varve.any([...run, ...wrong, BOX, "--", "true"]);
        assertEquals(code, wrong[0] === "--hostname" ? 2 : 125, `${wrong}`);
      }
    },
  });

  Deno.test({
    name: `run (${runtime}): isolation, capabilities, devices, hidden paths, network`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve } = fixture;
      const script = [
        "grep -E 'Cap(Prm|Eff|Bnd|Inh|Amb)' /proc/self/status | sort",
        "echo $$ $(ls /proc | grep -c '^[0-9]') $(cat /proc/kcore | wc -c)",
        "echo x >/proc/sys/kernel/hostname; ls /sys/firmware | wc -l; ls /dev | sort | tr '\\n' ' '",
        "touch /sys/x 2>/dev/null || echo read-only; cat /proc/net/dev | grep -c :; hostname",
      ].join("; ").replace("| tr '\\n' ' '", "");
      const none = await varve.any([...run, "--network", "none", BOX, "--", "sh", "-c", script]);
      const lines = none.stdout.split("\n");
      assertEquals(lines.slice(0, 5), [
        "CapAmb:\t0000000000000000",
        "CapBnd:\t00000000a80425fb",
        "CapEff:\t00000000a80425fb",
        "CapInh:\t0000000000000000",
        "CapPrm:\t00000000a80425fb",
      ]);
      assertEquals(lines[5]?.split(" ")[0], "1");
      assertEquals(lines[5]?.split(" ")[2], "0");
      assert(Number(lines[5]?.split(" ")[1]) <= 5, "only its own processes");
      assertStringIncludes(none.stderr, "Read-only file system");
      assertEquals(lines[6], "0");
      for (const name of ["full", "null", "ptmx", "pts", "random", "shm", "tty", "zero"]) {
        assert(lines.includes(name), name);
      }
      assertEquals(lines.slice(-4, -2), ["read-only", "1"]);
      const other = await varve.text([
        ...run,
        "-u",
        "7",
        BOX,
        "--",
        "grep",
        "CapEff",
        "/proc/self/status",
      ]);
      assertEquals(other, "CapEff:\t0000000000000000\n");
      assertEquals(await varve.text([...run, BOX, "--", "hostname"]), `${Deno.hostname()}\n`);
      assertEquals(await leftovers(fixture), []);
    },
  });

  Deno.test({
    name: `run (${runtime}): the command has no descriptors but the standard ones`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve } = fixture;
      const list = [
        ...run,
        BOX,
        "--",
        "sh",
        "-c",
        "cd /proc/self/fd; for fd in *; do echo $fd; done",
      ];
      // A directory of the host, and its standard input once more.
      const opened = 'exec 5</etc; exec "$@" 9<&0';
      const { stdout } = await runAny(["sh", "-c", opened, "sh", ...varve.command(list)], {
        env: varve.env,
      });
      // The shell's own is the directory that it reads.
      assertEquals(stdout.split("\n").filter((fd) => ["5", "9"].includes(fd)), []);
      assertStringIncludes(stdout, "0\n1\n2\n");
    },
  });

  Deno.test({
    name: `run (${runtime}): volumes, a tmpfs, a root that is read-only, an init`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve, temp } = fixture;
      await Deno.mkdir(temp.join("shared"));
      await Deno.writeTextFile(temp.join("file"), "of the host\n");
      const volumes = [
        ["-v", `${temp.join("shared")}:/data/deep`],
        ["-v", `${temp.join("shared")}:/ro:ro`],
        ["-v", `${temp.join("file")}:/etc/hosts:ro`],
        ["--tmpfs", "/memory:size=64k,mode=700"],
      ].flat();
      const script =
        "cat /etc/hosts; echo new >/data/deep/new; cat /ro/new; touch /ro/x; touch /x; touch /tmp/x; " +
        "echo m >/memory/x && cat /memory/x; grep -c ' /memory tmpfs .*noexec.*size=64k' /proc/mounts";
      const { stdout, stderr } = await varve.any([
        ...[...run, "--read-only", ...volumes, BOX, "--"],
        ...["sh", "-c", script],
      ]);
      assertEquals(stdout, "of the host\nnew\nm\n1\n");
      assertEquals(stderr.match(/Read-only file system/g)?.length, 3);
      assertEquals(await Deno.readTextFile(temp.join("shared/new")), "new\n");
      // The init is the first process, and reaps what nobody waits for.
      const reaped = await varve.text([
        ...[...run, "--init", BOX, "--", "sh", "-c"],
        // Its parent ends at once; what is not reaped stays as a zombie, and its directory with it.
        "cat /proc/1/comm; (sleep 0 & echo $! >/tmp/pid); read pid </tmp/pid; " +
        "while [ -e /proc/$pid ]; do sleep 0.02; done; echo reaped",
      ]);
      assertEquals(reaped, "init\nreaped\n");
      assertEquals(await leftovers(fixture), []);
    },
  });

  Deno.test({
    name: `run (${runtime}): failures exit with 126, 127, 125, 5 and 2, and leave nothing`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve, temp } = fixture;
      await Deno.mkdir(temp.join("v"));
      await Deno.writeTextFile(temp.join("v/plain"), "x", { mode: 0o644 });
      const volume = ["-v", `${temp.join("v")}:/v`];
      const cases: [number, string[]][] = [
        [127, [...run, BOX, "--", "nosuch"]],
        [127, [...run, BOX, "--", "/no/such"]],
        [126, [...run, BOX, "--", "/noexec"]],
        [126, [...run, BOX, "--", "/etc"]],
        [127, [...run, ...volume, BOX, "--", "/v/nosuch"]],
        [126, [...run, ...volume, BOX, "--", "/v/plain"]],
        [125, [...run, "-u", "nobody-here", BOX]],
        [125, [...run, "-u", "4294967295", BOX]],
        [125, [...run, "--tty", BOX]],
        [125, [...run, "-v", `${temp.join("missing")}:/v`, BOX]],
        [125, [...run, "-v", `${temp.join("v")}:/etc/passwd`, BOX]],
        [125, [...run, "-v", `${temp.join("v/plain")}:/etc`, BOX]],
        [125, [...run, "-w", "/etc/passwd", BOX]],
        [125, [...run, "example.org/missing:1"]],
        [2, [...run, "-v", "name:/v", BOX]],
        [2, [...run, "-w", "relative", BOX]],
        [2, [...run, "--network", "bridge", BOX]],
        [2, [...run, "--runtime", "none", BOX]],
        [128 + 9, [...run, "--init", BOX, "--", "sh", "-c", "kill -9 $$"]],
      ];
      for (const [code, args] of cases) {
        const result = await varve.any(args);
        assertEquals(result.code, code, `${args.join(" ")}: ${result.stderr}`);
        if (code !== 137) assert(result.stderr !== "", args.join(" "));
      }
      assertEquals((await varve.json(["snapshot", "ls", "--filter", "kind==active"])).length, 0);
      assertEquals(await leftovers(fixture), []);
    },
  });
}
