package process

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// The filter closes what namespaces leave open: new user namespaces, in which
// code would be root again and could reach much more of the kernel; sockets that
// no network namespace holds; kernel keyrings, which have no namespace; and parts
// of the kernel that a web app has no use for. Only the machine's own system calls
// are known; others do not exist.

// newSpace is refused in clone and unshare.
const newSpace = unix.CLONE_NEWUSER

var deniedCalls = []uint32{
	unix.SYS_SETNS,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_SYSLOG,
}

// allowedFamilies are the sockets that may be made.
var allowedFamilies = []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

// Where the kernel puts what a filter looks at.
const (
	offNumber = 0
	offArch   = 4
	offArg0   = 16 // its low half, on the little-endian machines that we know
)

func filter() ([]unix.SockFilter, error) {
	arch, ok := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	if !ok {
		return nil, fmt.Errorf("cannot confine system calls on %s: only amd64 and arm64 are known", runtime.GOARCH)
	}
	load := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	ret := func(value uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value} }
	// when goes on with the next instruction if the comparison holds, else over it.
	when := func(compare uint16, k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | compare | unix.BPF_K, K: k, Jf: skip}
	}
	refuse := func(errno unix.Errno) unix.SockFilter { return ret(unix.SECCOMP_RET_ERRNO | uint32(errno)) }
	allow := ret(unix.SECCOMP_RET_ALLOW)

	const x32 = 0x40000000 // the second numbering of amd64
	f := []unix.SockFilter{
		load(offArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: arch, Jt: 1},
		refuse(unix.ENOSYS),
		load(offNumber),
		when(unix.BPF_JGE, x32, 1), refuse(unix.ENOSYS),
		// Its flags lie in memory, where a filter cannot look: libraries then use clone.
		when(unix.BPF_JEQ, unix.SYS_CLONE3, 1), refuse(unix.ENOSYS),
	}
	for _, number := range deniedCalls {
		f = append(f, when(unix.BPF_JEQ, number, 1), refuse(unix.EPERM))
	}
	for _, number := range []uint32{unix.SYS_CLONE, unix.SYS_UNSHARE} {
		f = append(f,
			when(unix.BPF_JEQ, number, 4),
			load(offArg0),
			when(unix.BPF_JSET, newSpace, 1), refuse(unix.EPERM),
			allow)
	}
	f = append(f, when(unix.BPF_JEQ, unix.SYS_SOCKET, uint8(2+2*len(allowedFamilies))), load(offArg0))
	for _, family := range allowedFamilies {
		f = append(f, when(unix.BPF_JEQ, family, 1), allow)
	}
	return append(f, refuse(unix.EAFNOSUPPORT), allow), nil
}

// filterFile holds the filter as bubblewrap reads it.
func filterFile() (*os.File, error) {
	f, err := filter()
	if err != nil {
		return nil, err
	}
	var program bytes.Buffer
	if err := binary.Write(&program, binary.NativeEndian, f); err != nil {
		return nil, fmt.Errorf("cannot write the system call filter: %w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot pass the system call filter: %w", err)
	}
	defer write.Close()
	if _, err := write.Write(program.Bytes()); err != nil { // far below what a pipe holds
		read.Close()
		return nil, fmt.Errorf("cannot pass the system call filter: %w", err)
	}
	return read, nil
}
