package inside

import (
	"archive/tar"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// How extended attributes stand in a tar stream, and which.
const (
	attributeRecord = "SCHILY.xattr." // GNU tar's and star's
	userAttribute   = "user."
	accessList      = "system.posix_acl_access"
	defaultList     = "system.posix_acl_default"
	capability      = "security.capability"

	// maxAttributes is how much of the mebibyte that Go reads of an entry's records is
	// for attributes.
	maxAttributes = 512 << 10
)

// movable says whether an attribute is the app's, and means the same in another place.
func movable(name string) bool {
	return strings.HasPrefix(name, userAttribute) || name == accessList || name == defaultList || name == capability
}

// readAttributes reads all extended attributes of a file or a folder.
func readAttributes(f *os.File) (map[string]string, error) {
	names, err := grown(func(buf []byte) (int, error) { return unix.Flistxattr(int(f.Fd()), buf) })
	if err == unix.ENOTSUP || len(names) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if !movable(name) {
			found[name] = ""
			continue
		}
		value, err := grown(func(buf []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), name, buf) })
		if err == unix.ENODATA {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[name] = string(value)
	}
	return found, nil
}

// grown asks with a buffer that is large enough.
func grown(ask func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := ask(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		buf := make([]byte, n)
		if n, err = ask(buf); err != unix.ERANGE {
			return buf[:max(0, n)], err
		}
	}
}

// attributes puts attributes into a header. Those by which the machine's security module
// labels files are the machine's.
func (x *exporter) attributes(header *tar.Header, attributes map[string]string) {
	size := 0
	for name, value := range attributes {
		switch {
		case !movable(name) && strings.HasPrefix(name, "security."):
			continue
		case !movable(name), strings.Contains(name, "="), size+len(name)+len(value) > maxAttributes:
			x.lose(attribute, header.Name+" ("+name+")")
			continue
		}
		size += len(name) + len(value)
		if header.PAXRecords == nil {
			header.PAXRecords = map[string]string{}
		}
		header.PAXRecords[attributeRecord+name] = value
	}
}

// setAttributes gives a file or a folder the header's attributes and takes away others of
// their kinds.
func (im *importer) setAttributes(f *os.File, header *tar.Header) error {
	there, err := readAttributes(f)
	if err != nil {
		return err
	}
	for name := range there {
		if _, wanted := header.PAXRecords[attributeRecord+name]; movable(name) && !wanted {
			if err := unix.Fremovexattr(int(f.Fd()), name); err != nil && err != unix.ENODATA {
				return err
			}
		}
	}
	var names []string
	for key := range header.PAXRecords {
		if name, ok := strings.CutPrefix(key, attributeRecord); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		value := header.PAXRecords[attributeRecord+name]
		if there[name] == value && movable(name) && value != "" {
			continue
		}
		switch {
		case name == capability && im.public:
			im.lose(setID, header.Name)
		case !movable(name):
			im.lose(attribute, header.Name+" ("+name+")")
		default:
			switch err := unix.Fsetxattr(int(f.Fd()), name, []byte(value), 0); err {
			case nil:
			case unix.ENOTSUP, unix.EPERM, unix.EACCES, unix.ENOSPC, unix.E2BIG, unix.ERANGE, unix.EINVAL:
				im.lose(attribute, header.Name+" ("+name+")") // this file system does not take it
			default:
				return err
			}
		}
	}
	return nil
}
