/** containerd's own suite for snapshotters, built from Debian's source packages. */
import { sha256 } from "../../../lib/digest/mod.ts";
import { buildOnce } from "../peers/debian.ts";

/** The program that runs the suite: {@linkcode goSuite} compiles it. */
const SOURCE = new URL("suite_test.go", import.meta.url).pathname;

/** Compiles the suite, unless that is done. Takes about a minute of CPU. Returns the path of the program. */
export async function goSuite(): Promise<string> {
  const version = sha256(await Deno.readFile(SOURCE)).slice("sha256:".length).slice(0, 12);
  return `${await buildOnce(`containerd-suite-${version}`, SCRIPT, [SOURCE])}/suite`;
}

const SCRIPT = String.raw`
directory=$1 source=$3
[ -e "$directory/done" ] && exit 0
rm -rf "$directory" "$directory.work"; mkdir -p "$directory" "$directory.work"; cd "$directory.work"
apt-get download -qq golang-github-containerd-{containerd,continuity,errdefs,log,typeurl,ttrpc}-dev \
  golang-google-{grpc,protobuf,genproto}-dev golang-golang-x-{net,sys,text,sync}-dev \
  golang-github-{stretchr-testify,davecgh-go-spew,pmezard-go-difflib,moby-sys}-dev \
  golang-github-{opencontainers-go-digest,sirupsen-logrus,google-go-cmp,golang-protobuf-1-5,gogo-protobuf}-dev \
  golang-gopkg-yaml.v3-dev >apt.log 2>&1 || { tail -20 apt.log; exit 1; }
for package in *.deb; do dpkg -x "$package" root; done
gopath=$PWD/root/usr/share/gocode
mkdir -p "$gopath/src/varve/suite"
cp "$source" "$gopath/src/varve/suite/suite_test.go"
export GO111MODULE=off GOPATH="$gopath" GOCACHE="$PWD/cache" GOFLAGS= CGO_ENABLED=0
go test -C "$gopath/src/varve/suite" -c -vet=off -ldflags '-s -w' -o "$directory/suite" .
cd /; rm -rf "$directory.work"
touch "$directory/done"`;
