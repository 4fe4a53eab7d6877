package process

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"seatrial/harness/app"
	"seatrial/internal/procs"
)

var _ app.Listener = (*App)(nil)

// Astray implements app.Listener.
func (a *App) Astray() string {
	in := a.instance()
	if in == nil {
		return ""
	}
	ports := in.listening()
	if len(ports) == 0 || slices.Contains(ports, in.port) {
		return ""
	}
	return fmt.Sprintf("nothing listens on $PORT, which is %d, but something does on %d", in.port, ports[0])
}

// listening lists the ports on which the app's processes listen.
func (in *instance) listening() (ports []int) {
	own := map[string]bool{}
	for _, p := range procs.Descendants(in.supervisor.pid) {
		dir := fmt.Sprintf("/proc/%d/fd/", p.PID)
		entries, _ := os.ReadDir(dir) // it may have ended
		for _, e := range entries {
			target, _ := os.Readlink(dir + e.Name())
			own[target] = true
		}
	}
	_ = within(in.supervisor.network, func() error { // what cannot be seen is not told
		for _, table := range []string{"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"} {
			content, _ := os.ReadFile(table)
			for line := range bytes.Lines(content) {
				const local, state, inode, listen = 1, 3, 9, "0A"
				fields := strings.Fields(string(line))
				if len(fields) <= inode || fields[state] != listen || !own["socket:["+fields[inode]+"]"] {
					continue
				}
				_, port, _ := strings.Cut(fields[local], ":")
				if n, err := strconv.ParseUint(port, 16, 16); err == nil && !slices.Contains(ports, int(n)) {
					ports = append(ports, int(n))
				}
			}
		}
		return nil
	})
	slices.Sort(ports)
	return ports
}
