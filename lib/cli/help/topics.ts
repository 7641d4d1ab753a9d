/** The texts of `varve help TOPIC`. Their layout is that of the help of verbs. */

/** A text about something that concerns several verbs. */
export interface Topic {
  /** One line for the list of topics. */
  readonly summary: string;
  readonly text: string;
}

const NAMES: Topic = {
  summary: "how images, snapshots, layers and paths are named",
  text:
    `REF names an image: a name such as debian:12 or example.org/team/app:1 (docker.io and latest are added where they are
left out), name@digest, an image ID, the digest of a manifest, or the first digits of one (at least 4) if no other begins
with them.

KEY names a snapshot: the files of a container, or what 'varve mount --rw KEY' and 'varve snapshot prepare KEY' made.

A layer is named by its diffID or by the digest of its blob, or by their first digits, as 'varve layers' prints them.

In REF:/PATH, REF may be any of these. If several have the same name, the snapshot is taken, then the image.
Symbolic links in PATH are followed inside the image.

Verbs that only read also read an image from where it is. In place of REF, write docker-archive:FILE, oci-archive:FILE or oci:DIR, each with :NAME
for one of several images, or docker://REF. Nothing of it enters the store.

In file names, a byte that is not printable UTF-8 is \\xNN, and a backslash is \\\\. What varve prints can be given back
in this form.

An index has an image for each platform. --platform chooses one. Without it, varve takes the platform with which the name
was loaded or pulled, else this machine's. 'varve index ls' lists what an index has, 'varve index create' makes one.

Examples:
  varve ls debian:12:/etc
  varve layers debian:12
  varve ls 0123456789ab:/etc
  varve cat work:/etc/hosts
  varve diff oci:./layout:1 debian:12`,
};

const STORES: Topic = {
  summary: "where the store is, what it keeps, and what it costs",
  text:
    `The store is a directory: --root, else VARVE_ROOT, else /var/lib/varve for root, else ~/.local/share/varve. 'load',
'pull', 'import' and a few others make it. No other verb does.

It keeps the compressed blobs and the documents of images, the uncompressed tar of each layer once, and what makes mounts fast.
ROOT/content is an OCI layout that other programs may read.

What an image, a snapshot, a lease or a running command needs is kept. 'rmi', 'snapshot rm' and 'run --rm' free what
only they kept, 'gc' everything else that nothing needs. 'why' says what keeps a thing.

Settings are in the store, and options override them. Any number of processes may use one store at the same time.

Examples:
  varve df -v
  varve why 0123456789ab
  varve prune all
  varve config ls
  varve fsck --deep
  varve backup /backup/varve`,
};

const EXIT: Topic = {
  summary: "exit codes, and the errors behind them",
  text:
    `An error is one line: what could not be done, why, and the next step. With --format json it is
{"error":{"code","message","exit",…}} on standard error. The codes, such as E_NOT_FOUND, do not change.

  0    success
  1    a defect of varve
  2    wrong usage
  3    the store is damaged, or its database cannot be used
  4    what you named does not exist
  5    what you want to make exists already
  6    a precondition does not hold, or something is in use
  7    bad data: a digest, a size, a format, an unsafe path
  8    a limit is exceeded
  9    this machine or user cannot do it
  10   a registry failed
  11   access was denied
  12   a system call failed, such as on a full disk
  13   a condition that you asked for does not hold
  130  interrupted

'run' passes on the exit code of the container. Its own failures are 125, 126 (not executable) and 127 (not found).

Examples:
  varve diff --exit-code app:1 app:2
  varve grep -q '^root:' app:1:/etc/passwd
  varve explore app:1 --ci`,
};

const REGISTRIES: Topic = {
  summary: "pulling, pushing, logging in, mirrors and local registries",
  text:
    `'pull' and 'push' talk to any registry of the distribution specification, over TLS. With registries on this machine
(localhost) they talk http without TLS. --plain-http does that with others; every verb that can reach a registry has it.
Everything is verified. A download that was interrupted goes on where it stopped.

Credentials are those of Docker: ~/.docker/config.json and its helpers, also podman's auth.json. 'login' writes them.

Mirrors, certificates and headers of a registry are in hosts.toml files, as containerd has them, in
/etc/containerd/certs.d or ~/.config/varve/certs.d (VARVE_HOSTS_DIR). Proxies are taken from https_proxy and no_proxy.

'tags', 'digest' and 'manifest' look things up without the store. 'copy' copies between registries, archives, OCI
layouts and the store; 'copy --all-tags' copies a whole repository.
'registry serve' serves the store to every engine on this machine.

Examples:
  varve login registry.example.org
  varve pull registry.example.org/app:1
  varve push app:1 localhost:5000/app:1 --plain-http
  varve tags debian
  varve registry serve`,
};

const ROOTLESS: Topic = {
  summary: "what works without root",
  text:
    `Without root and without mounts work: load, save, pull, push, import, append, mutate, squash, rebase, export, and everything that
reads: ls, cat, stat, find, grep, du, tree, diff, cp, inspect, history, layers, explore.

'unpack' and 'cp' write plain files. You own all of them. Devices and privileged attributes are left out, and counted.

'mount', 'run' and 'snapshot' mount, and so need root (CAP_SYS_ADMIN). They fail with exit code 9 and name what works instead. Inside a user
namespace of your own, such as 'unshare -rm', mounts may work. You are root in it: give --root with the store that you
have outside, ~/.local/share/varve.

'varve doctor' says what this machine and user can do.

Examples:
  varve unpack debian:12 ./root
  varve cp app:1:/srv ./srv
  varve doctor`,
};

const DOCKER: Topic = {
  summary: "the words of Docker, and those of varve",
  text:
    `varve has no daemon. A container ends with its 'varve run', and its files stay as the snapshot KEY.

  docker images            varve images
  docker pull, push        varve pull, push
  docker tag, rmi          varve tag, rmi
  docker save, load        varve save -o FILE, load FILE
  docker import, export    varve import TAR REF, export KEY
  docker history, inspect  varve history, inspect
  docker run               varve run --name KEY REF
  docker start -a          varve start KEY
  docker ps                varve ps
  docker rm                varve snapshot rm KEY
  docker commit            varve commit KEY REF
  docker diff              varve diff KEY
  docker cp KEY:/F .       varve cp KEY:/F .
  docker exec              nsenter -t PID -a; 'varve ps' lists the PID
  docker stop, kill        kill PID
  docker build             varve import, varve append
  docker system df         varve df
  docker system prune      varve prune all
  docker manifest inspect  varve manifest REF
  docker manifest create   varve index create DST REF...
  dive                     varve explore REF
  skopeo inspect           varve inspect docker://REF
  skopeo copy, crane copy  varve copy SRC DST
  skopeo sync              varve copy --all-tags SRC DST
  crane ls, digest         varve tags, digest
  crane export             varve export REF
  umoci unpack             varve unpack REF DIR

varve does not install packages, build from a Dockerfile or start several containers together. Other tools do that, and
varve reads and writes their images byte for byte.

Examples:
  varve run --rm debian:12 date
  varve run --name work debian:12 sh
  varve commit work debian:mine`,
};

/** The topics by name, in the order of their list. */
export const TOPICS: Readonly<Record<string, Topic>> = {
  names: NAMES,
  stores: STORES,
  "exit-codes": EXIT,
  registries: REGISTRIES,
  rootless: ROOTLESS,
  docker: DOCKER,
};
