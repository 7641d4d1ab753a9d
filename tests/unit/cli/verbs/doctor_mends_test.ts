import { assert, assertEquals } from "@std/assert";
import { GROUPS, VERBS } from "../../../../lib/cli/catalog.ts";
import { type DoctorFacts, failuresOf } from "../../../../lib/cli/verbs/program/doctor_failures.ts";
import {
  type DoctorCheck,
  mendOf,
  type MendPlace,
} from "../../../../lib/cli/verbs/program/doctor_mends.ts";
import { distributionOf, installCommand } from "../../../../lib/cli/verbs/program/packages.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { commandOn } from "../../../support/cli/in_process.ts";
import { run } from "../../../support/machine/process.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const GOOD: DoctorFacts = {
  machine: {
    os: "linux",
    arch: "x86_64",
    kernel: "6.12",
    cores: 2,
    memory: 1e9,
    user: 0,
    maySystemCall: true,
    mayMount: true,
    openFiles: 1024,
  },
  store: { root: "/s", fileSystem: "ext4", available: 1e12, freeInodes: 1e6, readOnly: false },
  drivers: [{ name: "erofs", works: true, why: "" }],
  faster: [],
  runtime: "runc",
  missing: [],
  containerd: [],
};

const machine = (facts: Partial<DoctorFacts["machine"]>) => ({
  machine: { ...GOOD.machine, ...facts },
});
const store = (facts: DoctorFacts["store"]) => ({ store: { ...GOOD.store, ...facts } });
const error = (code: "E_DB" | "E_DENIED" | "E_SYSCALL", hint = "", errno?: string) => ({
  error: new VarveError(code, "Cannot open store", { hint, errno }),
});
const driver = (name: "erofs" | "overlay") => ({
  drivers: [{ name, works: false, why: "no such file system" }],
});
const slow = (check: "driver" | "libisal" | "inflater" | "file system") => ({
  faster: [{ check, found: "slow", wayOut: "" }],
});
const containerd = (check: NonNullable<DoctorFacts["containerd"]>[number]["check"]) => ({
  containerd: [{ check, ok: false, found: "none", wayOut: "" }],
});

/** What makes each check fail. A check that nothing makes fail does not compile. */
const FAILING: Readonly<Record<DoctorCheck, Partial<DoctorFacts>>> = {
  "system calls": machine({ os: "darwin", maySystemCall: false, mayMount: false }),
  mounts: machine({ user: 1000, mayMount: false }),
  "open files": machine({ openFiles: 256 }),
  database: error("E_DB"),
  owner: error("E_DENIED"),
  version: error("E_DB", "use a newer varve, or another root"),
  store: error("E_SYSCALL", "", "EIO"),
  writable: store({ readOnly: true }),
  space: store({ available: 1000 }),
  inodes: store({ freeInodes: 3 }),
  erofs: driver("erofs"),
  overlay: driver("overlay"),
  driver: slow("driver"),
  libisal: slow("libisal"),
  inflater: slow("inflater"),
  "file system": slow("file system"),
  runtime: { runtime: null },
  tools: { missing: ["umoci"] },
  "containerd: reachable": containerd("reachable"),
  "containerd: snapshotter": containerd("snapshotter"),
  "containerd: differ": containerd("differ"),
  "containerd: first differ": containerd("first differ"),
  "containerd: unpack": containerd("unpack"),
  "containerd: overlayfs": containerd("overlayfs"),
  "containerd: mount namespace": containerd("mount namespace"),
  "containerd: content": containerd("content"),
  "containerd: store path": containerd("store path"),
};

/** `/etc/os-release` of distributions, and what installs two things there. */
const DISTRIBUTIONS = {
  "ID=debian": "apt-get install -y docker.io tini",
  'ID="pop"\nID_LIKE="ubuntu debian"': "apt-get install -y docker.io tini",
  "ID=fedora": "dnf install -y /usr/bin/docker /usr/bin/tini",
  'ID="rocky"\nID_LIKE="rhel centos fedora"': "dnf install -y /usr/bin/docker /usr/bin/tini",
  'ID="opensuse-tumbleweed"': "zypper --non-interactive install /usr/bin/docker /usr/bin/tini",
  "ID=alpine": "apk add cmd:docker cmd:tini",
  "ID=arch": "pacman -S --noconfirm docker tini",
  "": "pkcon install docker.io tini",
};

const PLACE: MendPlace = {
  root: "/a b's",
  isRootGiven: true,
  isRoot: false,
  distribution: distributionOf("ID=debian"),
  containerd: "/run/c.sock",
  socket: "/run/v.sock",
  containerdVersion: "2",
  hasConfig: true,
  hasContainerd: false,
  missing: ["umoci"],
};

Deno.test("doctor: nothing fails where all is good, and each check can fail", () => {
  assertEquals(failuresOf(GOOD), []);
  for (const [check, facts] of Object.entries(FAILING)) {
    assertEquals(failuresOf({ ...GOOD, ...facts }).map(({ check }) => check), [check], check);
  }
});

Deno.test("doctor: each check has commands that a shell reads, of verbs that exist", async () => {
  const script: string[] = [];
  for (const check of Object.keys(FAILING) as DoctorCheck[]) {
    for (const release of Object.keys(DISTRIBUTIONS)) {
      for (const is of [true, false]) {
        const distribution = distributionOf(release);
        const place = { ...PLACE, distribution, isRoot: is, hasConfig: is, isRootGiven: is };
        const { commands } = mendOf(check, "", place);
        assert(commands.length > 0 && commands.every((line) => /^\S.*[^ ]$/.test(line)), check);
        assertEquals(commands.some((line) => is && line.includes("sudo")), false, check);
        script.push(...commands);
      }
    }
  }
  await run(["sh", "-n"], { stdin: script.join("\n") });
  const ofVarve = /(?:^|sudo |\)" |default )varve (?:--root (?:'.*'|\S+) )?(\w+)/gm;
  for (const [, verb = ""] of script.join("\n").matchAll(ofVarve)) {
    const isVerb = Object.hasOwn(VERBS, verb) || Object.hasOwn(GROUPS, verb);
    assert(isVerb, verb);
  }
});

Deno.test("doctor: packages have the names of the distribution", () => {
  for (const [release, command] of Object.entries(DISTRIBUTIONS)) {
    assertEquals(
      installCommand(distributionOf(release), ["docker", "tini-static", "tini"])
        .replace(/ \S*tini-static/, ""),
      command,
    );
  }
  const kernel = (release: string) => installCommand(distributionOf(release), ["kernel"]);
  assert(/linux-image-(amd|arm)64$/.test(kernel("ID=debian")));
  assert(kernel("ID=ubuntu\nID_LIKE=debian").endsWith(" linux-image-generic"));
  assertEquals(installCommand(distributionOf("ID=alpine"), ["libisal"]), "apk add so:libisal.so.2");
});

Deno.test({
  name: "doctor: what it says mends a damaged database and slow settings",
  // Libraries stay loaded until the process ends.
  sanitizeResources: false,
  async fn() {
    await using temp = await tempDir();
    const varve = commandOn(temp.join("store"));
    const text = async (...args: string[]) => {
      const { code, stdout, stderr } = await varve(args);
      assertEquals(code, 0, stderr);
      return stdout;
    };
    const mends = async (): Promise<Map<string, string[]>> => {
      const { mend } = JSON.parse((await varve(["doctor", "--format", "json"])).stdout);
      return new Map(
        mend.map((one: { check: string; commands: string[] }) => [one.check, one.commands]),
      );
    };
    const mend = async (commands: readonly string[]) => {
      for (const command of commands) {
        const [program, ...args] = command.split(" ");
        if (program === "varve") await text(...args);
      }
    };
    await Deno.mkdir(temp.join("root"));
    await text("import", temp.join("root"), "app:1");
    await text("config", "set", "inflate", "zlib");
    const slow = (await mends()).get("inflater") ?? [];
    assertEquals(slow.length, 2);
    await mend(slow);
    await Deno.writeTextFile(temp.join("store/meta.db"), "no database");
    const { stdout } = await varve(["doctor"]);
    const [, rebuild = ""] = /^TO MEND\n.*\n {4}(varve --root .*)$/m.exec(stdout) ?? [];
    assert(rebuild.endsWith(" fsck --rebuild"), stdout);
    await mend([rebuild]);
    const left = await mends();
    assertEquals([left.has("inflater"), left.has("database")], [false, false]);
    assert((await text("images")).includes("app:1"));
  },
});
