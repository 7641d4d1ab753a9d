/**
 * A real Debian image of two layers, built once on a machine: debootstrap makes the lower layer,
 * apt the upper one, with deletions and odd entries in it, and umoci both into an OCI layout.
 */
import { run, runAny } from "../machine/process.ts";
import { listDirectory, type Listing } from "../trees/directory_differences.ts";

/** The image in the forms that varve loads. */
export interface DebianImage {
  /** OCI layout directory; its reference is `varve`. */
  readonly layout: string;
  /** docker-archive, `debian:varve`. */
  readonly docker: string;
  /** OCI layout as a tar, `debian:varve`. */
  readonly oci: string;
  /** What `umoci unpack` makes of it. */
  readonly unpacked: string;
}

/** Raise it when the script below changes: a cached image of another version is not used. */
const VERSION = 2;
/** Milliseconds to build one: it takes a minute or two, with a slow mirror or on a busy machine more. */
const BUILD_DEADLINE = 30 * 60_000;

/** What the tests need to build it. */
export const DEBIAN_TOOLS: readonly string[] = ["debootstrap", "umoci", "skopeo", "flock"];

/** Builds the image, or finds the one that was built before. Root only. */
export async function debianImage(): Promise<DebianImage> {
  const directory = await buildOnce(`debian-${VERSION}`, SCRIPT);
  return {
    layout: `${directory}/layout`,
    docker: `${directory}/docker.tar`,
    oci: `${directory}/oci.tar`,
    unpacked: `${directory}/bundle/rootfs`,
  };
}

const listings = new Map<string, Listing>();

/** What `umoci unpack` makes of an image, as a listing: it takes seconds to make, and so is made once. */
export function unpackedListing({ unpacked }: Pick<DebianImage, "unpacked">): Listing {
  const listing = listings.get(unpacked) ?? listDirectory(unpacked);
  listings.set(unpacked, listing);
  return listing;
}

/** Other real images: a release, and a set of its packages. */
export type DebianVariant = "bookworm-minbase" | "trixie-buildd";

/** Another real image, whose second layer purges packages with dpkg. Built once, as {@linkcode debianImage}. */
export async function debianVariant(
  variant: DebianVariant,
): Promise<Pick<DebianImage, "layout" | "unpacked">> {
  const directory = await buildOnce(`debian-${VERSION}-${variant}`, VARIANT, variant.split("-"));
  return { layout: `${directory}/layout`, unpacked: `${directory}/bundle/rootfs` };
}

/**
 * The directory of the cache that a script fills, unless it is filled already. The script gets the directory, the
 * archive of apt, and more arguments; it makes the file `done` last.
 */
export async function buildOnce(
  name: string,
  script: string,
  args: readonly string[] = [],
): Promise<string> {
  const base = Deno.env.get("VARVE_TEST_CACHE") ?? "/var/tmp/varve-test-cache";
  await Deno.mkdir(base, { recursive: true, mode: 0o700 });
  const directory = `${base}/${name}`;
  const command = ["bash", "-euc", script, "build", directory, await mirror(), ...args];
  await run(["flock", `${directory}.lock`, ...command], {
    timeout: BUILD_DEADLINE,
    env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
  });
  return directory;
}

/** The archive that this machine's own apt uses. */
async function mirror(): Promise<string> {
  const { stdout } = await runAny(["apt-get", "indextargets", "--format", "$(SITE)"]);
  const site = stdout.split("\n").find((line) =>
    line.startsWith("http") && !line.includes("security")
  );
  if (site === undefined) throw new Error("Cannot build a Debian image: apt has no archive");
  return site;
}

/** `base` becomes the first layer, and is unpacked again in `bundle`. */
const FIRST_LAYER = String.raw`layout="$directory/layout"
umoci init --layout "$layout"
umoci new --image "$layout:varve"
umoci unpack --image "$layout:varve" bundle
rmdir bundle/rootfs; mv base bundle/rootfs
umoci repack --image "$layout:varve" bundle
rm -rf bundle
umoci unpack --image "$layout:varve" bundle`;

const SCRIPT = String.raw`
directory=$1 mirror=$2
[ -e "$directory/done" ] && exit 0
rm -rf "$directory" "$directory.work"; mkdir -p "$directory" "$directory.work"; cd "$directory.work"
codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
debootstrap --variant=minbase "$codename" base "$mirror" >debootstrap.log 2>&1 || { tail -20 debootstrap.log; exit 1; }
${FIRST_LAYER}
root=bundle/rootfs
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
chroot "$root" sh -euc '
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends nodejs npm python3 perl
' >apt.log 2>&1 || { tail -20 apt.log; exit 1; }
# Deletions: of files, of whole directories, and of a directory that is made again.
rm -rf "$root"/usr/share/doc "$root"/var/lib/apt/lists/* "$root"/usr/share/locale/d*
rm -f "$root/usr/bin/perlbug" "$root/usr/sbin/chroot"
rm -rf "$root/etc/cron.daily"; mkdir "$root/etc/cron.daily"; echo new >"$root/etc/cron.daily/new"
# Odd entries.
mkdir "$root/odd"; cd "$root/odd"
mkfifo fifo; mknod char c 1 3; mknod block b 7 0
truncate -s 5M sparse; printf end | dd of=sparse bs=1 seek=3000000 conv=notrunc status=none
printf x >file; ln file link; ln -s /etc/passwd absolute; ln -s ../etc relative; ln -s nowhere dangling
setfattr -n user.varve -v 'a b' file
setcap cap_net_raw+ep file
printf y >"$(printf 'not-\377-utf8')"; printf z >"$(printf 'line\nbreak')"
chmod 4755 file; chown 1234:4321 relative -h
touch -d '1969-12-31 23:59:58.123456789 UTC' file; touch -d '2001-02-03 04:05:06.789 UTC' .
long=$(printf 'n%.0s' $(seq 200)); mkdir -p "$long/$long"; printf l >"$long/$long/$long"
ln -s "$long/$long/$long" long-link
cd "$directory.work"
cp -al "$root/usr/lib/python3" "$root/odd/hardlinks"
umoci repack --image "$layout:varve" bundle
umoci config --image "$layout:varve" --config.cmd /bin/bash
umoci gc --layout "$layout"
rm -rf bundle
skopeo copy -q "oci:$layout:varve" "docker-archive:$directory/docker.tar:debian:varve"
skopeo copy -q "oci:$layout:varve" "oci-archive:$directory/oci.tar:debian:varve"
umoci unpack --image "$layout:varve" "$directory/bundle"
rm -rf "$directory.work"
touch "$directory/done"
`;

const VARIANT = String.raw`
directory=$1 mirror=$2 release=$3 packages=$4
[ -e "$directory/done" ] && exit 0
rm -rf "$directory" "$directory.work"; mkdir -p "$directory" "$directory.work"; cd "$directory.work"
debootstrap --variant="$packages" "$release" base "$mirror" >debootstrap.log 2>&1 || { tail -20 debootstrap.log; exit 1; }
${FIRST_LAYER}
chroot bundle/rootfs dpkg --purge --force-all tzdata bsdutils mawk >/dev/null 2>&1
rm -rf bundle/rootfs/usr/share/locale; mkdir -m 2775 bundle/rootfs/usr/share/locale
chown 0:50 bundle/rootfs/usr/share/locale; chmod 2775 bundle/rootfs/usr/share/locale
umoci repack --image "$layout:varve" bundle
umoci config --image "$layout:varve" --config.cmd /bin/bash
umoci gc --layout "$layout"
rm -rf bundle
umoci unpack --image "$layout:varve" "$directory/bundle"
rm -rf "$directory.work"
touch "$directory/done"
`;
