// containerd's own suite of cases for snapshotters, against varve.
//
// VARVE is the command line of varve up to the verb, as a JSON list of words; VARVE_DRIVER chooses the driver. Each
// case has a daemon and a store of its own. With CONTAINERD, the suite calls the snapshotter of that name through the
// containerd that listens at this path.
package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/snapshots"
	"github.com/containerd/containerd/snapshots/proxy"
	"github.com/containerd/containerd/snapshots/testsuite"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// A last resort against a hang: a busy machine is slow.
const deadline = 3 * time.Minute

// The suite must know the name: by it, it expects that a lower directory cannot be renamed, as with any overlay.
const name = "overlayfs"

func TestSuite(t *testing.T) {
	testsuite.SnapshotterSuite(t, name, func(_ context.Context, root string) (snapshots.Snapshotter, func() error, error) {
		if socket := os.Getenv("CONTAINERD"); socket != "" {
			return dial(socket, func() error { return nil })
		}
		return start(root)
	})
}

func dial(socket string, end func() error) (snapshots.Snapshotter, func() error, error) {
	connection, err := grpc.Dial("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, err
	}
	client := snapshotsapi.NewSnapshotsClient(connection)
	return proxy.NewSnapshotter(client, "varve"), func() error {
		connection.Close()
		return end()
	}, nil
}

func start(root string) (snapshots.Snapshotter, func() error, error) {
	var words []string
	if err := json.Unmarshal([]byte(os.Getenv("VARVE")), &words); err != nil {
		return nil, nil, fmt.Errorf("VARVE: %w", err)
	}
	socket := filepath.Join(root, "varve.sock")
	words = append(words, "--root", filepath.Join(root, "store"), "serve", "--socket", socket,
		"--containerd", filepath.Join(root, "no-containerd.sock"))
	command := exec.Command(words[0], words[1:]...)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		return nil, nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	end := func() error {
		command.Process.Signal(syscall.SIGTERM)
		err := <-ended
		unmountBelow(root)
		if err != nil {
			return fmt.Errorf("varve: %w: %s", err, said.String())
		}
		return nil
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			connection.Close()
			return dial(socket, end)
		}
		select {
		case err := <-ended:
			return nil, nil, fmt.Errorf("varve did not start: %v: %s", err, said.String())
		default:
		}
		if time.Since(begin) > deadline {
			command.Process.Kill()
			<-ended
			return nil, nil, fmt.Errorf("varve does not answer: %s", said.String())
		}
	}
}

// A daemon that ends leaves its lowers mounted, for the containers that use them.
func unmountBelow(root string) {
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	lines := strings.Split(string(mounts), "\n")
	for at := len(lines) - 1; at >= 0; at-- {
		fields := strings.Fields(lines[at])
		if len(fields) > 4 && strings.HasPrefix(fields[4], root+"/") {
			syscall.Unmount(fields[4], syscall.MNT_DETACH)
		}
	}
}
